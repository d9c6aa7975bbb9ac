/**
 * Mixing 8 images of 384 x 768 into 16 at the paper's settings, here and as a loop over pastes in PyTorch,
 * both on the CPU or both on CUDA.
 *
 *     deno run -A bench/peers/compositing.ts [--rounds N] [--cuda]
 *
 * The loop gets the same sources and the same number of pastes of the same regions, with places and looks
 * of its own drawing; both sides run on the same threads. Ours includes drawing; theirs draws as it goes. On CUDA
 * ours also copies sources to the device and results back, while theirs stay there.
 *
 * @module
 */
import { join } from "@std/path";
import { useDevice } from "../../lib/engine/device.ts";
import { paperMixConfig } from "../../lib/mix/config.ts";
import { mixImages } from "../../lib/mix/mix_images.ts";
import type { MixSource } from "../../lib/mix/paste.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import type { MixedBatch } from "../../lib/records.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";
import { encodeSafetensors } from "../../lib/run/storage/safetensors.ts";
import {
  type Case,
  compared,
  inARow,
  Peer,
  roundsOption,
  runPeerBench,
  takeTurns,
  withFolder,
} from "./support.ts";

const SOURCES = 8, HEIGHT = 384, WIDTH = 768, ROWS = 5, COLUMNS = 6;
const ROUNDS = 5, WARM_UP = 30;

/** Noise with regions in rectangles; those below are nearer, as in a street. */
function drawSource(random: Random): MixSource {
  const regions = Array.from({ length: ROWS * COLUMNS }, (_, k) => {
    const row = Math.floor(k / COLUMNS), column = k % COLUMNS;
    const top = Math.floor(row * HEIGHT / ROWS), bottom = Math.floor((row + 1) * HEIGHT / ROWS);
    const left = column * WIDTH / COLUMNS, right = (column + 1) * WIDTH / COLUMNS;
    const disparity = (row + 0.5) / ROWS * random.uniform(0.8, 1.2);
    return { area: (bottom - top) * (right - left), top, left, bottom, right, disparity };
  });
  const ids = new Int32Array(HEIGHT * WIDTH);
  regions.forEach(({ top, left, bottom, right }, id) => {
    for (let y = top; y < bottom; y++) ids.fill(id, y * WIDTH + left, y * WIDTH + right);
  });
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

/** Seconds that one thread takes to copy the results of a batch (colours and two ids a pixel) to memory that is there. */
function copySeconds(): number {
  const from = new Float32Array(2 * SOURCES * HEIGHT * WIDTH * 5).fill(1), to = from.slice();
  const times = Array.from({ length: 5 }, () => {
    const started = performance.now();
    to.set(from);
    return (performance.now() - started) / 1000;
  });
  return Math.min(...times);
}

async function main(folder: string): Promise<Case[]> {
  const rounds = roundsOption(ROUNDS);
  const on = Deno.args.includes("--cuda") ? "cuda" : "cpu";
  const device = await useDevice(on);
  console.error(device.detail);
  const random = randomStream(1, "bench", "compositing");
  const sources = Array.from({ length: SOURCES }, () => drawSource(random));
  const path = join(folder, "sources.safetensors");
  const stack = (read: (source: MixSource) => ArrayLike<number>) => {
    const parts = sources.map(read);
    const whole = new Float32Array(SOURCES * parts[0].length);
    parts.forEach((part, i) => whole.set(part, i * part.length));
    return whole;
  };
  const shape = [SOURCES, HEIGHT, WIDTH];
  const tensors: StateDict = new Map(
    [
      ["rgb", { dtype: "F32", shape: [...shape, 3], data: stack((source) => source.rgb) }],
      ["disparity", { dtype: "F32", shape, data: stack((source) => source.depth.disparity) }],
      ["ids", { dtype: "F32", shape, data: stack((source) => source.regions.ids) }],
    ] as const,
  );
  await Deno.writeFile(path, encodeSafetensors({ tensors, metadata: {} }));
  await using peer = await Peer.start("compositing_peer.py", device.threads);
  const boxes = sources[0].regions.regions.map((
    { top, left, bottom, right },
  ) => [top, left, bottom, right]);
  const horizon = HEIGHT / 2;
  const { pastes } = paperMixConfig;
  await peer.ask({ do: "start", path, boxes, pastes, horizon, device: on });
  let step = 0;
  // A batch takes over the memory of the one before, as PyTorch's do.
  let batch: MixedBatch | undefined;
  const mix = (library?: null) => {
    const started = performance.now();
    batch = mixImages(sources, paperMixConfig, randomStream(1, "bench", step++), library, batch);
    return (performance.now() - started) / 1000;
  };
  const theirMix = async () => (await peer.ask<{ seconds: number }>({ do: "mix" })).seconds;
  // A run mixes thousands of times: neither side counts with code that is not compiled yet.
  for (let k = 0; k < WARM_UP; k++) mix();
  await theirMix();
  // A call of theirs takes a second.
  const sides: (() => Promise<number> | number)[] = [inARow(() => mix()), theirMix];
  // So does plain TypeScript, which is no news on CUDA.
  if (on === "cpu") sides.push(() => mix(null));
  const [ours, theirs, plain] = await takeTurns(rounds, sides);
  if (on === "cpu") {
    console.error(
      `plain TypeScript: ${(plain * 1000).toFixed(0)} ms; ${
        (copySeconds() / ours).toFixed(2)
      } of the speed of copying what comes out`,
    );
  }
  return [
    compared(
      `mixing ${SOURCES} images of ${HEIGHT}x${WIDTH} into ${2 * SOURCES}`,
      "s",
      ours,
      theirs,
      peer.name,
    ),
  ];
}

if (import.meta.main) await runPeerBench(() => withFolder(main));
