/**
 * The prototype loss with its gradients on the WebGPU engine: composed of tfjs-core's operations, and as the
 * kernel `PrototypeLoss`, with all scores in memory and with a quarter of them.
 *
 *     deno run -A bench/prototype_loss.ts [--rounds N] [--paper]
 *
 * Takes turns; medians, the wait for the GPU included, of seconds by the wall's clock and of this process's, which on a
 * software adapter are its work, whatever else runs. Bytes are those that the engine's pool has once the form has run
 * alone, features and prototypes included: the most that it held. --paper takes the sizes of preset `paper`,
 * which want a GPU. The last line is JSON.
 *
 * @module
 */
import process from "node:process";
import * as tf from "@tensorflow/tfjs-core";
import { registerGradients } from "../lib/engine/gradients.ts";
import { findAdapter } from "../lib/engine/webgpu/adapter.ts";
import type { WebGpuBackend } from "../lib/engine/webgpu/backend.ts";
import { openDevice } from "../lib/engine/webgpu/device.ts";
import { registerKernels } from "../lib/engine/webgpu/kernel.ts";
import { prototypeLossKernels } from "../lib/engine/webgpu/kernels/prototype_loss/loss.ts";
import { registerWebGpuBackend } from "../lib/engine/webgpu/register.ts";
import { DeviceError } from "../lib/errors.ts";
import { unitRows } from "../lib/pretrain/encoder.ts";
import { prototypeLoss, swappedPrediction } from "../lib/pretrain/prototype_loss.ts";
import type { SampleSet } from "../lib/pretrain/sampling.ts";
import { type Random, randomStream } from "../lib/random.ts";
import { median, roundsOption, takeTurns } from "./peers/support.ts";

/** Samples, prototypes, numbers in each. */
type Shape = readonly [rows: number, prototypes: number, depth: number];

/** Preset `tiny`, and a tenth of preset `paper`. */
const SHAPES: readonly Shape[] = [[12 * 512 * 2, 200, 64], [11_200, 1000, 128]];
const PAPER: readonly Shape[] = [[115_200, 1000, 128]];
const SETTINGS = { epsilon: 0.05, iterations: 3, temperature: 0.1 };
/** Samples in a group, on average. */
const GROUP = 6;
const TOLERANCE = 1e-5;

interface Inputs {
  readonly features: tf.Tensor2D;
  readonly prototypes: tf.Tensor2D;
  readonly samples: SampleSet;
}

/** Loss and nearest prototypes of features and prototypes. */
type Form = (features: tf.Tensor2D, prototypes: tf.Tensor2D, samples: SampleSet) => tf.Tensor1D[];

const composed: Form = (features, prototypes, samples) => {
  const scores: tf.Tensor2D = tf.matMul(features, prototypes, false, true);
  return [prototypeLoss(scores, samples, SETTINGS), tf.argMax(scores, 1)];
};

/** @param scoreBytes As of the kernel; its own default where absent. */
const fused = (scoreBytes?: number): Form => {
  const kernels = prototypeLossKernels(scoreBytes);
  return (features, prototypes, samples) => {
    registerKernels(kernels);
    const both = swappedPrediction(features, prototypes, samples, SETTINGS);
    return [both.lossAndEntropy, both.nearest];
  };
};

function inputsOf([rows, prototypes, depth]: Shape): Inputs {
  const random = randomStream(1, "bench", "prototype loss");
  const groupCount = Math.ceil(rows / GROUP);
  return {
    features: drawRows(random, rows, depth),
    prototypes: drawRows(random, prototypes, depth),
    samples: {
      images: 1,
      perImage: Math.ceil(rows / 12),
      positions: new Float32Array(0),
      groups: Int32Array.from({ length: rows }, () => random.integer(groupCount)),
      groupCount,
      count: rows,
    },
  };
}

function drawRows(random: Random, rows: number, depth: number): tf.Tensor2D {
  const values = Float32Array.from({ length: rows * depth }, () => random.normal());
  return tf.tidy(() => unitRows(tf.tensor2d(values, [rows, depth])));
}

interface Step {
  readonly loss: number;
  readonly seconds: number;
  /** Of all processors of this process. */
  readonly processorSeconds: number;
}

/** Runs a form with its gradients to the end. */
async function step(form: Form, inputs: Inputs): Promise<Step> {
  const { features, prototypes, samples } = inputs;
  const started = performance.now(), usage = process.cpuUsage();
  const scalar = tf.tidy(() => {
    const { value } = tf.valueAndGrads((f: tf.Tensor, p: tf.Tensor) => {
      const [loss] = form(f as tf.Tensor2D, p as tf.Tensor2D, samples);
      return tf.sum(tf.slice(loss, 0, 1)) as tf.Scalar;
    })([features, prototypes]);
    return value;
  });
  // Kernels run in their order: what was recorded after the loss is done as well when more is read.
  const last = tf.tidy(() => tf.add(scalar, 0));
  const [loss] = await last.data();
  scalar.dispose();
  last.dispose();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(usage);
  return { loss, seconds, processorSeconds: (user + system) / 1e6 };
}

const probe = await findAdapter();
if (!probe.found) throw new DeviceError(`Cannot run the bench: ${probe.reason}`);
const { found } = probe;
const device = await openDevice(found);
await registerGradients();
console.error(found.description);
const rounds = roundsOption(5);
const results: Record<string, number | string>[] = [];
for (const shape of Deno.args.includes("--paper") ? PAPER : SHAPES) {
  const quarter = Math.ceil(shape[0] * shape[1] * 4 / 4);
  const forms: [string, Form][] = [
    ["composed", composed],
    ["fused", fused()],
    ["fused, a quarter", fused(quarter)],
  ];
  const bytes: number[] = [], losses: number[] = [];
  for (const [, form] of forms) {
    registerWebGpuBackend(device);
    await tf.setBackend("webgpu");
    const inputs = inputsOf(shape);
    losses.push((await step(form, inputs)).loss);
    const { pool } = tf.backend() as WebGpuBackend;
    bytes.push(pool.idleBytes + pool.lentBytes);
    tf.dispose([inputs.features, inputs.prototypes]);
  }
  if (!losses.every((loss) => Math.abs(loss - losses[0]) <= TOLERANCE * losses[0])) {
    throw new DeviceError(`Cannot compare losses: expected the same, got ${losses}`);
  }
  const inputs = inputsOf(shape);
  const processors = forms.map((): number[] => []);
  const seconds = await takeTurns(
    rounds,
    forms.map(([, form], i) => async () => {
      const one = await step(form, inputs);
      processors[i].push(one.processorSeconds);
      return one.seconds;
    }),
  );
  tf.dispose([inputs.features, inputs.prototypes]);
  forms.forEach(([form], i) => {
    const name = `${form}, ${shape.join(" x ")}`, processorSeconds = median(processors[i]);
    results.push({ name, seconds: seconds[i], processorSeconds, bytes: bytes[i] });
    const [wall, own] = [seconds[i], processorSeconds].map((s) => (s * 1000).toFixed(0));
    const mebibytes = (bytes[i] / 2 ** 20).toFixed(1);
    console.error(`${name}: ${wall} ms, ${own} of processors, ${mebibytes} MiB`);
  });
}
console.log(JSON.stringify({ device: found.description, rounds, results }));
Deno.exit();
