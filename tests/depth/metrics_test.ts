import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  absRelPerClass,
  constantDepthMetrics,
  defaultDepthMetricOptions,
  depthMetrics,
  meanDepthScore,
} from "../../lib/depth/metrics.ts";
import { blendMirrored } from "../../lib/depth/post_process.ts";
import { DataError } from "../../lib/errors.ts";

function map(depths: number[]) {
  return { height: 1, width: depths.length, disparity: Float32Array.from(depths, (z) => 1 / z) };
}

const unscaled = { ...defaultDepthMetricOptions, medianScaling: false };

Deno.test("depthMetrics() by hand, without scaling", () => {
  // p = 2, 4, 8 against g = 2, 5, 4; sky, unknown and beyond 80 m do not count.
  const truth = Float32Array.of(2, 5, 4, Infinity, 0, 90);
  const score = depthMetrics(map([2, 4, 8, 1, 1, 1]), truth, unscaled);
  assertAlmostEquals(score.absRel, (0 + 0.2 + 1) / 3, 1e-6);
  assertAlmostEquals(score.sqRel, (0 + 0.2 + 4) / 3, 1e-6);
  assertAlmostEquals(score.rmse, Math.sqrt((1 + 16) / 3), 1e-6);
  const logs = Math.log(0.8) ** 2 + Math.log(2) ** 2;
  assertAlmostEquals(score.rmseLog, Math.sqrt(logs / 3), 1e-6);
  // Ratios are 1, 1.25 (not below 1.25) and 2 (above 1.25^3).
  assertAlmostEquals(score.a1, 1 / 3, 1e-9);
  assertAlmostEquals(score.a2, 2 / 3, 1e-9);
  assertAlmostEquals(score.a3, 2 / 3, 1e-9);
});

Deno.test("depthMetrics() scales by medians and clamps to the cap", () => {
  const truth = Float32Array.of(10, 20, 30, 40);
  const scaled = depthMetrics(map([1, 2, 3, 4]), truth);
  assertAlmostEquals(scaled.absRel, 0, 1e-6);
  assert(depthMetrics(map([1, 2, 3, 4]), truth, unscaled).absRel > 0.8);
  const capped = depthMetrics(map([10, 20, 30, 500]), truth, unscaled);
  assertAlmostEquals(capped.absRel, (80 - 40) / 40 / 4, 1e-6);
  const nearer = { ...unscaled, maxDepth: 35 };
  assertAlmostEquals(depthMetrics(map([10, 20, 30, 500]), truth, nearer).absRel, 0, 1e-6);
  const farther = { ...unscaled, minDepth: 15 };
  assertAlmostEquals(depthMetrics(map([20, 20, 30, 40]), truth, farther).absRel, 0, 1e-6);
});

Deno.test("absRelPerClass() by hand: each frame by its own scale, pixels of all frames together", () => {
  // Medians 4 and 8 scale the first frame's estimates by 2, to 2, 8, 10; the second's are as they are.
  const first = { predicted: map([1, 4, 5]), truth: Float32Array.of(4, 8, 20) };
  const second = { predicted: map([10, 20, 30, 1]), truth: Float32Array.of(10, 20, 60, Infinity) };
  const frames = [
    { ...first, labels: Uint8Array.of(0, 1, 1) },
    { ...second, labels: Uint8Array.of(0, 255, 1, 2) },
  ];
  const [road, house, sky] = absRelPerClass(frames, 3);
  assertAlmostEquals(road, (0.5 + 0) / 2, 1e-6);
  assertAlmostEquals(house, (0 + 0.5 + 0.5) / 3, 1e-6);
  assertEquals(sky, NaN);
});

Deno.test("constantDepthMetrics() is the score of each frame's median", () => {
  const score = constantDepthMetrics(Float32Array.of(5, 10, 20, Infinity));
  assertAlmostEquals(score.absRel, (1 + 0 + 0.5) / 3, 1e-6);
  const mean = meanDepthScore([score, { ...score, absRel: 0 }]);
  assertAlmostEquals(mean.absRel, score.absRel / 2, 1e-9);
  assertAlmostEquals(mean.a1, score.a1, 1e-9);
});

Deno.test("depthMetrics() refuses truth of another size or without depth", () => {
  assertThrows(() => depthMetrics(map([1]), Float32Array.of(1, 2)), DataError, "truth of 1 x 1");
  assertThrows(() => depthMetrics(map([1]), Float32Array.of(0)), DataError, "got none");
});

Deno.test("depthMetrics() and absRelPerClass() refuse disparities and labels of another size", () => {
  const truth = Float32Array.of(4, 8, 20), predicted = { ...map([4, 8]), width: 3 };
  const expected = "expected Float32Array(3) as disparity of 1 x 3, got Float32Array(2)";
  assertThrows(() => depthMetrics(predicted, truth), DataError, expected);
  const labels = Uint8Array.of(0, 0, 0);
  assertThrows(() => absRelPerClass([{ predicted, truth, labels }], 1), DataError, expected);
  const frame = { predicted: map([4, 8, 20]), truth, labels: labels.slice(1) };
  assertThrows(
    () => absRelPerClass([frame], 1),
    DataError,
    "expected Uint8Array(3) as labels of 3 pixels, got Uint8Array(2)",
  );
});

Deno.test("blendMirrored() takes the mean, and at each border the view that sees more", () => {
  const width = 41;
  const direct = new Float32Array(2 * width).fill(1);
  const mirrored = new Float32Array(2 * width).fill(3);
  mirrored[width - 1 - 20] = 5;
  mirrored[2 * width - 1 - 12] = 7;
  const blended = blendMirrored(direct, mirrored, width);
  assertAlmostEquals(blended[0], 3, 1e-6);
  assertAlmostEquals(blended[width - 1], 1, 1e-6);
  assertAlmostEquals(blended[10], 2, 1e-6);
  assertAlmostEquals(blended[20], 3, 1e-6);
  // What lies 12 columns from the right in the mirror image belongs 12 columns from the left.
  assertAlmostEquals(blended[width + 12], 4, 1e-6);
  assertAlmostEquals(blended[2 * width - 1 - 12], 2, 1e-6);
  // 7.5% of the width: halfway from the mirrored answer to the mean.
  assertAlmostEquals(blended[width + 3], 2.5, 1e-5);
});
