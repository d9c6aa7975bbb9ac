import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import type { BufferPool } from "../../lib/engine/native/pool.ts";
import { plus } from "../../lib/ops/plus.ts";
import { resizeBilinear } from "../../lib/ops/resize.ts";
import { customGrad, variableGrads } from "../../lib/ops/variable_grads.ts";

const { engine } = await useDevice("cpu");

const variable = (...shape: number[]) => tf.variable(tf.randomUniform(shape, -1, 1));

/** Convolutions with all that passes gradients on: sums of one tensor, parts, clones, shapes, an op of one's own. */
function network(x: tf.Tensor4D, weights: tf.Variable[], offset: tf.Variable): tf.Scalar {
  const twice = (x: tf.Tensor4D) =>
    customGrad((x) => ({ value: tf.mul(x as tf.Tensor, 2), gradFunc: (dy) => tf.mul(dy, 2) }))(
      x,
    ) as tf.Tensor4D;
  // Its gradient is what it saved, as it is.
  const halfSquare = (x: tf.Tensor4D) =>
    customGrad((x, save) => {
      (save as tf.GradSaveFunc)([tf.mul(x as tf.Tensor, 1)]);
      const value = tf.sum(tf.mul(tf.square(x as tf.Tensor), 0.5)) as tf.Scalar;
      return { value, gradFunc: (_dy, [saved]) => saved };
    })(x) as tf.Scalar;
  let y = x;
  for (const weight of weights) {
    const z = plus(tf.conv2d(y, weight as tf.Tensor as tf.Tensor4D, 1, 1), offset);
    const [left, right] = tf.split(tf.relu(z), 2, 3);
    const parts = tf.concat([tf.clone(right), twice(left as tf.Tensor4D)], 3);
    const small = resizeBilinear(parts as tf.Tensor4D, 4, 6);
    y = plus(plus(y, y), resizeBilinear(small, x.shape[1], x.shape[2]));
    y = tf.reshape(tf.reshape(y, [y.size]), x.shape);
  }
  return tf.add(halfSquare(y), tf.sum(tf.addN([weights[0], weights[0]])));
}

Deno.test("variableGrads() answers what tfjs-core's does, to the bit, and leaves as many tensors", () => {
  const x = tf.randomUniform<tf.Rank.R4>([2, 8, 10, 4]);
  const weights = [variable(3, 3, 4, 4), variable(3, 3, 4, 4)], offset = variable(4);
  const unused = variable(3);
  const f = () => network(x, weights, offset);
  const variables = [...weights, offset, unused];
  const before = tf.memory().numTensors;
  const expected = tf.variableGrads(f, variables);
  const between = tf.memory().numTensors;
  const got = variableGrads(f, variables);
  assertEquals(tf.memory().numTensors - between, between - before);
  assertEquals(got.value.dataSync(), expected.value.dataSync());
  assertEquals(Object.keys(got.grads), Object.keys(expected.grads));
  for (const [name, gradient] of Object.entries(expected.grads)) {
    assertEquals(got.grads[name].dataSync(), gradient.dataSync(), name);
  }
});

Deno.test({
  name: "variableGrads() needs little more than the forward pass" +
    (engine === "native" ? "" : " (ignored: the native library is not here)"),
  ignore: engine !== "native",
  fn() {
    const { pool } = tf.backend() as unknown as { pool: BufferPool };
    const weights = Array.from({ length: 12 }, () => variable(3, 3, 8, 8));
    const x = tf.randomUniform<tf.Rank.R4>([2, 32, 32, 8]);
    const f = () => {
      const end = weights.reduce<tf.Tensor4D>(
        (y, weight) => tf.relu(tf.conv2d(y, weight as tf.Tensor as tf.Tensor4D, 1, 1)),
        x,
      );
      return tf.mean(end) as tf.Scalar;
    };
    /** Maps that are lent at once, beyond those of before. */
    const peak = (run: () => unknown): number => {
      const before = pool.lentBytes, lend = pool.lend;
      let most = before;
      pool.lend = function (length) {
        const values = lend.call(this, length);
        most = Math.max(most, this.lentBytes);
        return values;
      };
      tf.tidy(() => void run());
      pool.lend = lend;
      return (most - before) / (4 * x.size);
    };
    const plain = peak(() => tf.variableGrads(f, weights));
    const ours = peak(() => variableGrads(f, weights));
    // Twelve convolutions and their ReLUs, forward; and as much again for their gradients.
    assert(plain > 44, `tfjs-core: ${plain} maps`);
    assert(ours < 30, `ours: ${ours} maps`);
  },
});

Deno.test("a call that failed leaves no tensor, and gradients elsewhere what they are given", () => {
  const weight = variable(3), before = tf.memory().numTensors;
  assertThrows(
    () =>
      variableGrads(() => {
        tf.square(weight);
        throw new Error("in between");
      }, [weight]),
    Error,
    "in between",
  );
  assertEquals(tf.memory().numTensors, before);
  const x = tf.tensor1d([1, 2, 3]), dy = tf.tensor1d([1, 10, 100]);
  const gradient = tf.grad((x) => tf.mul(tf.square(x), tf.relu(x)))(x, dy);
  assertEquals([...gradient.dataSync()], [3, 120, 2700]);
  assertEquals([...dy.dataSync()], [1, 10, 100]);
});

Deno.test("plus() has the gradients of a sum", () => {
  for (const shape of [[2, 3, 4, 5], [5]]) {
    const a = variable(2, 3, 4, 5), b = variable(...shape), factor = tf.randomUniform([2, 3, 4, 5]);
    const of = (sum: typeof plus) =>
      tf.variableGrads(() => tf.sum(tf.mul(sum(a, b), factor)) as tf.Scalar, [a, b]).grads;
    const expected = of((a, b) => tf.add(a, b)), got = of(plus);
    for (const { name } of [a, b]) {
      assertEquals(got[name].dataSync(), expected[name].dataSync());
    }
  }
});
