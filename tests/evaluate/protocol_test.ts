import { assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ConfigError, DataError } from "../../lib/errors.ts";
import { clusterProtocol, prototypeUsage } from "../../lib/evaluate/cluster_protocol.ts";
import { colourPositionBaseline } from "../../lib/evaluate/colour_baseline.ts";
import type { Frame } from "../../lib/records.ts";

function frame(height: number, width: number, labels: number[], red: number[]): Frame {
  return {
    name: "a/0",
    sequence: "a",
    height,
    width,
    rgb: Uint8Array.from(red.flatMap((r) => [r, 100, 50])),
    labels: Uint8Array.from(labels),
  };
}

/** Answers the red channel as the prototype of each pixel, and remembers the batch sizes. */
class RedAssigner {
  readonly batches: number[] = [];
  assign(frames: readonly Frame[]): Promise<Int32Array[]> {
    this.batches.push(frames.length);
    return Promise.resolve(
      frames.map(({ rgb }) => Int32Array.from(rgb.filter((_, i) => i % 3 === 0))),
    );
  }
}

// Two directions, two prototypes each, and an outlier that is never assigned.
const prototypes = Float32Array.of(1, 0, 0.9, 0.1, 0, 1, 0.1, 0.9, -1, -0.9);

Deno.test("clusterProtocol() groups, matches over the whole set and ignores", async () => {
  const frames = [
    frame(1, 4, [1, 1, 0, 9], [0, 1, 2, 0]),
    frame(2, 2, [0, 0, 1, 0], [3, 2, 1, 0]),
    frame(1, 1, [1], [0]),
  ];
  const assigner = new RedAssigner();
  const usage = await prototypeUsage(assigner, 5, frames);
  assertEquals([...usage], [4, 2, 2, 1, 0]);
  const input = { prototypes, prototypeCount: 5, frames, classes: 2, ignore: 9 };
  const { score, classOfPrototype } = await clusterProtocol({
    ...input,
    assigner,
    usage,
    batch: 2,
  });
  assertEquals([...classOfPrototype], [1, 1, 0, 0, 0]);
  // Class 0: 3 of 4 found, none claimed wrongly; class 1: 4 found, one wrong claim.
  assertAlmostEquals(score.perClass[0], 3 / 4, 1e-12);
  assertAlmostEquals(score.perClass[1], 4 / 5, 1e-12);
  assertAlmostEquals(score.accuracy, 7 / 8, 1e-12);
  assertEquals(assigner.batches, [3, 2, 1]);
  // Without usage the outlier is one of the two groups, and everything else the other.
  const naive = await clusterProtocol({ ...input, assigner });
  assertAlmostEquals(naive.score.accuracy, 4 / 8, 1e-12);
});

Deno.test("clusterProtocol() refuses frames without labels and too few prototypes", async () => {
  const assigner = new RedAssigner();
  const { labels: _, ...bare } = frame(1, 1, [0], [0]);
  const input = { assigner, prototypes, prototypeCount: 5, classes: 2, ignore: 9 };
  await assertRejects(() => clusterProtocol({ ...input, frames: [bare] }), DataError, "a/0");
  await assertRejects(
    () => clusterProtocol({ ...input, classes: 6, frames: [] }),
    ConfigError,
    "6",
  );
});

/** Left half dark, right half bright; the labels say left or right, or top or bottom. */
function halves(size: number, byRow: boolean): Frame {
  const pixels = Array.from({ length: size * size }, (_, i) => i);
  const right = (i: number) => i % size >= size / 2;
  const lower = (i: number) => i >= size * size / 2;
  return frame(
    size,
    size,
    pixels.map((i) => Number(byRow ? lower(i) : right(i))),
    pixels.map((i) => right(i) ? 220 : 30),
  );
}

Deno.test("colourPositionBaseline() finds classes that differ in colour", () => {
  const train = [halves(8, false)];
  const test = [halves(12, false)];
  const options = { fitPixels: 400, positionWeight: 0.1 };
  assertEquals(colourPositionBaseline(train, test, 2, 255, 1, options).miou, 1);
  // With labels by row colour says nothing: every cluster is half right.
  const byRow = colourPositionBaseline(train, [halves(12, true)], 2, 255, 1, options);
  assertAlmostEquals(byRow.miou, 1 / 3, 1e-12);
});

Deno.test("colourPositionBaseline() weighs position as told and fits on training frames", () => {
  // One colour everywhere: only position can tell left from right.
  const plain = { ...halves(12, false), rgb: new Uint8Array(12 * 12 * 3).fill(7) };
  const byColour = { fitPixels: 300, positionWeight: 0 };
  assertEquals(colourPositionBaseline([plain], [plain], 2, 255, 1, byColour).accuracy, 0.5);
  const tall = { ...plain, height: 1, width: 144, labels: plain.labels!.slice().sort() };
  const score = colourPositionBaseline([tall], [tall], 2, 255, 1, { fitPixels: 300 });
  assertEquals(score.accuracy > 0.9, true);
  assertThrows(() => colourPositionBaseline([], [plain], 2, 255, 1), ConfigError, "training");
});
