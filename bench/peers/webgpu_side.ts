/**
 * One side of webgpu.ts, in a process of its own, since both call their backend "webgpu": answers a JSON
 * line for each line that it reads, `{case, repeat}` by `{seconds, check}`. The seconds are those of one of `repeat`
 * runs after which the GPU is waited for once.
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
import { variableGrads } from "../../lib/ops/variable_grads.ts";
import { encoder } from "../../lib/pretrain/encoder.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import { PRESETS } from "../../lib/run/presets.ts";
import type { Convolution, WebGpuCase } from "./webgpu_cases.ts";

/** Runs a case once; answers a scalar that depends on all of its work. */
type Run = () => tf.Scalar;

/** Drawn values, a prime number of them, which large tensors repeat: drawing all would take longer than the bench. */
const DRAWN = 65_537;

function normal<T extends tf.Tensor>(random: Random, shape: number[]): T {
  const drawn = Float32Array.from({ length: DRAWN }, () => random.normal());
  const values = new Float32Array(tf.util.sizeFromShape(shape));
  for (let at = 0; at < values.length; at += DRAWN) {
    values.set(drawn.subarray(0, Math.min(DRAWN, values.length - at)), at);
  }
  return tf.tensor(values, shape) as T;
}

function gemm(size: number): Run {
  const random = randomStream(1, "bench", size);
  const [a, b] = [0, 1].map(() => normal<tf.Tensor2D>(random, [size, size]));
  return () => tf.tidy(() => tf.sum(tf.slice(tf.matMul(a, b), 0, [1, size])));
}

function convolution(conv: Convolution, backward: boolean): Run {
  const { batch, height, width, inputs, outputs, kernel, stride } = conv;
  const random = randomStream(1, "bench", JSON.stringify(conv));
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

/** A training step of a preset's network with a classifier's loss. */
function trainingStep({ preset, batch, height, width }: WebGpuCase & { kind: "step" }): Run {
  const random = randomStream(1, "bench", "step");
  const store = new ParameterStore(random);
  const config = PRESETS[preset].pretrain, classes = config.embeddingSize;
  const encode = encoder(store.root, { ...config, enlarge: 1 });
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
      const { value, grads } = variableGrads(loss, store.trainable());
      optimizer.step(grads, 1e-3);
      return value;
    });
}

function make(one: WebGpuCase): Run {
  switch (one.kind) {
    case "gemm":
      return gemm(one.size);
    case "conv":
      return convolution(one.conv, one.backward);
    case "step":
      return trainingStep(one);
  }
}

/** A line of stdin. */
interface Request {
  readonly case: WebGpuCase;
  readonly repeat: number;
}

async function serve(): Promise<void> {
  if (Deno.args[0] === "ours") await useDevice("webgpu");
  else {
    await registerGradients();
    await import("@tensorflow/tfjs-backend-webgpu");
    await tf.setBackend("webgpu");
  }
  let name = "", run: Run | undefined;
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const { case: wanted, repeat } = JSON.parse(line as string) as Request;
    if (JSON.stringify(wanted) !== name) {
      // What a case keeps is freed with it, so that large ones find room.
      tf.disposeVariables();
      if (name) tf.engine().endScope();
      tf.engine().startScope();
      run = make(wanted);
      name = JSON.stringify(wanted);
    }
    const started = performance.now();
    for (let i = 1; i < repeat; i++) run!().dispose();
    const result = run!();
    const [check] = await result.data();
    const seconds = (performance.now() - started) / 1000 / repeat;
    result.dispose();
    console.log(JSON.stringify({ seconds, check }));
  }
}

await serve();
