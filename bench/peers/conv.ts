/**
 * The models' convolutions, forward and both gradients, here and in PyTorch on the CPU.
 *
 *     deno run -A bench/peers/conv.ts [--rounds N]
 *
 * Both sides have the same values and threads (`CPCDR_THREADS`, or all cores), and must agree on
 * what comes out. PyTorch takes turns in both memory layouts; the faster one counts. A turn is several calls in a
 * row, and tells their median.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { join } from "@std/path";
import { useDevice } from "../../lib/engine/device.ts";
import { DeviceError } from "../../lib/errors.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";
import { randomStream } from "../../lib/random.ts";
import { encodeSafetensors } from "../../lib/run/storage/safetensors.ts";
import {
  type Case,
  compared,
  median,
  Peer,
  roundsOption,
  runPeerBench,
  takeTurns,
  withFolder,
} from "./support.ts";

const ROUNDS = 9;
/** Seconds that one turn lasts at least. */
const TURN = 0.02;
const SAMPLES = 64;
const TOLERANCE = 1e-3;

/** A convolution: batch, rows, columns, channels in and out, size of the square kernel, stride. */
type Shape = readonly [number, number, number, number, number, number, number];

/** Those of a ResNet-18 with pyramid on 8 images of 128 x 256, and some that stand for others. */
const SHAPES: readonly Shape[] = [
  [8, 128, 256, 3, 64, 7, 2],
  [8, 32, 64, 64, 64, 3, 1],
  [8, 32, 64, 64, 128, 3, 2],
  [8, 16, 32, 128, 128, 3, 1],
  [8, 16, 32, 128, 256, 3, 2],
  [8, 8, 16, 256, 256, 3, 1],
  [8, 8, 16, 256, 512, 3, 2],
  [8, 4, 8, 512, 512, 3, 1],
  [8, 32, 64, 128, 128, 3, 1],
  [8, 32, 64, 64, 128, 1, 1],
  [8, 32, 64, 64, 128, 1, 2],
  [8, 4, 8, 512, 128, 1, 1],
  // Of the depth decoder the last layers and the heads of disparity.
  [8, 192, 384, 11, 8, 3, 1],
  [8, 192, 384, 8, 1, 3, 1],
  [8, 96, 192, 16, 1, 3, 1],
  // A bottleneck of ResNet-50, the tiny preset's first stage, a middle layer of the depth decoder.
  [8, 32, 64, 256, 64, 1, 1],
  [12, 16, 32, 16, 16, 3, 1],
  [4, 64, 128, 32, 16, 3, 1],
];

const DIRECTIONS = ["forward", "input gradient", "filter gradient"] as const;
type Direction = typeof DIRECTIONS[number];
const LAYOUTS = ["first", "last"] as const;

/** One shape's values on our side. */
class Convolution implements Disposable {
  readonly #x: tf.Tensor4D;
  readonly #filter: tf.Tensor4D;
  readonly #dy: tf.Tensor4D;

  constructor(private readonly shape: Shape) {
    const [batch, height, width, channels, outputs, size, stride] = shape;
    const random = randomStream(1, "bench", ...shape);
    const draw = (...sizes: [number, number, number, number]) => {
      const values = new Float32Array(sizes.reduce((a, b) => a * b)).map(() => random.normal());
      return tf.tensor4d(values, sizes);
    };
    this.#x = draw(batch, height, width, channels);
    this.#filter = draw(size, size, channels, outputs);
    this.#dy = draw(batch, Math.ceil(height / stride), Math.ceil(width / stride), outputs);
  }

  /** For the peer; convolutions stay `[height, width, inputs, outputs]`. */
  tensors(): StateDict {
    const entry = (tensor: tf.Tensor4D) => ({
      dtype: "F32" as const,
      shape: tensor.shape,
      data: tensor.dataSync() as Float32Array,
    });
    return new Map([["x", this.#x], ["filter", this.#filter], ["dy", this.#dy]].map(
      ([name, tensor]) => [name as string, entry(tensor as tf.Tensor4D)],
    ));
  }

  compute(direction: Direction): tf.Tensor4D {
    const [, , , , , size, stride] = this.shape;
    const attributes = {
      strides: stride,
      pad: (size - 1) / 2,
      dataFormat: "NHWC",
      inputShape: this.#x.shape,
      filterShape: this.#filter.shape,
    };
    const [x, filter, dy] = [this.#x, this.#filter, this.#dy];
    const run = (kernel: string, inputs: tf.NamedTensorMap) =>
      tf.engine().runKernel(kernel, inputs, attributes) as tf.Tensor4D;
    if (direction === "forward") return run("Conv2D", { x, filter });
    if (direction === "input gradient") return run("Conv2DBackpropInput", { dy, filter });
    return run("Conv2DBackpropFilter", { x, dy });
  }

  /** Some elements, evenly spread, as torch_conv.py picks them. */
  values(direction: Direction): number[] {
    const flat = tf.tidy(() => this.compute(direction).dataSync());
    const step = Math.max(1, Math.floor(flat.length / SAMPLES));
    return Array.from(flat).filter((_, i) => i % step === 0).slice(0, SAMPLES);
  }

  /** Seconds that one call takes, the median of some in a row: cores that slept take milliseconds to wake up. */
  run(direction: Direction, repeats: number): number {
    const seconds = Array.from({ length: repeats }, () => {
      const started = performance.now();
      this.compute(direction).dispose();
      return (performance.now() - started) / 1000;
    });
    return median(seconds);
  }

  [Symbol.dispose](): void {
    tf.dispose([this.#x, this.#filter, this.#dy]);
  }
}

/** @throws {DeviceError} when a result differs by more than TOLERANCE of the largest. */
function demandEqual(name: string, ours: readonly number[], peer: readonly number[]): void {
  const largest = Math.max(...peer.map(Math.abs));
  const worst = ours.reduce((worst, value, i) => Math.max(worst, Math.abs(value - peer[i])), 0);
  if (ours.length === peer.length && worst <= TOLERANCE * largest) return;
  throw new DeviceError(
    `Cannot compare ${name}: expected equal results, got ${worst} between values of up to ` +
      `${largest}; run tests/engine`,
  );
}

async function compare(
  name: string,
  direction: Direction,
  { convolution, peer, rounds }: { convolution: Convolution; peer: Peer; rounds: number },
): Promise<Case> {
  for (const layout of LAYOUTS) {
    const theirs = await peer.ask<number[]>({ do: "values", direction, layout });
    demandEqual(name, convolution.values(direction), theirs);
  }
  convolution.run(direction, 2);
  const repeats = Math.max(1, Math.round(TURN / convolution.run(direction, 2)));
  const [ours, ...layouts] = await takeTurns(rounds, [
    () => convolution.run(direction, repeats),
    ...LAYOUTS.map((layout) => async () =>
      (await peer.ask<{ seconds: number }>({ do: "run", direction, layout, repeats })).seconds
    ),
  ]);
  return compared(name, "s", ours, Math.min(...layouts), peer.name);
}

async function main(folder: string): Promise<Case[]> {
  const rounds = roundsOption(ROUNDS);
  const device = await useDevice("cpu");
  console.error(device.detail);
  await using peer = await Peer.start("torch_conv.py", device.threads);
  const cases: Case[] = [];
  for (const shape of SHAPES) {
    const [batch, height, width, channels, outputs, size, stride] = shape;
    using convolution = new Convolution(shape);
    const path = join(folder, "convolution.safetensors");
    const tensors = convolution.tensors();
    await Deno.writeFile(path, encodeSafetensors({ tensors, metadata: {} }));
    await peer.ask({ do: "start", path, stride, padding: (size - 1) / 2 });
    for (const direction of DIRECTIONS) {
      // Nothing asks for the gradient of images.
      if (direction === "input gradient" && channels === 3) continue;
      const sizes =
        `${size}x${size}/${stride} ${channels}->${outputs} on ${batch}x${height}x${width}`;
      const name = `conv ${sizes}, ${direction}`;
      const found = await compare(name, direction, { convolution, peer, rounds });
      cases.push(found);
      const operations = 2 * batch * Math.ceil(height / stride) * Math.ceil(width / stride) *
        size * size * channels * outputs;
      const speed = (seconds: number) => (operations / seconds / 1e9).toFixed(0).padStart(4);
      console.error(`${speed(found.ours)} and ${speed(found.peer)} GFLOP/s: ${name}`);
    }
  }
  const mean = Math.exp(cases.reduce((sum, c) => sum + Math.log(c.ratio), 0) / cases.length);
  console.error(`geometric mean of ${cases.length} ratios: ${mean.toFixed(2)}`);
  return cases;
}

if (import.meta.main) await runPeerBench(() => withFolder(main));
