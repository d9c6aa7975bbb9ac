import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { readFrames } from "../../../lib/data/read_ahead.ts";
import { renderStreet } from "../../../lib/data/street/render.ts";
import { streetScenes } from "../../../lib/data/street/scenes.ts";
import { drawStreet } from "../../../lib/data/street/draw_street.ts";
import { STREET_CLASSES } from "../../../lib/data/street/street.ts";
import { ConfigError } from "../../../lib/errors.ts";
import { randomStream } from "../../../lib/random.ts";
import type { Frame } from "../../../lib/records.ts";

const SIZE = { height: 64, width: 128 };

function scenes(
  split: "train" | "validation" | "test",
  seed = 0,
  sequences = 6,
  framesPerSequence = 3,
) {
  return streetScenes({ seed, split, sequences, framesPerSequence });
}

/** Where a pixel of `from` lies in `to`, by true depth and both poses: written out, on purpose. */
function project(from: Frame, to: Frame, x: number, y: number): [number, number, number] {
  const { fx, fy, cx, cy } = from.intrinsics!;
  const z = from.depth![y * from.width + x];
  const local = [
    z * ((x + 0.5) / from.width - cx) / fx,
    z * ((y + 0.5) / from.height - cy) / fy,
    z,
  ];
  const [a, b] = [from.pose!, to.pose!];
  const world = [0, 1, 2].map((r) =>
    a[4 * r] * local[0] + a[4 * r + 1] * local[1] + a[4 * r + 2] * local[2] + a[4 * r + 3]
  );
  const shifted = world.map((value, r) => value - b[4 * r + 3]);
  const seen = [0, 1, 2].map((c) =>
    b[c] * shifted[0] + b[4 + c] * shifted[1] + b[8 + c] * shifted[2]
  );
  return [
    (fx * seen[0] / seen[2] + cx) * to.width - 0.5,
    (fy * seen[1] / seen[2] + cy) * to.height - 0.5,
    seen[2],
  ];
}

Deno.test("streetScenes() gives the same bytes for the same seed, whatever is read before", async () => {
  const seed = Math.floor(Math.random() * 1e6);
  const [a, b] = [scenes("train", seed), scenes("train", seed)];
  await b.read(7, SIZE);
  const [first, second] = [await a.read(4, SIZE), await b.read(4, SIZE)];
  assertEquals(first.rgb, second.rgb);
  assertEquals(first.depth, second.depth);
});

Deno.test("streetScenes() at another rate passes the same places at other frames", async () => {
  const at = (fps?: number) =>
    streetScenes({ seed: 4, split: "train", sequences: 2, framesPerSequence: 3, fps });
  const [usual, slow] = [at(), at(5)];
  assertEquals([usual.fps, slow.fps], [10, 5]);
  // A fifth of a second after the start of the second street.
  const [third, second] = [await usual.read(5, SIZE), await slow.read(4, SIZE)];
  assertEquals(third.pose, second.pose);
  assertEquals(third.rgb, second.rgb);
  assertNotEquals((await usual.read(4, SIZE)).pose, second.pose);
});

/** How workers start, or do not. */
const STARTS: Readonly<Record<string, (start: typeof Worker, module: URL) => Worker>> = {
  "in workers": (start, module) => new start(module, { type: "module" }),
  "where workers are refused": () => {
    throw new Deno.errors.NotCapable("no workers here");
  },
  "where workers fail": (start) => new start("data:text/javascript,throw 1", { type: "module" }),
};

for (const [where, start] of Object.entries(STARTS)) {
  Deno.test(`streetScenes() draws many frames at once ${where}`, async () => {
    const seed = Math.floor(Math.random() * 1e6), several = 25, original = globalThis.Worker;
    let started = 0;
    globalThis.Worker = new Proxy(original, {
      construct(target, [module]) {
        started++;
        return start(target, module);
      },
    });
    try {
      const dataset = scenes("train", seed, several, 1);
      const frames = await Array.fromAsync(readFrames(dataset, dataset.frames.keys(), SIZE));
      frames.forEach(({ name, rgb, depth }, street) => {
        assertEquals(name, dataset.frames[street].name);
        const drawn = drawStreet(randomStream(seed, "street", "train", street));
        const alone = renderStreet(drawn, 0, SIZE.height, SIZE.width);
        assertEquals(rgb, alone.rgb);
        assertEquals(depth, alone.depth);
      });
      if (navigator.hardwareConcurrency > 1) assert(started > 0, "no worker was asked for");
    } finally {
      globalThis.Worker = original;
    }
  });
}

Deno.test("streetScenes() draws other streets for another seed, split or sequence", async () => {
  const frames = await Promise.all([
    scenes("train", 0).read(0, SIZE),
    scenes("train", 1).read(0, SIZE),
    scenes("validation", 0).read(0, SIZE),
    scenes("train", 0).read(3, SIZE),
  ]);
  for (let i = 0; i < frames.length; i++) {
    for (let j = 0; j < i; j++) assertNotEquals(frames[i].labels, frames[j].labels);
  }
});

Deno.test("streetScenes() shows every class, with instances on things alone", async () => {
  const dataset = scenes("train", 3, 20, 1);
  const pixels = new Float64Array(STREET_CLASSES.length);
  for (let i = 0; i < 20; i++) {
    const frame = await dataset.read(i, SIZE);
    const classOf = new Map<number, number>();
    frame.labels!.forEach((label, k) => {
      pixels[label]++;
      const instance = frame.instances![k];
      const isThing = STREET_CLASSES[label] !== "sky" &&
        !["road", "pavement", "grass"].includes(STREET_CLASSES[label]);
      assertEquals(instance > 0, isThing);
      if (instance > 0) assertEquals(classOf.get(instance) ?? label, label);
      classOf.set(instance, label);
      assertEquals(frame.depth![k] === Infinity, STREET_CLASSES[label] === "sky");
    });
  }
  const total = pixels.reduce((sum, value) => sum + value, 0);
  STREET_CLASSES.forEach((name, id) =>
    assert(pixels[id] / total > 0.003, `${name}: ${pixels[id] / total}`)
  );
});

Deno.test("streetScenes() has depth and poses that explain the next frame", async () => {
  const dataset = scenes("validation", 5, 8, 2);
  const still = new Set(
    ["road", "pavement", "grass", "building"].map((name) => STREET_CLASSES.indexOf(name as "road")),
  );
  let [checked, agreed] = [0, 0];
  for (let street = 0; street < 8; street++) {
    const [from, to] = [
      await dataset.read(2 * street, SIZE),
      await dataset.read(2 * street + 1, SIZE),
    ];
    for (let y = 0; y < SIZE.height; y++) {
      for (let x = 0; x < SIZE.width; x++) {
        if (!still.has(from.labels![y * SIZE.width + x])) continue;
        const [u, v, z] = project(from, to, x, y);
        const [column, row] = [Math.round(u), Math.round(v)];
        if (z < 1 || column < 0 || row < 0 || column >= SIZE.width || row >= SIZE.height) continue;
        const there = to.depth![row * SIZE.width + column];
        checked++;
        if (Math.abs(there - z) < 0.08 * z) agreed++;
      }
    }
  }
  // What fails is hidden behind something nearer, or lies within a pixel of an edge.
  assert(checked > 10_000, `${checked}`);
  assert(agreed / checked > 0.9, `${agreed / checked}`);
});

Deno.test("streetScenes() gives the same scene at every size", async () => {
  const dataset = scenes("test", 2, 3, 1);
  for (let i = 0; i < 3; i++) {
    const [small, large] = [
      await dataset.read(i, SIZE),
      await dataset.read(i, { height: 192, width: 384 }),
    ];
    let agreed = 0;
    for (let y = 0; y < SIZE.height; y++) {
      for (let x = 0; x < SIZE.width; x++) {
        // The centre of a pixel is the centre of the middle one of the nine that it stands for.
        const [a, b] = [
          small.depth![y * SIZE.width + x],
          large.depth![(3 * y + 1) * 384 + 3 * x + 1],
        ];
        if (a === b || Math.abs(a - b) < 1e-3 * a) agreed++;
      }
    }
    assert(agreed / (SIZE.height * SIZE.width) > 0.999, `${agreed}`);
  }
});

Deno.test("renderStreet() averages the sensor's noise over the pixels of a small frame", () => {
  const street = drawStreet(randomStream(3));
  /** Deviation of the noise of a frame, from the same frame without. */
  const deviation = (height: number, width: number) => {
    const [noisy, clean] = [24, 0].map((noise) =>
      renderStreet({ ...street, weather: { ...street.weather, noise } }, 0, height, width).rgb
    );
    const inside = [...noisy.keys()].filter((i) => clean[i] > 70 && clean[i] < 185);
    const squares = inside.map((i) => (noisy[i] - clean[i]) ** 2);
    return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
  };
  const native = deviation(16, 1024), small = deviation(64, 128);
  assert(native > 12 && native < 30, `${native}`);
  // A pixel of the small frame stands for 8 x 8 of the sensor; rounding to bytes adds a little.
  assert(small > 0.1 * native && small < 0.16 * native, `${small} of ${native}`);
});

Deno.test("streetScenes() refuses splits, rates and seeds that are none", () => {
  const options = { seed: 0, split: "train", sequences: 1, framesPerSequence: 2 } as const;
  for (
    const [change, message] of [
      [{ split: "val" }, "expected train, validation, test, got val"],
      [{ fps: 0 }, "fps above 0, got 0 and 0"],
      [{ fps: NaN }, "got 0 and NaN"],
      [{ seed: 0.5 }, "a whole number as seed and fps above 0, got 0.5 and 10"],
      [{ sequences: 0 }, "sequences of at least 1, got 0"],
    ] as const
  ) {
    // deno-lint-ignore no-explicit-any
    assertThrows(() => streetScenes({ ...options, ...change } as any), ConfigError, message);
  }
});
