import { assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ConfigError, DataError } from "../../lib/errors.ts";
import { clusterProtocol } from "../../lib/evaluate/cluster_protocol.ts";
import { colourPositionBaseline } from "../../lib/evaluate/colour_baseline.ts";
import { groupPrototypes, prototypeUse } from "../../lib/evaluate/prototype_groups.ts";
import { randomStream } from "../../lib/random.ts";
import type { Embedding, Frame } from "../../lib/records.ts";

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

// Two directions, two prototypes each, and an outlier that is never assigned.
const prototypes = unitRows([1, 0, 0.9, 0.1, 0, 1, 0.1, 0.9, -1, -0.9], 2);

function unitRows(values: readonly number[], dimension: number): Float32Array {
  const length = (i: number) => {
    const row = Math.floor(i / dimension) * dimension;
    return Math.hypot(...values.slice(row, row + dimension));
  };
  return Float32Array.from(values, (value, i) => value / length(i));
}

/** The red channel of a pixel is its prototype, and its feature is that prototype itself. */
class RedModel {
  readonly batches: number[] = [];
  prototypes(): Promise<Float32Array> {
    return Promise.resolve(prototypes);
  }
  assign(frames: readonly Frame[]): Promise<Int32Array[]> {
    this.batches.push(frames.length);
    return Promise.resolve(
      frames.map(({ rgb }) => Int32Array.from(rgb.filter((_, i) => i % 3 === 0))),
    );
  }
  async embed(frames: readonly Frame[]): Promise<Embedding> {
    const ids = (await this.assign(frames)).flatMap((image) => [...image]);
    this.batches.pop();
    const values = Float32Array.from(
      ids.flatMap((id) => [...prototypes.subarray(2 * id, 2 * id + 2)]),
    );
    const [{ height, width }] = frames;
    return { count: frames.length, height, width, channels: 2, values };
  }
}

Deno.test("clusterProtocol() groups, matches over the whole set and ignores", async () => {
  const frames = [
    frame(1, 4, [1, 1, 0, 9], [0, 1, 2, 0]),
    frame(1, 4, [0, 0, 1, 0], [3, 2, 1, 0]),
    frame(1, 1, [1], [0]),
  ];
  const model = new RedModel();
  const input = { model, prototypeCount: 5, frames, classes: 2, ignore: 9, batch: 2 };
  const seen = frames.slice(0, 2);
  const { score, classOfPrototype } = await clusterProtocol({ ...input, trainFrames: seen });
  // The outlier stands for nothing and joins the second direction, to which it is more similar.
  assertEquals([...classOfPrototype], [1, 1, 0, 0, 0]);
  // Class 0: 3 of 4 found, none claimed wrongly; class 1: 4 found, one wrong claim.
  assertAlmostEquals(score.perClass[0], 3 / 4, 1e-12);
  assertAlmostEquals(score.perClass[1], 4 / 5, 1e-12);
  assertAlmostEquals(score.accuracy, 7 / 8, 1e-12);
  assertEquals(model.batches, [2, 1]);
  // Without training frames the outlier is one of the two groups, and everything else the other.
  const naive = await clusterProtocol(input);
  assertAlmostEquals(naive.score.accuracy, 4 / 8, 1e-12);
});

Deno.test("clusterProtocol() refuses frames without labels and too few prototypes", async () => {
  const { labels: _, ...bare } = frame(1, 1, [0], [0]);
  const input = { model: new RedModel(), prototypeCount: 5, classes: 2, ignore: 9 };
  await assertRejects(() => clusterProtocol({ ...input, frames: [bare] }), DataError, "a/0");
  for (const trainFrames of [undefined, [frame(1, 1, [0], [0])]]) {
    await assertRejects(
      () => clusterProtocol({ ...input, classes: 6, frames: [], trainFrames }),
      ConfigError,
      "6",
    );
  }
});

Deno.test("prototypeUse() counts and averages as plain loops do", async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  const random = randomStream(seed);
  for (let trial = 0; trial < 20; trial++) {
    const dimension = 2 + random.integer(6), count = 2 + random.integer(9);
    const height = 1 + random.integer(5), width = 1 + random.integer(5), images = 5;
    const normal = (n: number) => Array.from({ length: n * dimension }, () => random.normal());
    const rows = unitRows(normal(count), dimension);
    const features = unitRows(normal(images * height * width), dimension);
    const size = height * width * dimension;
    const embed = (frames: readonly Frame[]) => {
      const values = frames.flatMap(({ name }) => [
        ...features.subarray(Number(name) * size, (Number(name) + 1) * size),
      ]);
      return Promise.resolve({
        count: frames.length,
        height,
        width,
        channels: dimension,
        values: Float32Array.from(values),
      });
    };
    const model = { embed, prototypes: () => Promise.resolve(rows), assign: () => never() };
    const frames = Array.from(
      { length: images },
      (_, i) => ({ ...frame(1, 1, [], []), name: `${i}` }),
    );
    const { counts, means } = await prototypeUse(model, frames, 2);
    const members: number[][] = Array.from({ length: count }, () => []);
    const of = (
      values: Float32Array,
      i: number,
    ) => [...values.subarray(i * dimension, (i + 1) * dimension)];
    const total = images * height * width;
    for (let i = 0; i < total; i++) {
      const scores = Array.from(
        { length: count },
        (_, k) => of(rows, k).reduce((sum, value, d) => sum + value * of(features, i)[d], 0),
      );
      members[scores.indexOf(Math.max(...scores))].push(i);
    }
    assertEquals([...counts], members.map((own) => own.length), `seed ${seed}`);
    const mean = (own: readonly number[], d: number) =>
      own.reduce((sum, i) => sum + of(features, i)[d], 0) / own.length;
    const all = Array.from({ length: total }, (_, i) => i);
    members.forEach((own, k) => {
      for (let d = 0; d < dimension; d++) {
        const expected = own.length === 0 ? 0 : mean(own, d) - mean(all, d);
        assertAlmostEquals(means[k * dimension + d], expected, 1e-6, `seed ${seed}`);
      }
    });
  }
});

function never(): never {
  throw new Error("expected no assignment of pixels");
}

Deno.test("groupPrototypes() looks past what all features share", () => {
  // All four lie close to (1, 0, 0); what they stand for differs in the small components alone.
  const near = unitRows([1, 0.1, 0, 1, -0.1, 0.01, 1, 0.09, 0.01, 1, -0.09, 0], 3);
  const means = Float64Array.of(0, 0.1, 0, 0, -0.1, 0, 0, 0.09, 0, 0, -0.11, 0);
  const use = { counts: Float64Array.of(5, 5, 5, 5), means };
  assertEquals([...groupPrototypes(near, use, 2)], [0, 1, 0, 1]);
});

Deno.test("groupPrototypes() weighs each prototype as many features as it stands for", () => {
  // Directions at 0, 30, 75 and 125 degrees: the first two come together, and then either the last two or
  // the third with them, whose distance is a mean over features.
  const angles = [0, 30, 75, 125].map((degrees) => degrees * Math.PI / 180);
  const rows = Float32Array.from(angles.flatMap((angle) => [Math.cos(angle), Math.sin(angle)]));
  const groups = (counts: number[]) => {
    const use = { counts: Float64Array.from(counts), means: Float64Array.from(rows) };
    return [...groupPrototypes(rows, use, 2)];
  };
  // 1 - cos: 0.741 and 0.293 from the first two to the third, 0.357 between the last two.
  assertEquals(groups([20, 20, 20, 20]), [0, 0, 1, 1]);
  assertEquals(groups([10, 100, 20, 20]), [0, 0, 0, 1]);
});

Deno.test("groupPrototypes() gives no group to a prototype that is hardly used", () => {
  const means = Float64Array.of(0.5, 0, 0.4, 0, 0, 0.5, 0, 0, 0, 0);
  const use = { counts: Float64Array.of(50, 40, 6, 4, 0), means };
  // 6 of 100 is more than a quarter of a fair share of five: in use. The last two join the nearest.
  assertEquals([...groupPrototypes(prototypes, use, 2)], [0, 0, 1, 1, 1]);
  // Fewer in use than groups: the most used ones fill up, by their own direction.
  const rare = { counts: Float64Array.of(99, 0, 1, 0, 0), means };
  assertEquals([...groupPrototypes(prototypes, rare, 2)], [0, 0, 1, 1, 1]);
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
