/**
 * One training step of ResNet-18 with a feature pyramid, here and in PyTorch on the CPU.
 *
 *     deno run -A bench/peers/step.ts [--rounds N] [--mixed]
 *
 * Both sides have the same weights, images, labels and threads (`CPCDR_THREADS`, or all cores); a
 * step is forward, backward and SGD with momentum in float32, or with `--mixed` in mixed precision, which is autocast to
 * bfloat16 in PyTorch. They must agree on the number of
 * parameters and on the loss of the first steps before anything is timed. PyTorch takes turns in both
 * memory layouts; the faster one counts. A profile of our step follows on stderr.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { join } from "@std/path";
import { useDevice } from "../../lib/engine/device.ts";
import { DeviceError } from "../../lib/errors.ts";
import { Sgd } from "../../lib/nn/optimizers.ts";
import { ParameterStore } from "../../lib/nn/parameters.ts";
import { variableGrads } from "../../lib/ops/variable_grads.ts";
import { paperPretrainConfig } from "../../lib/pretrain/config.ts";
import { encoder } from "../../lib/pretrain/encoder.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import { encodeSafetensors } from "../../lib/run/storage/safetensors.ts";
import { profile } from "./profile.ts";
import {
  type Case,
  compared,
  forgetPeak,
  peakBytes,
  Peer,
  roundsOption,
  runPeerBench,
  takeTurns,
  withFolder,
} from "./support.ts";

const BATCH = 8, HEIGHT = 128, WIDTH = 256, STRIDE = 4, CHANNELS = 128, CLASSES = 19;
const LEARNING_RATE = 0.01, MOMENTUM = 0.9, WEIGHT_DECAY = 1e-4;
const WARM_UP = 4, ROUNDS = 15;
/** Steps whose losses must agree; from the second on they depend on gradients and updates. */
const CHECKED_STEPS = 3;
const MIXED = Deno.args.includes("--mixed");
/** Factors of 8 bits are rounded by the sides in other places. */
const TOLERANCE = MIXED ? 3e-2 : 1e-3;

/** Where PyTorch keeps the channels of an image in memory. */
type Layout = "first" | "last";

interface Answer {
  readonly seconds: number;
  readonly loss: number;
}

/** Our side. */
class Trainer {
  readonly images: Float32Array<ArrayBuffer>;
  readonly labels: Int32Array<ArrayBuffer>;
  readonly store: ParameterStore;
  readonly parameters: number;
  readonly #images: tf.Tensor4D;
  readonly #truth: tf.Tensor2D;
  readonly #loss: () => tf.Scalar;
  readonly #optimizer: Sgd;

  constructor(random: Random) {
    const rows = BATCH * (HEIGHT / STRIDE) * (WIDTH / STRIDE);
    this.images = new Float32Array(BATCH * HEIGHT * WIDTH * 3).map(() => random.normal());
    this.labels = new Int32Array(rows).map(() => random.integer(CLASSES));
    const oneHot = new Float32Array(rows * CLASSES);
    this.labels.forEach((label, row) => oneHot[row * CLASSES + label] = 1);
    this.#images = tf.tensor4d(this.images.slice(), [BATCH, HEIGHT, WIDTH, 3]);
    this.#truth = tf.tensor2d(oneHot, [rows, CLASSES]);
    this.store = new ParameterStore(random);
    const encode = encoder(this.store.root, {
      ...paperPretrainConfig,
      depth: 18,
      pyramidChannels: CHANNELS,
      topDownChannels: 0,
      projectorChannels: 0,
      embeddingSize: CLASSES,
    });
    this.#loss = () => {
      const logits = encode(this.#images, { training: true }).projections;
      const logarithms = tf.logSoftmax(tf.reshape(logits, [rows, CLASSES]));
      return tf.mul(tf.sum(tf.mul(this.#truth, logarithms)), -1 / rows);
    };
    const variables = this.store.trainable();
    this.parameters = variables.reduce((sum, { size }) => sum + size, 0);
    this.#optimizer = new Sgd(variables, { momentum: MOMENTUM, weightDecay: WEIGHT_DECAY });
  }

  step(): Answer {
    const started = performance.now();
    const loss = tf.tidy(() => {
      const { value, grads } = variableGrads(this.#loss, this.store.trainable());
      this.#optimizer.step(grads, LEARNING_RATE);
      return value.dataSync()[0];
    });
    return { seconds: (performance.now() - started) / 1000, loss };
  }
}

/** PyTorch on our weights and data, in one memory layout. */
async function startPeer(path: string, layout: Layout, ours: Trainer, threads: number) {
  const peer = await Peer.start("torch_step.py", threads);
  const { parameters } = await peer.ask<{ parameters: number }>({
    do: "start",
    path,
    channels: CHANNELS,
    outputs: CLASSES,
    learning_rate: LEARNING_RATE,
    momentum: MOMENTUM,
    weight_decay: WEIGHT_DECAY,
    channels_last: layout === "last",
    autocast: MIXED,
  });
  demand(parameters === ours.parameters, "number of parameters", ours.parameters, parameters);
  return peer;
}

/** @throws {DeviceError} when the sides compute different things. */
function demand(holds: boolean, what: string, ours: number, peer: number): void {
  if (holds) return;
  throw new DeviceError(
    `Cannot compare training steps: expected the same ${what}, got ${ours} here and ${peer} there; ` +
      "bring torch_step.py and lib/pretrain/encoder.ts together",
  );
}

async function main(folder: string): Promise<Case[]> {
  const rounds = roundsOption(ROUNDS);
  const device = await useDevice("cpu", { precision: MIXED ? "mixed" : "float32" });
  console.error(device.detail);
  const trainer = new Trainer(randomStream(1, "bench", "step"));
  const path = join(folder, "start.safetensors");
  await writeStart(path, trainer);
  // A process for each layout, so that each has a peak of memory of its own.
  await using first = await startPeer(path, "first", trainer, device.threads);
  await using last = await startPeer(path, "last", trainer, device.threads);
  const peers = [first, last];
  for (let step = 0; step < WARM_UP; step++) {
    const ours = trainer.step().loss;
    for (const peer of peers) {
      const { loss } = await peer.ask<Answer>({ do: "step" });
      if (step >= CHECKED_STEPS) continue;
      console.error(`loss of step ${step}: ${ours} here, ${loss} there`);
      demand(
        Math.abs(ours - loss) <= TOLERANCE * Math.abs(loss),
        `loss of step ${step}`,
        ours,
        loss,
      );
    }
  }
  await Promise.all([Deno.pid, first.pid, last.pid].map(forgetPeak));
  const [ours, ...layouts] = await takeTurns(rounds, [
    () => trainer.step().seconds,
    ...peers.map((peer) => async () => (await peer.ask<Answer>({ do: "step" })).seconds),
  ]);
  const [inFirst, inLast] = layouts.map((seconds) => `${(seconds * 1000).toFixed(0)} ms`);
  console.error(`${first.name}: ${inFirst} with channels first, ${inLast} with channels last`);
  const peer = layouts[0] <= layouts[1] ? first : last;
  const name = `ResNet-18 + FPN training step, ${BATCH}x${HEIGHT}x${WIDTH}${
    MIXED ? ", mixed precision" : ""
  }`;
  const cases = [compared(name, "s", ours, Math.min(...layouts), peer.name)];
  const [ourPeak, peak] = await Promise.all([Deno.pid, peer.pid].map(peakBytes));
  if (ourPeak !== undefined && peak !== undefined) {
    cases.push(compared(`${name}, peak memory`, "bytes", ourPeak, peak, peer.name));
  }
  console.error(`\n${await profile(() => trainer.step())}`);
  return cases;
}

/** Weights, images and labels for the peer. */
async function writeStart(path: string, { store, images, labels }: Trainer): Promise<void> {
  const tensors = await store.export();
  const shape = [BATCH, HEIGHT, WIDTH, 3];
  tensors.set("input.images", { dtype: "F32", shape, data: images });
  const rows = [BATCH, HEIGHT / STRIDE, WIDTH / STRIDE];
  tensors.set("input.labels", { dtype: "I32", shape: rows, data: labels });
  await Deno.writeFile(path, encodeSafetensors({ tensors, metadata: {} }));
}

if (import.meta.main) await runPeerBench(() => withFolder(main));
