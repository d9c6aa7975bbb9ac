/**
 * Superpixels: small patches of one colour, whose borders follow those of the image.
 *
 * @module
 */

import { checkArray } from "../checks.ts";
import { type NativeLibrary, sharedLibrary } from "../engine/native/library.ts";

/** Settings of {@linkcode superpixels}. */
export interface SuperpixelConfig {
  /** Superpixels per frame, about. */
  readonly count: number;
  /** Weight of nearness against colour; higher is squarer. */
  readonly compactness: number;
  /** Times that centres move. */
  readonly iterations: number;
}

/** What superpixels are cut from: 8-bit RGB, row-major. */
export interface SuperpixelImage {
  /** H, pixels. */
  readonly height: number;
  /** W, pixels. */
  readonly width: number;
  /** `[H,W,3]` sRGB, 0..255. */
  readonly rgb: Uint8Array;
}

/**
 * SLIC (Achanta et al. 2012): k-means in CIELAB colour and position, each centre searched for within
 * its own neighbourhood. Ids `[H,W]` count from 0; a superpixel may lie in several pieces.
 *
 * @param library null: plain TypeScript, which gives the same ids. By default the library that ships for
 * this platform.
 * @throws {DataError} when there are not as many colours as the size says.
 */
export function superpixels(
  image: SuperpixelImage,
  config: SuperpixelConfig,
  library: NativeLibrary | null = sharedLibrary() ?? null,
): Int32Array<ArrayBuffer> {
  const { height, width } = image, name = `rgb of ${height} x ${width}`;
  checkArray("cut superpixels", name, image.rgb, Uint8Array, 3 * height * width);
  const spacing = Math.max(1, Math.sqrt(height * width / config.count));
  const rows = Math.max(1, Math.round(height / spacing));
  const columns = Math.max(1, Math.round(width / spacing));
  const reach = Math.ceil(spacing) + 1;
  const byPlace = (config.compactness / spacing) ** 2;
  const ids = new Int32Array(height * width);
  if (library) {
    library.check(library.symbols.cpcdr_superpixels(
      image.rgb as Uint8Array<ArrayBuffer>,
      linearShares(),
      ids,
      Int32Array.of(height, width, rows, columns, reach, config.iterations),
      byPlace,
    ));
    return ids;
  }
  const lab = toLab(image.rgb);
  const centres = gridCentres(lab, height, width, rows, columns);
  const distances = new Float32Array(height * width);
  for (let i = 0; i < config.iterations; i++) {
    assign(lab, centres, { height, width, reach, byPlace }, ids, distances);
    moveCentres(lab, ids, centres, width);
  }
  return ids;
}

/**
 * Gives every pixel the median of its superpixel's values (the upper one of two).
 *
 * @throws {DataError} when there are not as many values as ids.
 */
export function superpixelMedians(
  values: Float32Array,
  ids: Int32Array,
  library: NativeLibrary | null = sharedLibrary() ?? null,
): Float32Array {
  checkArray("take medians", "ids", ids, Int32Array, ids.length);
  checkArray("take medians", `values of ${ids.length} ids`, values, Float32Array, ids.length);
  if (library) {
    const medians = new Float32Array(ids.length);
    library.check(library.symbols.cpcdr_segment_median(
      values as Float32Array<ArrayBuffer>,
      ids as Int32Array<ArrayBuffer>,
      medians,
      ids.length,
      ids.reduce((most, id) => Math.max(most, id + 1), 0),
    ));
    return medians;
  }
  const members: number[][] = [];
  ids.forEach((id, i) => (members[id] ??= []).push(values[i]));
  const medians = members.map((list) => Float32Array.from(list).sort()[list.length >> 1]);
  return Float32Array.from(ids, (id) => medians[id]);
}

/** x, y, L, a, b of each centre. */
type Centres = Float64Array;
const FIELDS = 5;

function gridCentres(
  lab: Float32Array,
  height: number,
  width: number,
  rows: number,
  columns: number,
): Centres {
  const centres = new Float64Array(rows * columns * FIELDS);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at += FIELDS) {
      const y = Math.floor((row + 0.5) * height / rows);
      const x = Math.floor((column + 0.5) * width / columns);
      const i = 3 * (y * width + x);
      centres.set([x, y, lab[i], lab[i + 1], lab[i + 2]], at);
    }
  }
  return centres;
}

interface Grid {
  /** H, pixels. */
  readonly height: number;
  /** W, pixels. */
  readonly width: number;
  /** Rows and columns that a centre is searched for to each side. */
  readonly reach: number;
  /** What a squared pixel of distance weighs. */
  readonly byPlace: number;
}

/** Every pixel takes the nearest of the centres within reach; one beyond all reach keeps its id. */
function assign(
  lab: Float32Array,
  centres: Centres,
  { height, width, reach, byPlace }: Grid,
  ids: Int32Array,
  distances: Float32Array,
): void {
  distances.fill(Infinity);
  for (let id = 0, at = 0; at < centres.length; id++, at += FIELDS) {
    const [x, y, l, a, b] = centres.subarray(at, at + FIELDS);
    const [top, bottom] = [
      Math.max(0, Math.round(y) - reach),
      Math.min(height - 1, Math.round(y) + reach),
    ];
    const [left, right] = [
      Math.max(0, Math.round(x) - reach),
      Math.min(width - 1, Math.round(x) + reach),
    ];
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        const i = row * width + column;
        const dl = lab[3 * i] - l, da = lab[3 * i + 1] - a, db = lab[3 * i + 2] - b;
        const dx = column - x, dy = row - y;
        const distance = dl * dl + da * da + db * db + byPlace * (dx * dx + dy * dy);
        if (distance < distances[i]) {
          distances[i] = distance;
          ids[i] = id;
        }
      }
    }
  }
}

/** Centres become the means of their pixels; one without pixels stays. */
function moveCentres(lab: Float32Array, ids: Int32Array, centres: Centres, width: number): void {
  const sums = new Float64Array(centres.length);
  const areas = new Int32Array(centres.length / FIELDS);
  ids.forEach((id, i) => {
    const at = FIELDS * id;
    sums[at] += i % width;
    sums[at + 1] += Math.floor(i / width);
    for (let c = 0; c < 3; c++) sums[at + 2 + c] += lab[3 * i + c];
    areas[id]++;
  });
  areas.forEach((area, id) => {
    if (area === 0) return;
    for (let c = 0; c < FIELDS; c++) centres[FIELDS * id + c] = sums[FIELDS * id + c] / area;
  });
}

/** `[256]` the linear share of light that each value of sRGB stands for. */
function linearShares(): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: 256 }, (_, value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
}

/** sRGB 0..255 to CIELAB under D65: L 0..100, a and b about -100..100. */
export function toLab(rgb: Uint8Array): Float32Array {
  const linear = linearShares();
  const float = new Float32Array(1), bits = new Int32Array(float.buffer);
  // A third of the exponent, then Halley's steps: 14 digits, and in the library the same bits.
  const cubeRoot = (t: number) => {
    float[0] = t;
    bits[0] = Math.trunc(bits[0] / 3) + 709921077;
    let root = float[0];
    for (let i = 0; i < 2; i++) {
      const cube = root * root * root;
      root = root * ((cube + 2 * t) / (2 * cube + t));
    }
    return root;
  };
  const curve = (t: number) => t > 0.008856 ? cubeRoot(t) : 7.787 * t + 16 / 116;
  const lab = new Float32Array(rgb.length);
  for (let i = 0; i < rgb.length; i += 3) {
    const [r, g, b] = [linear[rgb[i]], linear[rgb[i + 1]], linear[rgb[i + 2]]];
    const x = curve((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047);
    const y = curve(0.2126 * r + 0.7152 * g + 0.0722 * b);
    const z = curve((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883);
    lab[i] = 116 * y - 16;
    lab[i + 1] = 500 * (x - y);
    lab[i + 2] = 200 * (y - z);
  }
  return lab;
}
