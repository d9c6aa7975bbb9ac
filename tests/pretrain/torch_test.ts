/** Swapped prediction down to features and prototypes against PyTorch (swapped.json, by torch_swapped.py). */
import * as tf from "@tensorflow/tfjs-core";
import { assertAlmostEquals } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { swappedPrediction } from "../../lib/pretrain/prototype_loss.ts";
import { sinkhorn } from "../../lib/pretrain/sinkhorn.ts";
import oracle from "../oracles/swapped.json" with { type: "json" };

await useDevice("cpu");

function assertNear(ours: tf.Tensor, expected: readonly number[], bound: number, what: string) {
  const largest = Math.max(...expected.map(Math.abs));
  ours.dataSync().forEach((v, i) =>
    assertAlmostEquals(v, expected[i], bound * largest, `${what}, entry ${i}`)
  );
}

Deno.test("sinkhorn() agrees with PyTorch", () => {
  for (const test of oracle) {
    tf.tidy(() => {
      const features = tf.tensor2d(test.features, [test.groups.length, test.size]);
      const prototypes = tf.tensor2d(test.prototypes, [test.prototypeCount, test.size]);
      const present = tf.tensor1d(test.groups.map((g) => g < 0 ? 0 : 1));
      const q = sinkhorn(tf.matMul(features, prototypes, false, true), present, test);
      const rows = test.groups.flatMap((g, i) => g < 0 ? [] : [i]);
      assertNear(tf.gather(q, rows), test.assignments, 1e-4, "assignments");
    });
  }
});

Deno.test("swappedPrediction() and its gradients agree with PyTorch", () => {
  for (const test of oracle) {
    tf.tidy(() => {
      const groups = Int32Array.from(test.groups);
      const samples = {
        images: 1,
        perImage: groups.length,
        positions: new Float32Array(2 * groups.length),
        groups,
        groupCount: Math.max(...groups) + 1,
        count: groups.filter((g) => g >= 0).length,
      };
      const loss = (features: tf.Tensor, prototypes: tf.Tensor) =>
        tf.sum(
          tf.slice(
            swappedPrediction(features as tf.Tensor2D, prototypes as tf.Tensor2D, samples, test)
              .lossAndEntropy,
            0,
            1,
          ),
        );
      const { value, grads } = tf.valueAndGrads(loss)([
        tf.tensor2d(test.features, [groups.length, test.size]),
        tf.tensor2d(test.prototypes, [test.prototypeCount, test.size]),
      ]);
      assertAlmostEquals(value.dataSync()[0], test.loss, 1e-4);
      assertNear(grads[0], test.featureGradient, 1e-3, "gradient of features");
      assertNear(grads[1], test.prototypeGradient, 1e-3, "gradient of prototypes");
    });
  }
});
