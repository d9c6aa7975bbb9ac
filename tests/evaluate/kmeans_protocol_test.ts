import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { ConfigError, DataError } from "../../lib/errors.ts";
import { kmeansProtocol } from "../../lib/evaluate/kmeans_protocol.ts";
import { largestChannel } from "../../lib/evaluate/upsample.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import type { Embedding, Frame } from "../../lib/records.ts";

/** Half-size features: the class of each 2 x 2 block as a noisy direction, around a common one. */
class NoisyDirections {
  readonly #random: Random = randomStream(4);
  embed(frames: readonly Frame[]): Promise<Embedding> {
    const height = frames[0].height / 2, width = frames[0].width / 2;
    const values = frames.flatMap(({ rgb }) =>
      Array.from({ length: height * width }, (_, i) => {
        const pixel = 2 * Math.floor(i / width) * 2 * width + 2 * (i % width);
        const row = [4, 0, 0, 0].map((v) => v + this.#random.normal(0, 0.05));
        row[1 + rgb[3 * pixel]] += 1;
        const length = Math.hypot(...row);
        return row.map((v) => v / length);
      }).flat()
    );
    return Promise.resolve({
      count: frames.length,
      height,
      width,
      channels: 4,
      values: Float32Array.from(values),
    });
  }
}

/** Three classes in blocks of four columns, or another class in each of them. */
function striped(of: readonly number[] = [0, 1, 2]): Frame {
  const ids = Array.from({ length: 8 * 12 }, (_, i) => of[Math.floor(i % 12 / 4)]);
  return {
    name: "s/0",
    sequence: "s",
    height: 8,
    width: 12,
    rgb: Uint8Array.from(ids.flatMap((id) => [id, 0, 0])),
    labels: Uint8Array.from(ids, (id) => (id + 1) % 3),
  };
}

Deno.test("kmeansProtocol() finds directions that differ little beside what they share", async () => {
  const input = {
    embedder: new NoisyDirections(),
    trainFrames: [striped(), striped()],
    frames: [striped(), striped(), striped()],
    classes: 3,
    ignore: 255,
    seed: 1,
    fitFeatures: 100,
    batch: 2,
  };
  const score = await kmeansProtocol(input);
  assertEquals(score.miou, 1);
  assertEquals(score.confusion.reduce((a, b) => a + b), 3 * 96);
  // Of each frame its own features, in whatever batch: one class alone is in the second of two.
  const apart = [striped([0, 0, 1]), striped([2, 2, 2])];
  const other = { ...input, trainFrames: apart, frames: [...apart, striped([1, 2, 0])] };
  for (const batch of [1, 2, 3]) assertEquals((await kmeansProtocol({ ...other, batch })).miou, 1);
  await assertRejects(() => kmeansProtocol({ ...input, trainFrames: [] }), ConfigError, "training");
  const { labels: _, ...bare } = striped();
  await assertRejects(() => kmeansProtocol({ ...input, frames: [bare] }), DataError, "s/0");
});

Deno.test("kmeansProtocol() looks at scored features from the mean of the training ones, too", async () => {
  const random = randomStream(5);
  // Three near directions in a plane. From their mean the middle one lies outwards; from the origin all do.
  const embed = (frames: readonly Frame[]): Promise<Embedding> => {
    const [{ height, width }] = frames;
    const values = frames.flatMap(({ rgb }) =>
      Array.from({ length: height * width }, (_, i) => {
        const angle = (30 + 10 * rgb[3 * i] + random.normal(0, 0.01)) * Math.PI / 180;
        return [Math.cos(angle), Math.sin(angle)];
      }).flat()
    );
    const size = { count: frames.length, height, width, channels: 2 };
    return Promise.resolve({ ...size, values: Float32Array.from(values) });
  };
  const frames = [striped(), striped()];
  const input = {
    embedder: { embed },
    trainFrames: frames,
    frames,
    classes: 3,
    ignore: 255,
    seed: 2,
  };
  assertEquals((await kmeansProtocol({ ...input, fitFeatures: 300 })).miou, 1);
});

Deno.test("kmeansProtocol() refuses options that fit centres on nothing", async () => {
  const never = { embed: () => Promise.reject(new Error("embedded")) };
  const frame = { name: "a/1", sequence: "a", height: 1, width: 1, rgb: new Uint8Array(3) };
  const input = { trainFrames: [frame], frames: [], classes: 2, ignore: 9, seed: 0 };
  for (const change of [{ fitFeatures: 0 }, { fitFeatures: 2.5 }, { batch: 0 }]) {
    const [[name, value]] = Object.entries(change);
    await assertRejects(
      () => kmeansProtocol({ ...input, embedder: never, ...change }),
      ConfigError,
      `${name}: expected a whole number from 1, got ${value}`,
    );
  }
});

Deno.test("largestChannel() agrees with tent-weighted sums", () => {
  const seed = Date.now();
  const random = randomStream(seed);
  for (
    const [h, w, c, H, W] of [[3, 5, 4, 12, 20], [1, 1, 3, 4, 2], [2, 3, 2, 7, 5], [5, 4, 3, 5, 4]]
  ) {
    const scores = Float32Array.from({ length: h * w * c }, () => random.uniform(-1, 1));
    const own = largestChannel(scores, h, w, c, H, W);
    for (let y = 0; y < H; y++) {
      for (let x = 0; x < W; x++) {
        const values = interpolate(
          scores,
          h,
          w,
          c,
          (y + 0.5) * h / H - 0.5,
          (x + 0.5) * w / W - 0.5,
        );
        const top = Math.max(...values);
        assertAlmostEquals(values[own[y * W + x]], top, 1e-6, `seed ${seed}`);
        assert(own[y * W + x] >= 0 && own[y * W + x] < c);
      }
    }
  }
});

Deno.test("largestChannel() takes the first of equals", () => {
  const scores = Float32Array.from({ length: 2 * 3 * 4 }, (_, i) => i % 4 === 0 ? 0 : 1);
  assertEquals(new Set(largestChannel(scores, 2, 3, 4, 8, 12)), new Set([1]));
});

/** Every cell weighs max(0, 1 - |distance|) an axis; cells beyond the border repeat it. */
function interpolate(scores: Float32Array, h: number, w: number, c: number, y: number, x: number) {
  const sums = new Array<number>(c).fill(0);
  for (let row = -1; row <= h; row++) {
    for (let column = -1; column <= w; column++) {
      const weight = Math.max(0, 1 - Math.abs(y - row)) * Math.max(0, 1 - Math.abs(x - column));
      const cell = Math.min(h - 1, Math.max(0, row)) * w + Math.min(w - 1, Math.max(0, column));
      sums.forEach((_, k) => sums[k] += weight * scores[cell * c + k]);
    }
  }
  return sums;
}
