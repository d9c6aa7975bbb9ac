/**
 * Which features of the mixed images are compared: samples that show the same scene point (pixel
 * level) or lie in the same region (region level) form a group and share one target.
 *
 * @module
 */
import type { Random } from "../random.ts";
import type { MixedBatch } from "../records.ts";

/** Positions in each mixed image and the group that each belongs to. */
export interface SampleSet {
  /** B, mixed images. */
  readonly images: number;
  /** S, slots an image. */
  readonly perImage: number;
  /** `[B,S,2]` (x, y) in feature-grid coordinates; 0 in empty slots. */
  readonly positions: Float32Array;
  /** `[B*S]` group 0..groupCount-1 of each sample, -1 in empty slots. */
  readonly groups: Int32Array;
  readonly groupCount: number;
  /** Slots that are not empty. */
  readonly count: number;
}

/** How many samples are wanted, and where features lie. */
export interface SamplingOptions {
  /** S, at most this many samples in each mixed image. */
  readonly perImage: number;
  /** Groups with fewer members are left out. */
  readonly minimumGroup: number;
  /** Pixels from one feature to the next. */
  readonly stride: number;
}

/**
 * Feature-grid coordinate of a pixel coordinate: both grids span the same image, cell 0 of stride 4
 * covers pixels 0..3 and has its centre at 1.5.
 */
export function toGrid(pixel: number, stride: number): number {
  return (pixel + 0.5) / stride - 0.5;
}

/**
 * Pixel level (paper, section 3.3): scene points are spread over every source and followed through
 * the stored transforms into each mixed image where they can still be seen, that is where they land
 * inside and the pixel they land on shows that very copy. All places of one point are one group.
 *
 * Points are taken in random order until the slots of the images are full, so that no source has
 * precedence; sources are as large as mixed images.
 */
export function samplePixels(
  batch: MixedBatch,
  options: SamplingOptions,
  random: Random,
): SampleSet {
  const copiesOf = visibleCopies(batch);
  const points = copiesOf.flatMap((_, source) =>
    spreadPoints(batch.height, batch.width, options.perImage, random)
      .map(([x, y]) => ({ source, x, y }))
  );
  const slots = new Slots(batch.count, options);
  for (const { source, x, y } of random.shuffle(points)) {
    const places: Place[] = [];
    for (const { copy, left, top, right, bottom } of copiesOf[source]) {
      if (x < left || x > right || y < top || y > bottom) continue;
      const place = landing(batch, copy, x, y);
      if (place) places.push(place);
    }
    slots.addGroup(places);
  }
  return slots.finish();
}

/**
 * Region level (paper, section 3.3): positions are spread over every mixed image; those in the same
 * region of the same source, wherever it was pasted, are one group. Pixels outside every region
 * (id below 0: padding) are not sampled.
 */
export function sampleRegions(
  batch: MixedBatch,
  options: SamplingOptions,
  random: Random,
): SampleSet {
  const { height, width } = batch;
  const placesOf = new Map<number, Place[]>();
  for (let mixed = 0; mixed < batch.count; mixed++) {
    for (const [x, y] of spreadPoints(height, width, options.perImage, random)) {
      const id = batch.regionIds[(mixed * height + Math.round(y)) * width + Math.round(x)];
      if (id < 0) continue;
      const places = placesOf.get(id);
      if (places) places.push({ mixed, x, y });
      else placesOf.set(id, [{ mixed, x, y }]);
    }
  }
  const slots = new Slots(batch.count, options);
  for (const places of placesOf.values()) slots.addGroup(places);
  return slots.finish();
}

interface Place {
  readonly mixed: number;
  /** Pixels of the mixed image. */
  readonly x: number;
  readonly y: number;
}

/** Fills the slots of the images group by group. */
class Slots {
  readonly #images: number;
  readonly #options: SamplingOptions;
  readonly #positions: Float32Array;
  readonly #groups: Int32Array;
  readonly #filled: Int32Array;
  #groupCount = 0;
  #count = 0;

  constructor(images: number, options: SamplingOptions) {
    this.#images = images;
    this.#options = options;
    this.#positions = new Float32Array(images * options.perImage * 2);
    this.#groups = new Int32Array(images * options.perImage).fill(-1);
    this.#filled = new Int32Array(images);
  }

  /** Adds the places that find a free slot, if those are enough for a group. */
  addGroup(places: readonly Place[]): void {
    const { perImage, minimumGroup, stride } = this.#options;
    const taken = this.#filled.slice();
    const fitting = places.filter(({ mixed }) => taken[mixed]++ < perImage);
    if (fitting.length < Math.max(1, minimumGroup)) return;
    for (const { mixed, x, y } of fitting) {
      const slot = mixed * perImage + this.#filled[mixed]++;
      this.#positions[2 * slot] = toGrid(x, stride);
      this.#positions[2 * slot + 1] = toGrid(y, stride);
      this.#groups[slot] = this.#groupCount;
    }
    this.#groupCount++;
    this.#count += fitting.length;
  }

  finish(): SampleSet {
    return {
      images: this.#images,
      perImage: this.#options.perImage,
      positions: this.#positions,
      groups: this.#groups,
      groupCount: this.#groupCount,
      count: this.#count,
    };
  }
}

/** At most `count` points, one at a random place in each cell of a grid of nearly square cells. */
function spreadPoints(
  height: number,
  width: number,
  count: number,
  random: Random,
): [number, number][] {
  const rows = Math.min(count, Math.max(1, Math.round(Math.sqrt(count * height / width))));
  const columns = rows === 0 ? 0 : Math.floor(count / rows);
  const points: [number, number][] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const x = (column + random.uniform()) * width / columns - 0.5;
      const y = (row + random.uniform()) * height / rows - 0.5;
      points.push([x, y]);
    }
  }
  return points;
}

/** A copy of which at least one pixel is seen, and the part of its source that the seen pixels show. */
interface VisibleCopy {
  readonly copy: number;
  /** Pixels of the source, bounds included. */
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The visible copies of each source: far fewer than there are, and each of a small part. */
function visibleCopies(batch: MixedBatch): VisibleCopy[][] {
  const { copies, copyIds, regionOffsets, width } = batch;
  const seen = copies.map(() => ({ left: Infinity, top: Infinity, right: -1, bottom: -1 }));
  for (let i = 0; i < copyIds.length; i++) {
    if (copyIds[i] < 0) continue;
    const box = seen[copyIds[i]], x = i % width, y = Math.floor(i / width) % batch.height;
    if (x < box.left) box.left = x;
    if (x > box.right) box.right = x;
    if (y < box.top) box.top = y;
    if (y > box.bottom) box.bottom = y;
  }
  const copiesOf: VisibleCopy[][] = Array.from({ length: regionOffsets.length - 1 }, () => []);
  copies.forEach(({ source, transform: [a, b, c, d, e, f] }, copy) => {
    const { left, top, right, bottom } = seen[copy];
    if (right < 0) return;
    // Back through the affine transform: each side of the image's box is half a pixel further out.
    const determinant = a * e - b * d;
    const corners = [left - 0.5, right + 0.5].flatMap((x) =>
      [top - 0.5, bottom + 0.5].map((y) => [
        (e * (x - c) - b * (y - f)) / determinant,
        (a * (y - f) - d * (x - c)) / determinant,
      ])
    );
    const xs = corners.map(([x]) => x), ys = corners.map(([, y]) => y);
    copiesOf[source].push({
      copy,
      left: Math.min(...xs) - ROUNDING,
      top: Math.min(...ys) - ROUNDING,
      right: Math.max(...xs) + ROUNDING,
      bottom: Math.max(...ys) + ROUNDING,
    });
  });
  return copiesOf;
}

/** In pixels, far above what going there and back can lose. */
const ROUNDING = 1e-3;

/**
 * Where a point of a copy's source lies in its mixed image, or undefined where it cannot be seen: it
 * is outside, or the pixel it falls on shows another copy. Most points of most copies are such.
 */
function landing(batch: MixedBatch, copy: number, x: number, y: number): Place | undefined {
  const { mixed, transform: t } = batch.copies[copy];
  const landedX = t[0] * x + t[1] * y + t[2], landedY = t[3] * x + t[4] * y + t[5];
  const column = Math.round(landedX), row = Math.round(landedY);
  if (!(column >= 0 && column < batch.width && row >= 0 && row < batch.height)) return undefined;
  if (batch.copyIds[(mixed * batch.height + row) * batch.width + column] !== copy) return undefined;
  return { mixed, x: landedX, y: landedY };
}
