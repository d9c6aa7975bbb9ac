/**
 * How fast the kernels on plain arrays are, in the native library and in TypeScript.
 *
 * @module
 */

import type { HotLibrary } from "../../engine/native/hot.ts";
import { tinyMixConfig } from "../../mix/config.ts";
import { mixImages } from "../../mix/mix_images.ts";
import type { MixSource } from "../../mix/paste.ts";
import { similarity } from "../../evaluate/similarity.ts";
import { type Random, randomStream } from "../../random.ts";
import type { MixedBatch } from "../../records.ts";
import { connectedComponents } from "../../regions/connected_components.ts";

const ROUNDS = 3;
const HEIGHT = 128, WIDTH = 256;

/** One kernel on one input; times are medians of a few calls. */
export interface HotKernelSpeed {
  readonly kernel: string;
  readonly milliseconds: number;
  readonly plainMilliseconds: number;
  /** How many times as fast the library is. */
  readonly ratio: number;
}

/** Times each kernel with the library and without it. */
export function hotKernelSpeeds(library: HotLibrary): HotKernelSpeed[] {
  const random = randomStream(0, "doctor");
  const sources = Array.from({ length: 4 }, () => stripes(random));
  const map = Float32Array.from({ length: 512 * 1024 }, (_, i) => Math.floor(i / 37) % 5);
  const rows = Float32Array.from({ length: 256 * 128 }, () => random.normal());
  // Results go where those of the call before went: new memory takes longer to get than most of them to make.
  const labels = new Int32Array(map.length);
  let batch: MixedBatch | undefined;
  const kernels: Record<string, (engine: HotLibrary | null) => void> = {
    "connectedComponents 512x1024": (engine) => {
      connectedComponents(map, [1, 512, 1024], { connectivity: 8, maxJump: 0, labels }, engine);
    },
    [`mixImages 8x${HEIGHT}x${WIDTH}`]: (engine) => {
      batch = mixImages(sources, tinyMixConfig, randomStream(0, "doctor", "mix"), engine, batch);
    },
    "similarity 256x256x128": (engine) => {
      similarity(rows, rows, { dimension: 128, kind: "cosine" }, engine);
    },
  };
  return Object.entries(kernels).map(([kernel, run]) => {
    const milliseconds = medianTime(() => run(library));
    const plainMilliseconds = medianTime(() => run(null));
    return { kernel, milliseconds, plainMilliseconds, ratio: plainMilliseconds / milliseconds };
  });
}

function medianTime(run: () => void): number {
  run();
  const times = Array.from({ length: ROUNDS }, () => {
    const started = performance.now();
    run();
    return performance.now() - started;
  });
  return times.sort((a, b) => a - b)[ROUNDS >> 1];
}

/** A source of noise in four upright regions. */
function stripes(random: Random): MixSource {
  const side = WIDTH / 4;
  const ids = Int32Array.from({ length: HEIGHT * WIDTH }, (_, i) => Math.floor(i % WIDTH / side));
  const regions = [0, 1, 2, 3].map((id) => ({
    area: HEIGHT * side,
    top: 0,
    left: id * side,
    bottom: HEIGHT,
    right: (id + 1) * side,
    disparity: random.uniform(),
  }));
  return {
    height: HEIGHT,
    width: WIDTH,
    rgb: Uint8Array.from({ length: 3 * ids.length }, () => random.integer(256)),
    depth: {
      height: HEIGHT,
      width: WIDTH,
      disparity: Float32Array.from(ids, (id) => regions[id].disparity),
    },
    regions: { height: HEIGHT, width: WIDTH, ids, regions },
    horizon: HEIGHT / 2,
  };
}
