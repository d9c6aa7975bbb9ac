/**
 * One-to-one matching of clusters to classes (Kuhn 1955, Munkres 1957), as every figure of
 * unsupervised segmentation here uses it: over the whole set, never image by image.
 *
 * @module
 */
import { munkres } from "munkres";
import { ConfigError } from "../errors.ts";
import { type Confusion, foldColumns, pairwiseIou } from "./score.ts";

/**
 * The assignment of rows to columns that maximises the summed gain, each row and column used once.
 *
 * @param gains `[rows,columns]` finite numbers.
 * @returns for each row its column, or -1 where there are fewer columns than rows.
 * @throws {ConfigError} when the array does not have that many entries.
 */
export function maximumAssignment(
  gains: ArrayLike<number>,
  rows: number,
  columns: number,
): Int32Array {
  if (gains.length !== rows * columns) {
    throw new ConfigError(
      `Cannot match rows to columns: expected ${rows} x ${columns} gains, got ${gains.length}`,
    );
  }
  const costs = Array.from(
    { length: rows },
    (_, r) => Array.from({ length: columns }, (_, c) => -gains[r * columns + c]),
  );
  const columnOfRow = new Int32Array(rows).fill(-1);
  for (const [row, column] of munkres(costs)) columnOfRow[row] = column;
  return columnOfRow;
}

/**
 * Matches clusters to classes so that the summed IoU over the set is largest, and renames the
 * clusters: column `c` of the result counts the pixels of the cluster matched to class `c`.
 *
 * @param confusion square: exactly as many clusters as classes, since more clusters would raise
 * every figure without a better segmentation.
 * @throws {ConfigError} when the numbers differ.
 */
export function matchClusters(
  confusion: Confusion,
): { readonly classOfCluster: Int32Array; readonly matched: Confusion } {
  const { rows, columns } = confusion;
  if (rows !== columns) {
    throw new ConfigError(
      `Cannot match clusters to classes: expected ${rows} clusters for ${rows} classes, got ` +
        `${columns}; group them down to the number of classes`,
    );
  }
  const clusterOfClass = maximumAssignment(pairwiseIou(confusion), rows, columns);
  const classOfCluster = new Int32Array(columns);
  clusterOfClass.forEach((cluster, label) => classOfCluster[cluster] = label);
  return { classOfCluster, matched: foldColumns(confusion, classOfCluster, rows) };
}
