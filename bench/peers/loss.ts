/**
 * The prototype loss with its gradients, here and in eager PyTorch on the CPU: 115,200 features of 128
 * numbers against 1000 prototypes, one level of a training step at the paper's sizes.
 *
 *     deno run -A bench/peers/loss.ts [--rounds N]
 *
 * Both sides have the same features, prototypes, groups and threads and must agree on the loss.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { join } from "@std/path";
import { useDevice } from "../../lib/engine/device.ts";
import { DeviceError } from "../../lib/errors.ts";
import { swappedPrediction } from "../../lib/pretrain/prototype_loss.ts";
import type { SampleSet } from "../../lib/pretrain/sampling.ts";
import { randomStream } from "../../lib/random.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";
import { encodeSafetensors } from "../../lib/run/storage/safetensors.ts";
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

const ROWS = 115_200, PROTOTYPES = 1000, DEPTH = 128, GROUPS = 20_000;
const SETTINGS = { epsilon: 0.05, iterations: 3, temperature: 0.1 };
const ROUNDS = 5;
const TOLERANCE = 1e-4;

interface Answer {
  readonly seconds: number;
  readonly loss: number;
}

function unitRows(count: number, draw: () => number): Float32Array<ArrayBuffer> {
  const rows = Float32Array.from({ length: count * DEPTH }, draw);
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * DEPTH, (i + 1) * DEPTH), length = Math.hypot(...row);
    for (let c = 0; c < DEPTH; c++) row[c] /= length;
  }
  return rows;
}

function step(features: tf.Tensor2D, prototypes: tf.Tensor2D, samples: SampleSet): Answer {
  const started = performance.now();
  const loss = tf.tidy(() => {
    const { value, grads } = tf.valueAndGrads((f: tf.Tensor, p: tf.Tensor) => {
      const both = swappedPrediction(f as tf.Tensor2D, p as tf.Tensor2D, samples, SETTINGS);
      return tf.sum(tf.slice(both.lossAndEntropy, 0, 1)) as tf.Scalar;
    })([features, prototypes]);
    grads.forEach((gradient) => gradient.dataSync());
    return value.dataSync()[0];
  });
  return { seconds: (performance.now() - started) / 1000, loss };
}

/** FLOP/s of a product of matrices of 1024 x 1024, the best of a few: stands in for the peak, which no system tells. */
function matmulSpeed(): number {
  const side = 1024;
  const seconds = tf.tidy(() => {
    const a = tf.randomNormal([side, side]);
    return Math.min(...Array.from({ length: 8 }, () => {
      const started = performance.now();
      tf.matMul(a, a).dataSync();
      return (performance.now() - started) / 1000;
    }));
  });
  return 2 * side ** 3 / seconds;
}

async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  return Number(status.match(/VmRSS:\s+(\d+) kB/)?.[1] ?? NaN) * 1024;
}

async function main(folder: string): Promise<Case[]> {
  const rounds = roundsOption(ROUNDS);
  const device = await useDevice("cpu");
  console.error(device.detail);
  const random = randomStream(1, "bench", "loss");
  const features = unitRows(ROWS, () => random.normal());
  const prototypes = unitRows(PROTOTYPES, () => random.normal());
  const groups = Int32Array.from({ length: ROWS }, () => random.integer(GROUPS));
  const path = join(folder, "rows.safetensors");
  const tensors: StateDict = new Map(
    [
      ["features", { dtype: "F32", shape: [ROWS, DEPTH], data: features }],
      ["prototypes", { dtype: "F32", shape: [PROTOTYPES, DEPTH], data: prototypes }],
      ["groups", { dtype: "I32", shape: [ROWS], data: groups }],
    ] as const,
  );
  await Deno.writeFile(path, encodeSafetensors({ tensors, metadata: {} }));
  await using peer = await Peer.start("loss_peer.py", device.threads);
  await peer.ask({ do: "start", path, group_count: GROUPS, ...SETTINGS });
  const f = tf.tensor2d(features, [ROWS, DEPTH]), p = tf.tensor2d(prototypes, [PROTOTYPES, DEPTH]);
  const samples = {
    images: 1,
    perImage: ROWS,
    positions: new Float32Array(0),
    groups,
    groupCount: GROUPS,
    count: ROWS,
  };
  const before = await Promise.all([Deno.pid, peer.pid].map(residentBytes));
  await Promise.all([Deno.pid, peer.pid].map(forgetPeak));
  const first = step(f, p, samples), theirs = await peer.ask<Answer>({ do: "step" });
  console.error(`loss: ${first.loss} here, ${theirs.loss} there`);
  if (!(Math.abs(first.loss - theirs.loss) <= TOLERANCE * Math.abs(theirs.loss))) {
    throw new DeviceError(
      `Cannot compare losses: expected the same, got ${first.loss} here and ${theirs.loss} there`,
    );
  }
  const peaks = await Promise.all([Deno.pid, peer.pid].map(peakBytes));
  const [own, peers] = await takeTurns(rounds, [
    () => step(f, p, samples).seconds,
    async () => (await peer.ask<Answer>({ do: "step" })).seconds,
  ]);
  const products = 3 * 2 * ROWS * PROTOTYPES * DEPTH;
  console.error(
    `${
      (products / own / 1e9).toFixed(0)
    } GFLOP/s in three matrix products, all else counted as time; ${
      (products / own / matmulSpeed()).toFixed(2)
    } of what the library's best product of matrices reaches`,
  );
  const name = `prototype loss and gradients, ${ROWS} x ${PROTOTYPES} x ${DEPTH}`;
  const cases = [compared(name, "s", own, peers, peer.name)];
  const [ours, other] = peaks.map((peak, i) => peak === undefined ? NaN : peak - before[i]);
  if (Number.isFinite(ours + other)) {
    const matrix = 4 * ROWS * PROTOTYPES;
    console.error(
      `extra memory in N x K matrices: ${(ours / matrix).toFixed(2)} here, ${
        (other / matrix).toFixed(2)
      } there`,
    );
    cases.push(compared(`${name}, extra memory`, "bytes", ours, other, peer.name));
  }
  return cases;
}

if (import.meta.main) await runPeerBench(() => withFolder(main));
