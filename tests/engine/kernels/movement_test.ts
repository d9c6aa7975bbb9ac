import * as tf from "@tensorflow/tfjs-core";
import { assertEquals } from "@std/assert";
import type { Random } from "../../../lib/random.ts";
import { at, build, type Dense } from "../../oracles/dense.ts";
import { assertClose, draw, kernelTest, runKernel, tensor } from "./support.ts";

const DTYPES = ["float32", "int32"] as const;

/** Whole numbers, which int32 and float32 both hold. */
function whole(random: Random, shape: readonly number[]): Dense {
  const { values } = draw(random, shape);
  return { shape, values: Float32Array.from(values, (value) => Math.round(1000 * value)) };
}

/** Runs a movement on both types. */
function check(x: Dense, run: (x: tf.Tensor) => tf.Tensor, expected: Dense, what = ""): void {
  for (const dtype of DTYPES) {
    const got = run(tensor(x, dtype));
    assertEquals(got.dtype, dtype);
    assertClose(got, expected, 0, what);
  }
}

kernelTest("slice takes any box", "cpcdr_copy", (random) => {
  const CASES: [shape: number[], begin: number[], size: number[]][] = [
    [[9], [2], [5]],
    [[4, 6], [1, 0], [2, 6]],
    [[4, 6], [0, 5], [4, 1]],
    [[3, 5, 7, 2], [1, 2, 3, 0], [2, 3, 4, 2]],
    [[2, 40, 50, 3], [0, 1, 1, 0], [2, 39, 48, 3]],
    [[2, 3, 2, 3, 2, 3], [1, 0, 1, 0, 1, 0], [1, 3, 1, 2, 1, 2]],
  ];
  for (const [shape, begin, size] of CASES) {
    const x = whole(random, shape);
    const expected = build(size, (place) => at(x, place.map((index, k) => index + begin[k])));
    check(x, (x) => tf.slice(x, begin, size), expected, `[${shape}]`);
  }
});

kernelTest("transpose permutes any axes", "cpcdr_copy", (random) => {
  const CASES: [shape: number[], order: number[]][] = [
    [[5, 7], [1, 0]],
    [[33, 50], [1, 0]],
    [[2, 17, 19], [0, 2, 1]],
    [[3, 4, 5], [2, 1, 0]],
    [[3, 4, 5], [1, 0, 2]],
    [[2, 5, 6, 3], [0, 3, 1, 2]],
    [[2, 3, 5, 6], [0, 2, 3, 1]],
    [[1, 6, 1, 4], [3, 2, 1, 0]],
    [[2, 3, 2, 3, 2, 3], [5, 0, 4, 1, 3, 2]],
  ];
  for (const [shape, order] of CASES) {
    const x = whole(random, shape);
    const expected = build(order.map((axis) => shape[axis]), (place) => {
      const source: number[] = [];
      order.forEach((axis, k) => source[axis] = place[k]);
      return at(x, source);
    });
    check(x, (x) => tf.transpose(x, order), expected, `[${shape}] by [${order}]`);
  }
});

kernelTest("concat, stack, split and unstack undo each other", "cpcdr_copy", (random) => {
  for (const axis of [0, 1, 2, 3]) {
    const extents = [1, 4, 2], base = [2, 3, 5, 3];
    const parts = extents.map((extent) => whole(random, base.with(axis, extent)));
    for (const dtype of DTYPES) {
      const whole = tf.concat(parts.map((part) => tensor(part, dtype)), axis);
      const expected = build(base.with(axis, 7), (place) => {
        const index = place[axis];
        const [part, begin] = index < 1 ? [0, 0] : index < 5 ? [1, 1] : [2, 5];
        return at(parts[part], place.with(axis, index - begin));
      });
      assertClose(whole, expected, 0, `axis ${axis}`);
      tf.split(whole, extents, axis).forEach((part, i) => assertClose(part, parts[i], 0));
      const layers = tf.unstack(whole, axis);
      assertEquals(layers.length, 7);
      assertClose(
        layers[3],
        build(base.toSpliced(axis, 1), (place) => {
          return at(expected, place.toSpliced(axis, 0, 3));
        }),
        0,
      );
      assertClose(tf.stack(layers, axis), expected, 0);
      // The last axis of the result is its axis -1.
      assertClose(tf.stack(layers, axis - expected.shape.length), expected, 0);
      assertEquals(whole.dtype, dtype);
    }
  }
});

kernelTest("tile repeats and reverse turns round", "cpcdr_copy", (random) => {
  const x = whole(random, [2, 3, 4]);
  for (const reps of [[1, 1, 1], [3, 1, 1], [1, 2, 1], [2, 1, 5], [2, 3, 2]]) {
    const shape = x.shape.map((extent, k) => extent * reps[k]);
    const expected = build(shape, (place) => at(x, place.map((index, k) => index % x.shape[k])));
    check(x, (x) => tf.tile(x, reps), expected, `by [${reps}]`);
  }
  for (const axes of [[0], [2], [0, 1], [0, 1, 2]]) {
    const expected = build(
      x.shape,
      (place) => at(x, place.map((index, k) => axes.includes(k) ? x.shape[k] - 1 - index : index)),
    );
    check(x, (x) => tf.reverse(x, axes), expected, `axes [${axes}]`);
  }
});

kernelTest("pad surrounds images", "cpcdr_pad", (random) => {
  const x = draw(random, [2, 4, 3, 5]);
  const pads: [number, number][] = [[0, 0], [2, 1], [1, 2], [0, 0]];
  const inner = (place: number[]) => place.map((index, k) => index - pads[k][0]);
  const inside = (place: number[]) => place.every((index, k) => index >= 0 && index < x.shape[k]);
  const shape = x.shape.map((extent, k) => extent + pads[k][0] + pads[k][1]);
  const padded = build(shape, (place) => inside(inner(place)) ? at(x, inner(place)) : 0.5);
  assertClose(tf.pad(tensor(x), pads, 0.5), padded, 0);
  for (const mode of ["reflect", "symmetric"] as const) {
    const mirrored = build(shape, (place) =>
      at(
        x,
        inner(place).map((index, k) => {
          const row = Array.from({ length: x.shape[k] }, (_, i) => i);
          const back = row.toReversed();
          const endless = mode === "reflect"
            ? [...back.slice(0, -1), ...row, ...back.slice(1)]
            : [...back, ...row, ...back];
          const zero = mode === "reflect" ? row.length - 1 : row.length;
          return endless[zero + index];
        }),
      ));
    assertClose(tf.mirrorPad(tensor(x), pads, mode), mirrored, 0, mode);
  }
});

kernelTest("MirrorPadGrad is the derivative", "cpcdr_pad_grad", async (random) => {
  for (const mode of ["reflect", "symmetric"]) {
    for (
      const [shape, [top, bottom], [left, right]] of [
        [[2, 4, 3, 5], [2, 1], [1, 2]],
        [[1, 2, 2, 1], [1, 1], [1, 1]],
        [[1, 5, 7, 3], [0, 4], [3, 0]],
      ]
    ) {
      const paddings = [[0, 0], [top, bottom], [left, right], [0, 0]];
      const outer = [shape[0], shape[1] + top + bottom, shape[2] + left + right, shape[3]];
      const dy = draw(random, outer), x = draw(random, shape);
      // The forward pass is linear, and tested above.
      const parts = Array.from(x.values, (_, i) => {
        const unit = new Float32Array(x.values.length);
        unit[i] = 1;
        const shown = tf.mirrorPad(
          tf.tensor(unit, shape),
          paddings as [number, number][],
          mode as "reflect",
        );
        return tf.sum(tf.mul(shown, tensor(dy)));
      });
      const dx = { shape, values: await tf.stack(parts).data() };
      const attrs = { paddings, mode } as unknown as Record<string, number[]>;
      assertClose(runKernel("MirrorPadGrad", { dy: tensor(dy) }, attrs)[0], dx, 1e-6, mode);
    }
  }
});
