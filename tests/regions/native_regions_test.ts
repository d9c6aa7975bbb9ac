import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import { sharedLibrary } from "../../lib/engine/native/library.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import type { DepthMap, Intrinsics } from "../../lib/records.ts";
import { defaultRegionConfig, type RegionConfig } from "../../lib/regions/config.ts";
import { depthRegions } from "../../lib/regions/depth_regions.ts";
import {
  type SuperpixelImage,
  superpixelMedians,
  superpixels,
} from "../../lib/regions/superpixels.ts";

const library = sharedLibrary();
const SEED = Number(Deno.env.get("SEED") ?? Date.now() % 1_000_000);

function nativeTest(name: string, fn: (random: Random) => void | Promise<void>) {
  const ignore = library === undefined;
  const run = async () => {
    try {
      await fn(randomStream(SEED, name));
    } catch (error) {
      throw new Error(`with SEED=${SEED}`, { cause: error });
    }
  };
  Deno.test({ name: ignore ? `${name} (ignored: no native library here)` : name, ignore, fn: run });
}

function assertSameRegions(
  depth: DepthMap,
  intrinsics: Intrinsics,
  config: RegionConfig,
  what: string,
  image?: SuperpixelImage,
): number {
  const got = depthRegions(depth, intrinsics, config, image, library);
  const expected = depthRegions(depth, intrinsics, config, image, null);
  const wrong = got.ids.reduce((sum, id, i) => sum + Number(id !== expected.ids[i]), 0);
  assertEquals(wrong, 0, `${wrong} pixels of ${what}`);
  assertEquals(got.regions.length, expected.regions.length, what);
  got.regions.forEach(({ disparity, ...box }, i) => {
    const { disparity: mean, ...rest } = expected.regions[i];
    assertEquals(box, rest, what);
    assertAlmostEquals(disparity, mean, 1e-12 * Math.abs(mean) + 1e-300, what);
  });
  return got.regions.length;
}

/** Means over windows of 2 radius + 1 along both axes, as far as they lie in the map. */
function blurred(map: Float32Array, height: number, width: number, radius: number): Float32Array {
  return Float32Array.from(map, (_, i) => {
    const y = Math.floor(i / width), x = i % width;
    let sum = 0, count = 0;
    for (let v = Math.max(0, y - radius); v <= Math.min(height - 1, y + radius); v++) {
      for (let u = Math.max(0, x - radius); u <= Math.min(width - 1, x + radius); u++, count++) {
        sum += map[v * width + u];
      }
    }
    return sum / count;
  });
}

const SIZES = [[64, 128], [37, 61], [96, 200], [192, 384], [130, 77]] as const;

nativeTest(
  "depthRegions() of the library cuts fresh streets as plain TypeScript does",
  async (random) => {
    const seed = random.integer(1_000_000);
    const streets = streetScenes({ seed, split: "test", sequences: 15, framesPerSequence: 1 });
    let most = 0;
    for (let i = 0; i < 15; i++) {
      const [height, width] = SIZES[i % SIZES.length];
      const frame = await streets.read(i, { height, width });
      const truth = frame.depth!.map((metres) => 1 / metres);
      const smooth = blurred(truth, height, width, 1 + random.integer(4));
      const noise = random.uniform(0.001, 0.1);
      const maps = {
        truth,
        smooth,
        noisy: truth.map((value) => value * (1 + noise * random.normal())),
        rough: smooth.map((value) => value * (1 + noise * random.normal())),
      };
      for (const [name, disparity] of Object.entries(maps)) {
        const depth = { height, width, disparity };
        const what = `${name} ${height} x ${width}, street ${i}`;
        most = Math.max(
          most,
          assertSameRegions(depth, frame.intrinsics!, defaultRegionConfig, what),
        );
        const config = drawConfig(random);
        assertSameRegions(
          depth,
          frame.intrinsics!,
          config,
          `${what} ${JSON.stringify(config)}`,
          frame,
        );
      }
    }
    assert(most > 20, `${most} regions at most`);
  },
);

function drawConfig(random: Random): RegionConfig {
  return {
    grouping: "components",
    infomap: defaultRegionConfig.infomap,
    colour: defaultRegionConfig.colour,
    maxJump: random.uniform(0.01, 0.2),
    minCosine: random.uniform(0.3, 0.95),
    creaseCosine: random.uniform(0.8, 1),
    groundHeight: random.pick([0, random.uniform(0.05, 0.5), 0.2]),
    groundUpright: random.uniform(0.5, 0.95),
    kerb: random.uniform(0.005, 0.1),
    skyDepth: random.uniform(5, 200),
    minArea: random.pick([0, 0.001, 0.01]),
    keepJump: random.pick([null, 0, 0.05, 0.2]),
    keepArea: random.pick([0, 0.0003]),
    groundTrials: random.pick([0, 1, 50, 200]),
    superpixels: random.pick([null, {
      count: 1 + random.integer(400),
      compactness: random.uniform(1, 30),
      iterations: random.integer(6),
    }]),
  };
}

nativeTest(
  "depthRegions() of the library takes any numbers and shapes as TypeScript does",
  (random) => {
    const strange = [NaN, Infinity, -Infinity, 0, -0, -1, 1e-9, 1e-6, 1e9, 3e38, 1e-40];
    for (let round = 0; round < 400; round++) {
      const thin = random.integer(6);
      const height = thin === 0 ? 1 + random.integer(3) : 1 + random.integer(30);
      const width = thin === 1 ? 1 + random.integer(4) : 1 + random.integer(90);
      const odd = random.pick([0, 0.02, 0.5]), slope = random.uniform(0, 0.02);
      const disparity = Float32Array.from({ length: height * width }, (_, i) => {
        if (random.chance(odd)) return random.pick(strange);
        return 0.02 + slope * Math.floor(i / width) + random.pick([0, 0, 0.3]) * random.uniform();
      });
      const intrinsics = {
        fx: random.uniform(0.3, 2),
        fy: random.uniform(0.3, 3),
        cx: 0.5,
        cy: 0.4,
      };
      const image = {
        height,
        width,
        rgb: Uint8Array.from({ length: 3 * height * width }, () => random.integer(256)),
      };
      const config = drawConfig(random), depth = { height, width, disparity };
      const what = `${height} x ${width}, round ${round} ${JSON.stringify(config)}`;
      assertSameRegions(depth, intrinsics, config, what, image);
    }
  },
);

nativeTest(
  "depthRegions() of the library describes more regions than one call has room for",
  (random) => {
    const [height, width] = [100, 120];
    const disparity = Float32Array.from({ length: height * width }, () => random.uniform(0.01, 1));
    // A chance plane close to the camera would make sky of all else.
    const config = { ...defaultRegionConfig, minArea: 0, skyDepth: 1e9 };
    const intrinsics = { fx: 1, fy: 2, cx: 0.5, cy: 0.5 };
    const count = assertSameRegions({ height, width, disparity }, intrinsics, config, "noise");
    assert(count > 4096, `${count} regions`);
  },
);

nativeTest(
  "depthRegions() of the library gives the same bytes on any number of threads",
  async (random) => {
    const streets = streetScenes({
      seed: random.integer(1e6),
      split: "test",
      sequences: 1,
      framesPerSequence: 1,
    });
    const frame = await streets.read(0, { height: 200, width: 300 });
    const disparity = frame.depth!.map((metres) => (1 + 0.01 * random.normal()) / metres);
    const depth = { height: 200, width: 300, disparity };
    try {
      const all = [1, 2, 3].map((threads) => {
        library!.setThreads(threads);
        return depthRegions(depth, frame.intrinsics!, defaultRegionConfig, frame, library);
      });
      assertEquals(all[1], all[0]);
      assertEquals(all[2], all[0]);
    } finally {
      library!.setThreads(0);
    }
  },
);

nativeTest("superpixels() and their medians of the library are those of TypeScript", (random) => {
  for (let round = 0; round < 60; round++) {
    const [height, width] = [1 + random.integer(80), 1 + random.integer(120)];
    const cell = 1 + random.integer(20), image = drawImage(random, height, width, cell);
    const config = {
      count: 1 + random.integer(300),
      compactness: random.uniform(0.5, 40),
      iterations: random.integer(8),
    };
    const what = `${height} x ${width} ${JSON.stringify(config)}`;
    const got = superpixels(image, config, library), expected = superpixels(image, config, null);
    assertEquals(got, expected, what);
    const values = Float32Array.from(
      got,
      () => random.chance(0.05) ? random.pick([NaN, -0, 0, Infinity]) : random.normal(),
    );
    assertEquals(
      superpixelMedians(values, got, library),
      superpixelMedians(values, got, null),
      what,
    );
  }
});

/** Cells of one colour with some noise. */
function drawImage(random: Random, height: number, width: number, cell: number): SuperpixelImage {
  const colours = Array.from({ length: 4 }, () => [0, 1, 2].map(() => random.integer(230)));
  const rgb = new Uint8Array(3 * height * width);
  for (let i = 0; i < height * width; i++) {
    const at = Math.floor(i / width / cell) * 3 + Math.floor(i % width / cell);
    rgb.set(colours[at % 4].map((value) => value + random.integer(20)), 3 * i);
  }
  return { height, width, rgb };
}
