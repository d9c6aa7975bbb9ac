import * as tf from "@tensorflow/tfjs-core";
import { assertEquals, assertRejects } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { TrainingError } from "../../lib/errors.ts";
import { type StepName, takeStep } from "../../lib/nn/training_step.ts";
import { PendingStatistics } from "../../lib/ops/running_statistics.ts";

await useDevice("cpu");

const name: StepName = { doing: "learning", step: 7, learningRate: 0.5 };

/** A step of two variables' gradients, with what is told of it. */
function propose(loss: number, gradients: Record<string, number[]>) {
  const running = tf.tidy(() => ({
    mean: tf.variable(tf.tensor1d([1])),
    variance: tf.variable(tf.tensor1d([4])),
  }));
  const statistics = new PendingStatistics();
  tf.tidy(() =>
    statistics.add(
      running,
      { mean: tf.tensor1d([3]), variance: tf.tensor1d([1]) },
      { momentum: 0.5, count: 2 },
    )
  );
  const settled: boolean[] = [];
  const step = {
    gradients: Object.fromEntries(
      Object.entries(gradients).map(([name, values]) => [
        name,
        name === "weight" ? tf.tensor2d(values, [1, values.length]) : tf.tensor1d(values),
      ]),
    ),
    statistics,
    read: () => Promise.resolve({ loss }),
    settle: (taken: boolean) => void settled.push(taken),
  };
  const values = () => [running.mean.dataSync()[0], running.variance.dataSync()[0]];
  return { step, settled, values, dispose: () => tf.dispose([running.mean, running.variance]) };
}

Deno.test("takeStep() moves statistics and weights, and frees what it was given", async () => {
  const before = tf.memory().numTensors;
  const { step, settled, values, dispose } = propose(2, { weight: [1, -1], bias: [0.5] });
  const seen: number[] = [];
  const found = await takeStep(step, name, ({ weight, bias }) => {
    seen.push(...weight.dataSync(), ...bias.dataSync());
  });
  assertEquals([found, seen, settled], [{ loss: 2 }, [1, -1, 0.5], [true]]);
  assertEquals(values(), [2, 3]);
  dispose();
  assertEquals(tf.memory().numTensors, before);
});

const broken: [string, number, Record<string, number[]>, string][] = [
  ["a loss", NaN, { weight: [1, 1], bias: [1] }, "expected a finite loss at step 7, got NaN"],
  ["a filter's gradient", 1, { weight: [1, NaN], bias: [1] }, "finite gradients at step 7"],
  ["an offset's gradient", 1, { weight: [1, 1], bias: [-Infinity] }, "got -Infinity"],
  ["opposite infinities", 1, { weight: [Infinity], bias: [-Infinity] }, "got NaN"],
];

for (const [what, loss, gradients, message] of broken) {
  Deno.test(`takeStep() changes nothing by ${what} that is not finite`, async () => {
    const before = tf.memory().numTensors;
    const { step, settled, values, dispose } = propose(loss, gradients);
    const error = await assertRejects(
      () => takeStep(step, name, () => settled.push(true)),
      TrainingError,
      message,
    );
    assertEquals(error.message.startsWith("Cannot go on learning: expected "), true);
    assertEquals([settled, values()], [[false], [1, 4]]);
    dispose();
    assertEquals(tf.memory().numTensors, before);
  });
}

Deno.test("takeStep() changes nothing when the loss cannot be read", async () => {
  const before = tf.memory().numTensors;
  const { step, settled, values, dispose } = propose(1, { bias: [1] });
  const lost = { ...step, read: () => Promise.reject(new Error("lost")) };
  await assertRejects(() => takeStep(lost, name, () => settled.push(true)), Error, "lost");
  assertEquals([settled, values()], [[false], [1, 4]]);
  dispose();
  assertEquals(tf.memory().numTensors, before);
});
