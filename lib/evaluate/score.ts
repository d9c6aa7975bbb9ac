/**
 * Pixel counts and the scores made of them. Labels and predictions meet in one confusion matrix for
 * the whole set, so that a class is scored once over all images and never averaged per image.
 *
 * @module
 */
import { ConfigError, DataError } from "../errors.ts";
import type { SegmentationScore } from "../records.ts";

/** Counts of (label, prediction) pairs: `counts[label * columns + prediction]`. */
export interface Confusion {
  /** Classes. */
  readonly rows: number;
  /** Predicted ids: classes, clusters or prototypes. */
  readonly columns: number;
  /** `[rows,columns]` pixels. */
  readonly counts: Float64Array;
}

/** An empty confusion matrix of the given shape. */
export function emptyConfusion(rows: number, columns: number): Confusion {
  return { rows, columns, counts: new Float64Array(rows * columns) };
}

/**
 * Adds one image to a confusion matrix. Pixels whose label is `ignore` do not count.
 *
 * @param labels `[H,W]` class ids 0..rows-1, or `ignore`.
 * @param predictions `[H,W]` ids 0..columns-1.
 * @throws {ConfigError} when the two differ in size or a prediction is out of range.
 * @throws {DataError} when a label is neither a class nor `ignore`.
 */
export function addToConfusion(
  confusion: Confusion,
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  ignore: number,
): void {
  const { rows, columns, counts } = confusion;
  if (labels.length !== predictions.length) {
    throw new ConfigError(
      `Cannot score a segmentation: expected ${labels.length} predicted pixels, got ` +
        `${predictions.length}; predict at the size of the labels`,
    );
  }
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (label === ignore) continue;
    requireClass(label, rows, ignore);
    const prediction = predictions[i];
    if (!(prediction >= 0 && prediction < columns)) {
      throw new ConfigError(
        `Cannot score a segmentation: expected predictions 0..${columns - 1}, got ${prediction}`,
      );
    }
    counts[label * columns + prediction]++;
  }
}

/** @throws {DataError} when a label is not one of the classes. */
export function requireClass(label: number, classes: number, ignore: number): void {
  if (label < classes) return;
  throw new DataError(
    `Cannot use labels: expected 0..${classes - 1} or ${ignore} (ignore), got ${label}; ` +
      "list every class in dataset.json",
  );
}

/**
 * Merges columns: column `c` of the input is added to column `groups[c]` of the result.
 *
 * @param groups one target column 0..columns-1 for every column of `confusion`.
 */
export function foldColumns(
  confusion: Confusion,
  groups: ArrayLike<number>,
  columns: number,
): Confusion {
  const folded = emptyConfusion(confusion.rows, columns);
  for (let row = 0; row < confusion.rows; row++) {
    for (let column = 0; column < confusion.columns; column++) {
      folded.counts[row * columns + groups[column]] +=
        confusion.counts[row * confusion.columns + column];
    }
  }
  return folded;
}

/**
 * Intersection over union of every (class, predicted id) pair, `[rows,columns]`; a pair that shares
 * no pixel has 0.
 */
export function pairwiseIou({ rows, columns, counts }: Confusion): Float64Array {
  const labelled = new Float64Array(rows);
  const predicted = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      labelled[row] += counts[row * columns + column];
      predicted[column] += counts[row * columns + column];
    }
  }
  return counts.map((both, i) => {
    const either = labelled[Math.floor(i / columns)] + predicted[i % columns] - both;
    return both === 0 ? 0 : both / either;
  });
}

/**
 * Scores a square confusion matrix. IoU of a class is TP / (TP + FP + FN), NaN where that is 0 / 0;
 * mIoU is the mean over the classes that have labelled pixels; accuracy is the share of labelled
 * pixels on the diagonal. Without any labelled pixel both are NaN.
 *
 * @throws {ConfigError} when the matrix is not square.
 */
export function scoreConfusion({ rows, columns, counts }: Confusion): SegmentationScore {
  if (rows !== columns) {
    throw new ConfigError(
      `Cannot score a segmentation: expected as many predicted ids as classes (${rows}), got ` +
        `${columns}; match them one to one first`,
    );
  }
  const perClass: number[] = [];
  let correct = 0, total = 0, sum = 0, occurring = 0;
  for (let c = 0; c < rows; c++) {
    let labelled = 0, predicted = 0;
    for (let other = 0; other < rows; other++) {
      labelled += counts[c * columns + other];
      predicted += counts[other * columns + c];
    }
    const hit = counts[c * columns + c];
    const iou = hit / (labelled + predicted - hit);
    perClass.push(iou);
    correct += hit;
    total += labelled;
    if (labelled > 0) {
      sum += iou;
      occurring++;
    }
  }
  return { miou: sum / occurring, accuracy: correct / total, perClass, confusion: counts.slice() };
}
