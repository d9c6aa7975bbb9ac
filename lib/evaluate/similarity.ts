/**
 * Similarity of every row of one matrix with every row of another.
 *
 * @module
 */

import { checkArray } from "../checks.ts";
import { type HotLibrary, hotLibrary } from "../engine/native/hot.ts";
import { ConfigError } from "../errors.ts";

/** What similarity can be, see {@linkcode SimilarityOptions}. */
const KINDS = ["cosine", "dot"] as const;

/** Settings of {@linkcode similarity}. */
export interface SimilarityOptions {
  /** D, elements of a row. */
  readonly dimension: number;
  /** `cosine` divides by the lengths of both rows; a row of zeros is similar to nothing. */
  readonly kind: "cosine" | "dot";
}

/**
 * `[N,K]` similarities of the rows of a `[N,D]` and b `[K,D]`, float32.
 *
 * @example
 * ```ts
 * import { similarity } from "@cpcdr/cpcdr";
 * import { assertEquals } from "@std/assert";
 * const features = Float32Array.of(3, 0, 0, 2), prototypes = Float32Array.of(1, 0);
 * assertEquals([...similarity(features, prototypes, { dimension: 2, kind: "cosine" })], [1, 0]);
 * ```
 *
 * @param library null: plain TypeScript. By default the library that ships for this platform.
 * @throws {ConfigError} when an array is no Float32Array or no whole number of rows, or the kind is none.
 */
export function similarity(
  a: Float32Array,
  b: Float32Array,
  { dimension, kind }: SimilarityOptions,
  library: HotLibrary | null = hotLibrary() ?? null,
): Float32Array {
  const n = a.length / dimension, k = b.length / dimension;
  const whole = Number.isInteger(n) && Number.isInteger(k);
  if (!(Number.isSafeInteger(dimension) && dimension >= 1 && whole)) {
    throw new ConfigError(
      `Cannot compare rows: expected whole rows of ${dimension} elements, got ${a.length} and ${b.length} elements`,
    );
  }
  checkArray("compare rows", "the first rows", a, Float32Array, a.length, ConfigError);
  checkArray("compare rows", "the second rows", b, Float32Array, b.length, ConfigError);
  if (!KINDS.includes(kind)) {
    throw new ConfigError(`Cannot compare rows: expected kind ${KINDS.join(" or ")}, got ${kind}`);
  }
  const out = new Float32Array(n * k);
  if (library) {
    library.check(library.symbols.cpcdr_similarity(
      a as Float32Array<ArrayBuffer>,
      b as Float32Array<ArrayBuffer>,
      out,
      Int32Array.of(n, k, dimension, Number(kind === "cosine")),
    ));
    return out;
  }
  const lengthsA = kind === "cosine" ? inverseLengths(a, dimension) : undefined;
  const lengthsB = kind === "cosine" ? inverseLengths(b, dimension) : undefined;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < k; j++) {
      let sum = 0;
      for (let c = 0; c < dimension; c++) sum += a[i * dimension + c] * b[j * dimension + c];
      out[i * k + j] = sum * (lengthsA?.[i] ?? 1) * (lengthsB?.[j] ?? 1);
    }
  }
  return out;
}

/** 1 / length of every row, 0 for a row of zeros. */
function inverseLengths(rows: Float32Array, dimension: number): Float64Array {
  return Float64Array.from({ length: rows.length / dimension }, (_, i) => {
    const length = Math.hypot(...rows.subarray(i * dimension, (i + 1) * dimension));
    return length > 0 ? 1 / length : 0;
  });
}
