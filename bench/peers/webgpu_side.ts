/**
 * One side of webgpu.ts, in a process of its own, since both call their backend "webgpu": answers a JSON
 * line for each line that it reads, `{case}` by `{seconds, check}`.
 *
 *     deno run -A bench/peers/webgpu_side.ts ours|peer
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { TextLineStream } from "@std/streams";
import { useDevice } from "../../lib/engine/device.ts";
import { registerGradients } from "../../lib/engine/gradients.ts";
import { Adam } from "../../lib/nn/optimizers.ts";
import { ParameterStore } from "../../lib/nn/parameters.ts";
import { tinyPretrainConfig } from "../../lib/pretrain/config.ts";
import { encoder } from "../../lib/pretrain/encoder.ts";
import { type Random, randomStream } from "../../lib/random.ts";

/** Runs a case once; answers a scalar that depends on all of its work. */
type Run = () => tf.Scalar;

function normal<T extends tf.Tensor>(random: Random, shape: number[]): T {
  const size = tf.util.sizeFromShape(shape);
  return tf.tensor(Float32Array.from({ length: size }, () => random.normal()), shape) as T;
}

function gemm(size: number): Run {
  const random = randomStream(1, "bench", size);
  const [a, b] = [0, 1].map(() => normal<tf.Tensor2D>(random, [size, size]));
  return () => tf.tidy(() => tf.sum(tf.slice(tf.matMul(a, b), 0, [1, size])));
}

/** `[batch, height, width, inputs, outputs, kernel, stride]` of the models' convolutions. */
const CONVOLUTIONS = [
  [8, 32, 64, 64, 64, 3, 1],
  [8, 8, 16, 128, 128, 3, 1],
  [8, 64, 128, 3, 64, 7, 2],
  [8, 16, 32, 64, 128, 1, 1],
];

function convolution(sizes: number[], backward: boolean): Run {
  const [batch, height, width, inputs, outputs, kernel, stride] = sizes;
  const random = randomStream(1, "bench", ...sizes);
  const x = normal<tf.Tensor4D>(random, [batch, height, width, inputs]);
  const filter = normal<tf.Tensor4D>(random, [kernel, kernel, inputs, outputs]);
  const pad = (kernel - 1) / 2;
  const forward = (x: tf.Tensor, filter: tf.Tensor) =>
    tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, pad);
  const dy = normal<tf.Tensor4D>(random, tf.tidy(() => forward(x, filter).shape));
  const first = (y: tf.Tensor) => tf.sum(tf.slice(tf.reshape(y, [-1]), 0, [outputs]));
  if (!backward) return () => tf.tidy(() => first(forward(x, filter)) as tf.Scalar);
  const gradients = tf.grads(forward);
  return () =>
    tf.tidy(() =>
      tf.addN(gradients([x, filter], dy).map((gradient) => first(gradient)))
    ) as tf.Scalar;
}

/** A training step of the tiny preset's network with a classifier's loss. */
function trainingStep(): Run {
  const random = randomStream(1, "bench", "step");
  const store = new ParameterStore(random);
  const encode = encoder(store.root, tinyPretrainConfig);
  const [batch, height, width] = [4, 64, 128], classes = tinyPretrainConfig.embeddingSize;
  const images = normal<tf.Tensor4D>(random, [batch, height, width, 3]);
  const rows = batch * height * width / 16;
  const labels = Int32Array.from({ length: rows }, () => random.integer(classes));
  const truth = tf.tidy(() => tf.oneHot(tf.tensor1d(labels, "int32"), classes, 1, 0, "float32"));
  const optimizer = new Adam(store.trainable());
  const loss = (): tf.Scalar => {
    const logits = tf.reshape(encode(images, { training: true }).projections, [rows, classes]);
    return tf.mul(tf.sum(tf.mul(truth, tf.logSoftmax(logits))), -1 / rows);
  };
  return () =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(loss, store.trainable());
      optimizer.step(grads, 1e-3);
      return value;
    });
}

/** The cases by name, made where they are first asked for. */
const CASES: Readonly<Record<string, () => Run>> = {
  "GEMM 1024": () => gemm(1024),
  ...Object.fromEntries(
    CONVOLUTIONS.flatMap((sizes) => {
      const [batch, height, width, inputs, outputs, kernel, stride] = sizes;
      const name = `conv ${kernel}x${kernel}/${stride} ${inputs}->${outputs}, ` +
        `${batch}x${height}x${width}`;
      return [
        [`${name}, forward`, () => convolution(sizes, false)],
        [`${name}, backward`, () => convolution(sizes, true)],
      ];
    }),
  ),
  "tiny training step, 4x64x128": trainingStep,
};

async function serve(): Promise<void> {
  if (Deno.args[0] === "ours") await useDevice("webgpu");
  else {
    await registerGradients();
    await import("@tensorflow/tfjs-backend-webgpu");
    await tf.setBackend("webgpu");
  }
  console.log(JSON.stringify({ cases: Object.keys(CASES) }));
  const runs = new Map<string, Run>();
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const { case: name } = JSON.parse(line as string) as { case: string };
    const run = runs.get(name) ?? CASES[name]();
    runs.set(name, run);
    const started = performance.now();
    const result = run();
    const [check] = await result.data();
    const seconds = (performance.now() - started) / 1000;
    result.dispose();
    console.log(JSON.stringify({ seconds, check }));
  }
}

await serve();
