/**
 * The CUDA kernels on fresh random inputs against the CPU library, and labels against a plain flood fill too.
 *
 * @module
 */

import { CudaEngine } from "../../lib/engine/native/cuda_engine.ts";
import type { CudaLibrary } from "../../lib/engine/native/cuda_library.ts";
import type { HotLibrary } from "../../lib/engine/native/hot.ts";
import { DeviceError } from "../../lib/errors.ts";
import { paperMixConfig } from "../../lib/mix/config.ts";
import { mixImages } from "../../lib/mix/mix_images.ts";
import { similarity } from "../../lib/evaluate/similarity.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import { componentStatistics } from "../../lib/regions/component_statistics.ts";
import { connectedComponents } from "../../lib/regions/connected_components.ts";
import { floodFill } from "../../tests/oracles/flood_fill.ts";
import { drawSource, unitRows } from "./inputs.ts";

/** What came of one check. */
export interface CheckResult {
  readonly name: string;
  readonly cases: number;
  /** The first disagreement. */
  readonly failure?: string;
}

/** A step of 8 bits after normalisation, at most. */
const STEP = 1 / 255 / 0.224;

/** A loss whose float32 scores are too many to be kept whole: 40 MB of them. */
const LARGE_ROWS = 40_000, LARGE_PROTOTYPES = 250;

/** Runs every check `cases` times; the seed of a case that fails is in what it tells. */
export function* checkKernels(
  library: CudaLibrary,
  engine: CudaEngine,
  native: HotLibrary,
  cases: number,
): Generator<CheckResult> {
  const checks: Record<string, (random: Random, engine: HotLibrary, native: HotLibrary) => void> = {
    labels: checkLabels,
    "statistics of labels": checkStatistics,
    compositing: checkMixing,
    similarity: (random) => checkSimilarity(random, engine, native, 1e-5),
    "prototype loss": (random) => checkLoss(random, engine, native, 1e-3),
  };
  for (const [name, check] of Object.entries(checks)) {
    yield runCheck(name, cases, check, engine, native);
  }
  const large = (bound: number) => (random: Random, engine: HotLibrary, native: HotLibrary) =>
    checkLoss(random, engine, native, bound, LARGE_ROWS);
  const few = Math.ceil(cases / 20);
  yield runCheck("prototype loss, large", few, large(1e-3), engine, native);
  if (Number(engine.device.capability) < 8) return;
  using rounded = new CudaEngine(library, engine.device, "tf32");
  yield runCheck(
    "similarity in TF32",
    cases,
    (random) => {
      checkSimilarity(random, rounded, native, 1e-2);
    },
    rounded,
    native,
  );
  yield runCheck(
    "prototype loss in TF32",
    cases,
    (random) => {
      checkLoss(random, rounded, native, 5e-2);
    },
    rounded,
    native,
  );
  yield runCheck("prototype loss in TF32, large", few, large(5e-2), rounded, native);
}

function runCheck(
  name: string,
  cases: number,
  check: (random: Random, engine: HotLibrary, native: HotLibrary) => void,
  engine: HotLibrary,
  native: HotLibrary,
): CheckResult {
  for (let i = 0; i < cases; i++) {
    const seed = Math.floor(Math.random() * 1e9);
    try {
      check(randomStream(seed, name), engine, native);
    } catch (error) {
      if (!(error instanceof Disagreement) && !(error instanceof DeviceError)) throw error;
      return { name, cases: i + 1, failure: `**${error.message}** (seed ${seed})` };
    }
  }
  return { name, cases };
}

class Disagreement extends Error {}

/** Largest difference allowed: `bound` times the largest of what is expected, at least of 1. */
function expectClose(
  what: string,
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  bound: number,
) {
  let largest = 0;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i]));
  for (let i = 0; i < expected.length; i++) {
    if (Math.abs(got[i] - expected[i]) <= bound * largest) continue;
    throw new Disagreement(`${what}: expected ${expected[i]} at ${i}, got ${got[i]}`);
  }
}

function expectSame(what: string, got: ArrayLike<number>, expected: ArrayLike<number>) {
  expectClose(what, got, expected, 0);
}

const side = (random: Random, most: number) =>
  random.chance(0.2) ? 1 + random.integer(3) : 1 + random.integer(most);

/** All equal, a chessboard, combs, a spiral, noise with NaN and infinities, hills. */
function drawMap(random: Random, height: number, width: number): Float32Array<ArrayBuffer> {
  const kind = random.integer(6), levels = 1 + random.integer(4), tooth = 1 + random.integer(5);
  return Float32Array.from({ length: height * width }, (_, i) => {
    const y = Math.floor(i / width), x = i % width;
    const ring = Math.min(x, y, width - 1 - x, height - 1 - y);
    switch (kind) {
      case 0:
        return 1;
      case 1:
        return (x + y) & 1;
      case 2:
        return Number(Math.floor(x / tooth) % 2 === 1 && y < height - 1);
      case 3:
        return Number(ring % 2 === 1 && !(x === ring && y === ring + 1));
      case 4:
        return random.chance(0.9)
          ? random.integer(levels)
          : [NaN, Infinity, -Infinity][random.integer(3)];
      default:
        return Math.floor(3 * Math.sin(0.11 * x) + 2 * Math.cos(0.07 * y + 0.05 * x));
    }
  });
}

function checkLabels(random: Random, engine: HotLibrary, native: HotLibrary) {
  const batch = 1 + random.integer(3), height = side(random, 300), width = side(random, 300);
  const maps = new Float32Array(batch * height * width);
  for (let b = 0; b < batch; b++) maps.set(drawMap(random, height, width), b * height * width);
  const options = {
    connectivity: random.chance(0.5) ? 4 : 8,
    maxJump: random.integer(3) / 2,
    background: random.chance(0.5) ? 1 : undefined,
  } as const;
  const got = connectedComponents(maps, [batch, height, width], options, engine);
  const expected = connectedComponents(maps, [batch, height, width], options, native);
  expectSame(`${height} x ${width} labels`, got.labels, expected.labels);
  expectSame("counts", got.counts, expected.counts);
  if (height * width > 4000) return;
  const { connectivity, maxJump, background } = options;
  const first = maps.subarray(0, height * width);
  const { labels } = floodFill(first, height, width, connectivity, maxJump, background);
  expectSame("labels by flood fill", got.labels, labels);
}

function checkStatistics(random: Random, engine: HotLibrary, native: HotLibrary) {
  const height = side(random, 300), width = side(random, 300), pixels = height * width;
  const values = drawMap(random, height, width).map((value) => Number.isFinite(value) ? value : 0);
  const points = Float32Array.from({ length: 3 * pixels }, () => random.normal());
  const options = { connectivity: 4, maxJump: 0 } as const;
  const { labels, counts } = connectedComponents(values, [1, height, width], options, native);
  const components = { labels, count: counts[0] };
  const flat = (library: HotLibrary) => {
    const { components: all, borders } = componentStatistics(
      components,
      [height, width],
      { values, points },
      library,
    );
    return {
      exact: [
        ...all.flatMap(({ area, top, left, bottom, right }) => [area, top, left, bottom, right]),
        ...borders.flatMap(({ low, high, length }) => [low, high, length]),
      ],
      means: all.flatMap(({ mean, centroid }) => [mean, ...centroid]),
    };
  };
  const got = flat(engine), expected = flat(native);
  expectSame("boxes and borders", got.exact, expected.exact);
  expectClose("means", got.means, expected.means, 1e-9);
}

function checkMixing(random: Random, engine: HotLibrary, native: HotLibrary) {
  const height = 16 + random.integer(100), width = 32 + random.integer(150);
  const sources = [0, 1, 2].map(() => drawSource(random, height, width));
  const seed = random.integer(1 << 30);
  const got = mixImages(sources, paperMixConfig, randomStream(seed, "mix"), engine);
  const expected = mixImages(sources, paperMixConfig, randomStream(seed, "mix"), native);
  expectSame("copy ids", got.copyIds, expected.copyIds);
  expectSame("region ids", got.regionIds, expected.regionIds);
  got.images.forEach((value, i) => {
    if (Math.abs(value - expected.images[i]) <= STEP) return;
    throw new Disagreement(`colours: expected ${expected.images[i]} at ${i}, got ${value}`);
  });
}

function checkSimilarity(random: Random, engine: HotLibrary, native: HotLibrary, bound: number) {
  const n = 1 + random.integer(300),
    k = 1 + random.integer(300),
    dimension = 1 + random.integer(150);
  const a = unitRows(random, n, dimension), b = unitRows(random, k, dimension);
  const options = { dimension, kind: random.chance(0.5) ? "cosine" : "dot" } as const;
  expectClose(
    "scores",
    similarity(a, b, options, engine),
    similarity(a, b, options, native),
    bound,
  );
}

/** @param rows At least so many, and up to 2000 more. */
function checkLoss(
  random: Random,
  engine: HotLibrary,
  native: HotLibrary,
  bound: number,
  rows = 0,
) {
  const n = rows + 1 + random.integer(2000), d = 1 + random.integer(140);
  const k = rows > 0 ? LARGE_PROTOTYPES : 2 + random.integer(200);
  const groupCount = 1 + random.integer(n), sizes = Int32Array.of(n, k, d, groupCount, 3, n);
  const features = unitRows(random, n, d), prototypes = unitRows(random, k, d);
  const groups = Int32Array.from({ length: n }, () => random.integer(groupCount + 1) - 1);
  const run = (library: HotLibrary) => {
    const result = new Float32Array(2), nearest = new Int32Array(n);
    const dfeatures = new Float32Array(n * d), dprototypes = new Float32Array(k * d);
    library.check(library.symbols.cpcdr_prototype_loss(
      features,
      prototypes,
      groups,
      result,
      nearest,
      dfeatures,
      dprototypes,
      sizes,
      0.05,
      0.1,
    ));
    return { result, dfeatures, dprototypes };
  };
  const got = run(engine), expected = run(native);
  expectClose("loss and entropy", got.result, expected.result, bound);
  expectClose("gradient of features", got.dfeatures, expected.dfeatures, bound);
  expectClose("gradient of prototypes", got.dprototypes, expected.dprototypes, bound);
}
