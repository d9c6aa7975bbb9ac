import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ConfigError, DataError } from "../../lib/errors.ts";
import { linearProbe } from "../../lib/evaluate/linear_probe.ts";
import { fitSoftmaxRegression } from "../../lib/evaluate/softmax_regression.ts";
import { randomStream } from "../../lib/random.ts";
import type { Embedding, Frame } from "../../lib/records.ts";

Deno.test("fitSoftmaxRegression() recovers the log odds of a coin that depends on its input", () => {
  // P(1 | x = 10) = 0.8, P(1 | x = 30) = 0.2: logits differ by log 4 and -log 4.
  const rows = Float32Array.from({ length: 1000 }, (_, i) => i % 2 ? 10 : 30);
  const labels = Array.from(rows, (x, i) => Number((i % 10 < 8) === (x === 10)));
  const one = rows.reduce((n, x, i) => n + (x === 10 ? labels[i] : 0), 0) / 500;
  const options = { steps: 600, batchSize: 500, learningRate: 0.02 };
  const { weights, bias } = fitSoftmaxRegression(rows, labels, 1, 2, randomStream(1), options);
  const logit = (x: number) => (weights[1] - weights[0]) * x + bias[1] - bias[0];
  assertAlmostEquals(logit(10), Math.log(one / (1 - one)), 0.15);
  const other = rows.reduce((n, x, i) => n + (x === 30 ? labels[i] : 0), 0) / 500;
  assertAlmostEquals(logit(30), Math.log(other / (1 - other)), 0.15);
});

Deno.test("fitSoftmaxRegression() separates three classes and repeats under a seed", () => {
  const random = randomStream(Date.now());
  const centres = [[0, 1], [0.02, 1], [0.01, 5]];
  const labels = Array.from({ length: 300 }, (_, i) => i % 3);
  const rows = Float32Array.from(
    labels.flatMap((c) => [random.normal(centres[c][0], 0.002), random.normal(centres[c][1], 0.3)]),
  );
  const fit = () => fitSoftmaxRegression(rows, labels, 2, 3, randomStream(2), { batchSize: 128 });
  const { weights, bias } = fit();
  assertEquals(fit(), { weights, bias });
  const right = labels.filter((label, i) => {
    const scores = [0, 1, 2].map((c) =>
      weights[2 * c] * rows[2 * i] + weights[2 * c + 1] * rows[2 * i + 1] + bias[c]
    );
    return scores.indexOf(Math.max(...scores)) === label;
  });
  assert(right.length >= 297, `${right.length} of 300`);
  assertThrows(() => fitSoftmaxRegression(rows, [], 2, 3, random), ConfigError, "0 labels");
  // Those that are not said are the defaults.
  const unsaid = { batchSize: 128, steps: undefined, learningRate: undefined };
  assertEquals(fitSoftmaxRegression(rows, labels, 2, 3, randomStream(2), unsaid), {
    weights,
    bias,
  });
});

function frame(columns: number[], labels: number[]): Frame {
  const width = columns.length;
  return {
    name: "p/0",
    sequence: "p",
    height: 2,
    width,
    rgb: Uint8Array.from([...columns, ...columns].flatMap((v) => [v, 0, 0])),
    labels: Uint8Array.from([...labels, ...labels]),
  };
}

/** Red and its square as two features at full size. */
const embedder = {
  embed: (frames: readonly Frame[]): Promise<Embedding> =>
    Promise.resolve({
      count: frames.length,
      height: 2,
      width: frames[0].width,
      channels: 2,
      values: Float32Array.from(
        frames.flatMap(({ rgb }) =>
          [...rgb].filter((_, i) => i % 3 === 0).flatMap((r) => [r / 255, (r / 255) ** 2])
        ),
      ),
    }),
};

Deno.test("linearProbe() learns from training labels and scores other frames unmatched", async () => {
  const input = {
    embedder,
    trainFrames: [frame([0, 20, 120, 140, 240, 250], [0, 0, 1, 1, 2, 2])],
    frames: [frame([10, 130, 245, 12], [0, 1, 2, 9]), frame([130], [2])],
    classes: 3,
    ignore: 9,
    seed: 3,
    fitPixels: 500,
    steps: 400,
    batchSize: 64,
    learningRate: 0.1,
    batch: 1,
  };
  const score = await linearProbe(input);
  assertEquals(score.perClass, [1, 0.5, 0.5]);
  // Two frames in a batch have their own features, those that are fitted and those that are scored.
  const ends = frame([0, 20, 240, 250], [0, 0, 2, 2]);
  const trainFrames = [ends, frame([120, 130, 140, 135], [1, 1, 1, 1])];
  const frames = [frame([10, 245], [0, 2]), frame([130, 5], [1, 0])];
  const together = await linearProbe({ ...input, trainFrames, frames, batch: 2 });
  assertEquals(together.perClass, [1, 1, 1]);
  const unlabelled = frame([0, 1], [9, 9]);
  await assertRejects(() => linearProbe({ ...input, trainFrames: [unlabelled] }), ConfigError);
  const { labels: _, ...bare } = unlabelled;
  await assertRejects(
    () => linearProbe({ ...input, trainFrames: [bare] }),
    DataError,
    "expected labels, got none",
  );
  await assertRejects(
    () => linearProbe({ ...input, trainFrames: [frame([1], [5])] }),
    DataError,
    "got 5",
  );
});

Deno.test("linearProbe() refuses options that leave the classifier unfitted, before it embeds", async () => {
  const never = { embed: () => Promise.reject(new Error("embedded")) };
  const trainFrames = [frame([0, 250], [0, 1])];
  const input = { embedder: never, trainFrames, frames: [], classes: 2, ignore: 9, seed: 0 };
  for (
    const [change, message] of [
      [{ learningRate: NaN }, "learningRate: expected a number above 0, got NaN"],
      [{ learningRate: 0 }, "learningRate: expected a number above 0, got 0"],
      [{ steps: 0 }, "steps: expected a whole number from 1, got 0"],
      [{ batchSize: 0.5 }, "batchSize: expected a whole number from 1, got 0.5"],
      [{ fitPixels: 0 }, "fitPixels: expected a whole number from 1, got 0"],
      [{ batch: NaN }, "batch: expected a whole number from 1, got NaN"],
    ] as const
  ) {
    await assertRejects(() => linearProbe({ ...input, ...change }), ConfigError, message);
  }
});
