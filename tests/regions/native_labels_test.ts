import { assert, assertEquals, assertThrows } from "@std/assert";
import { sharedLibrary } from "../../lib/engine/native/library.ts";
import { ConfigError, DeviceError } from "../../lib/errors.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import { componentStatistics } from "../../lib/regions/component_statistics.ts";
import { defaultRegionConfig } from "../../lib/regions/config.ts";
import {
  type ComponentOptions,
  connectedComponents,
  labelGrid,
} from "../../lib/regions/connected_components.ts";
import { predicate } from "../../lib/regions/depth_regions.ts";
import { labelSurface } from "../../lib/regions/surface_labels.ts";
import { measureByLoops } from "../oracles/component_measures.ts";
import { floodFill } from "../oracles/flood_fill.ts";

const library = sharedLibrary();
const SEED = Number(Deno.env.get("SEED") ?? Date.now() % 1_000_000);

function nativeTest(name: string, fn: (random: Random) => void) {
  const ignore = library === undefined;
  const run = () => {
    try {
      fn(randomStream(SEED, name));
    } catch (error) {
      throw new Error(`with SEED=${SEED}`, { cause: error });
    }
  };
  Deno.test({ name: ignore ? `${name} (ignored: no native library here)` : name, ignore, fn: run });
}

type Pattern = (y: number, x: number, height: number, width: number, random: Random) => number;

/** Maps that lead labellings astray, and noise of every kind. */
const PATTERNS: Record<string, Pattern> = {
  binaryNoise: (_y, _x, _h, _w, random) => random.integer(2),
  sparse: (_y, _x, _h, _w, random) => Number(random.chance(0.1)),
  dense: (_y, _x, _h, _w, random) => Number(random.chance(0.9)),
  levels: (_y, _x, _h, _w, random) => random.integer(6),
  normal: (_y, _x, _h, _w, random) => random.normal(),
  strange: (_y, _x, _h, _w, random) =>
    random.pick([NaN, Infinity, -Infinity, 0, -0, 1, 3e38, -3e38]),
  equal: () => 1,
  chessboard: (y, x) => (x + y) & 1,
  comb: (y, x, height) => Number(x % 2 === 0 || y === height - 1),
  fingers: (y, x, height) => Number(x % 4 < 2 ? y < height - 1 : y > 0 && x % 4 === 3),
  spiral: (y, x, height, width) => {
    const ring = Math.min(y, x, height - 1 - y, width - 1 - x);
    return Number(ring % 2 === 0 && !(x === ring && y === ring + 1)) ||
      Number(ring % 2 === 1 && x === ring && y === ring + 1);
  },
  ramp: (y, x) => 0.1 * (x + y),
};

function drawMap(random: Random, name: string, batch: number, height: number, width: number) {
  const pattern = PATTERNS[name];
  return Float32Array.from({ length: batch * height * width }, (_, i) => {
    const at = i % (height * width);
    return pattern(Math.floor(at / width), at % width, height, width, random);
  });
}

function drawOptions(random: Random): ComponentOptions {
  return {
    connectivity: random.pick([4, 8]),
    maxJump: random.pick([0, 0, 0.1, 0.5, 1, 2, Infinity]),
    background: random.pick([undefined, undefined, 0, 1, 0.1, NaN]),
  };
}

nativeTest("connectedComponents() of the library labels as a flood fill does", (random) => {
  for (let round = 0; round < 3000; round++) {
    const name = random.pick(Object.keys(PATTERNS)), batch = 1 + random.integer(3);
    const thin = random.integer(5);
    const height = thin === 0 ? 1 : 1 + random.integer(14);
    const width = thin === 1 ? 1 : 1 + random.integer(random.chance(0.2) ? 150 : 20);
    const map = drawMap(random, name, batch, height, width), options = drawOptions(random);
    const got = connectedComponents(map, [batch, height, width], options, library);
    // As the map holds it: 0.1 is another number there.
    const background = options.background && Math.fround(options.background);
    for (let b = 0; b < batch; b++) {
      const part = map.slice(b * height * width, (b + 1) * height * width);
      const expected = floodFill(
        part,
        height,
        width,
        options.connectivity,
        options.maxJump,
        background,
      );
      const what = `${name} ${height} x ${width} ${JSON.stringify(options)}`;
      const labels = got.labels.subarray(b * height * width, (b + 1) * height * width);
      assertEquals(Array.from(labels), expected.labels, what);
      assertEquals(got.counts[b], expected.count, what);
    }
  }
});

nativeTest("connectedComponents() labels bytes as a flood fill labels their values", (random) => {
  for (let round = 0; round < 2000; round++) {
    const batch = 1 + random.integer(3), height = 1 + random.integer(14);
    const width = 1 + random.integer(random.chance(0.5) ? 200 : 20);
    const levels = random.pick([2, 2, 3, 10, 256]),
      spread = random.pick([1, 1, 255 / (levels - 1)]);
    const map = Uint8Array.from(
      { length: batch * height * width },
      () => random.integer(levels) * spread,
    );
    const options: ComponentOptions = {
      connectivity: random.pick([4, 8]),
      maxJump: random.pick([0, 0, 0.5, 1, 1.5, 60, 254, 255, 300, Infinity]),
      background: random.pick([undefined, 0, 1, 255, 256, -1, 0.5, NaN]),
    };
    const what = `${height} x ${width} ${JSON.stringify(options)}`;
    // A library without bytes gets floats.
    const { cpcdr_label_bytes: _, ...floatSymbols } = library!.symbols;
    const engine = random.pick([library!, null, { ...library!, symbols: floatSymbols }]);
    const got = connectedComponents(map, [batch, height, width], options, engine);
    for (let b = 0; b < batch; b++) {
      const part = map.slice(b * height * width, (b + 1) * height * width);
      const { connectivity, maxJump, background } = options;
      const values = Float32Array.from(part);
      const expected = floodFill(values, height, width, connectivity, maxJump, background);
      const labels = got.labels.subarray(b * height * width, (b + 1) * height * width);
      assertEquals(Array.from(labels), expected.labels, what);
      assertEquals(got.counts[b], expected.count, what);
    }
  }
});

nativeTest("connectedComponents() of the library joins strips of bytes as of floats", (random) => {
  for (const levels of [2, 3, 20]) {
    const [height, width] = [60 + random.integer(540), 1500 + random.integer(1200)];
    const map = Uint8Array.from({ length: height * width }, () => random.integer(levels));
    const options = drawOptions(random), shape = [1, height, width] as const;
    const got = connectedComponents(map, shape, options, library);
    const expected = connectedComponents(Float32Array.from(map), shape, options, null);
    const what = `${levels} levels ${height} x ${width} ${JSON.stringify(options)}`;
    assertEquals(got.counts, expected.counts, what);
    assert(got.labels.every((label, i) => label === expected.labels[i]), what);
  }
});

nativeTest(
  "connectedComponents() of the library joins strips as plain TypeScript does",
  (random) => {
    for (const name of Object.keys(PATTERNS)) {
      // Taller than a strip of rows at this width, and of a width that is no multiple of a word.
      const [height, width] = [60 + random.integer(540), 1500 + random.integer(1200)];
      const map = drawMap(random, name, 1, height, width), options = drawOptions(random);
      const got = connectedComponents(map, [1, height, width], options, library);
      const expected = connectedComponents(map, [1, height, width], options, null);
      const what = `${name} ${height} x ${width} ${JSON.stringify(options)}`;
      assertEquals(got.counts, expected.counts, what);
      assert(got.labels.every((label, i) => label === expected.labels[i]), what);
    }
  },
);

nativeTest("connectedComponents() of the library labels 4096 x 8192", (random) => {
  const [height, width] = [4096, 8192];
  const map = new Float32Array(height * width);
  for (let i = 0, bits = 0; i < map.length; i++, bits >>>= 1) {
    if (i % 32 === 0) bits = random.bits();
    map[i] = bits & 1;
  }
  const options = { connectivity: 8, maxJump: 0, background: 0 } as const;
  const got = connectedComponents(map, [1, height, width], options, library);
  const expected = connectedComponents(map, [1, height, width], options, null);
  assertEquals(got.counts, expected.counts);
  assert(got.labels.every((label, i) => label === expected.labels[i]));
});

nativeTest("connectedComponents() writes to the labels that it is given", () => {
  const map = Float32Array.of(1, 1, 2), options = { connectivity: 4, maxJump: 0 } as const;
  for (const engine of [library!, null]) {
    const labels = Int32Array.of(7, 7, 7);
    const got = connectedComponents(map, [1, 1, 3], { ...options, labels }, engine);
    assert(got.labels === labels);
    assertEquals(labels, Int32Array.of(0, 0, 1));
    const narrow = { ...options, labels: new Int32Array(2) };
    assertThrows(
      () => connectedComponents(map, [1, 1, 3], narrow, engine),
      ConfigError,
      "got Int32Array(2)",
    );
  }
});

nativeTest("connectedComponents() takes maps without pixels", () => {
  for (const shape of [[0, 3, 3], [2, 0, 3], [2, 3, 0]] as const) {
    const got = connectedComponents(new Float32Array(0), shape, { connectivity: 4, maxJump: 0 });
    assertEquals(got.counts, new Int32Array(shape[0]));
  }
});

nativeTest("cpcdr_label() answers a status to bad sizes and null pointers", () => {
  const { symbols, check } = library!;
  const one = new Float32Array(1), labels = new Int32Array(1), counts = new Int32Array(1);
  const sizes = Int32Array.of(1, 1, 1, 4, 0);
  assertEquals(symbols.cpcdr_label(one, labels, counts, sizes, 0, 0), 0);
  assertEquals(symbols.cpcdr_label(null, labels, counts, sizes, 0, 0), 1);
  assertEquals(symbols.cpcdr_label(one, labels, counts, sizes, -1, 0), 1);
  assertEquals(symbols.cpcdr_label(one, labels, counts, sizes, NaN, 0), 1);
  const bad = [[1, -1, 1, 4, 0], [1, 1, 1, 6, 0], [-1, 1, 1, 4, 0], [1, 65536, 65536, 4, 0]];
  for (const wrong of bad) {
    assertEquals(
      symbols.cpcdr_label(one, labels, counts, Int32Array.from(wrong), 0, 0),
      1,
      `${wrong}`,
    );
  }
  assertThrows(() => check(1), DeviceError, "2^31 - 1 pixels");
  const byte = new Uint8Array(1);
  assertEquals(symbols.cpcdr_label_bytes(byte, labels, counts, sizes, 0, NaN), 0);
  assertEquals(symbols.cpcdr_label_bytes(null, labels, counts, sizes, 0, 0), 1);
  assertEquals(symbols.cpcdr_label_bytes(byte, labels, counts, sizes, NaN, 0), 1);
  assertEquals(
    symbols.cpcdr_label_bytes(byte, labels, counts, Int32Array.of(1, 1, 1, 5, 0), 0, 0),
    1,
  );
});

nativeTest("labelSurface() of the library follows the rule of the regions stage", (random) => {
  const config = defaultRegionConfig;
  for (let round = 0; round < 1000; round++) {
    const height = 1 + random.integer(12), width = 1 + random.integer(90), count = height * width;
    const coarse = random.chance(0.5);
    const value = () =>
      coarse ? random.pick([1, 1.01, 1.02, 1.05, 1.1, NaN, 1e6]) : random.uniform(1, 1.1);
    const points = Float32Array.from({ length: 3 * count }, value);
    const normals = new Float32Array(3 * count);
    for (let i = 0; i < count; i++) {
      const angle = random.uniform(0, 1.5);
      normals.set([Math.cos(angle), Math.sin(angle), 0], 3 * i);
    }
    const heights = Float32Array.from({ length: count }, () => random.uniform(0, 0.05));
    const kinds = Uint8Array.from({ length: count }, () => random.integer(4));
    const surface = { height, width, points, normals };
    const joins = predicate(surface, heights, kinds, config);
    const got = labelSurface(surface, heights, kinds, config, joins, library);
    assertEquals(got, labelGrid(height, width, 4, joins), `${height} x ${width}`);
  }
});

nativeTest("componentStatistics() measures as loops do, with and without the library", (random) => {
  for (let round = 0; round < 300; round++) {
    const height = 1 + random.integer(round % 10 === 0 ? 300 : 12);
    const width = 1 + random.integer(round % 10 === 0 ? 600 : 40), count = 1 + random.integer(9);
    const labels = Int32Array.from({ length: height * width }, () => random.integer(count + 1) - 1);
    const values = Float32Array.from(labels, () => random.normal());
    const points = Float32Array.from({ length: 3 * labels.length }, () => random.normal());
    const input = random.pick([{ values, points }, { values }, {}]);
    const expected = measureByLoops(labels, count, height, width, input);
    for (const engine of [library!, null]) {
      const got = componentStatistics({ labels, count }, [height, width], input, engine);
      assertEquals(got.borders, expected.borders);
      got.components.forEach((component, k) => {
        const { mean, centroid, ...box } = component,
          { sums, ...expectedBox } = expected.components[k];
        assertEquals(box, expectedBox);
        [mean, ...centroid].forEach((value, c) => {
          const wanted = sums[c] / Math.max(1, box.area);
          assert(Math.abs(value - wanted) < 1e-9, `${value} against ${wanted}`);
        });
      });
    }
  }
});

nativeTest("componentStatistics() of background alone, and of no pixel, is empty", () => {
  const nothing = { components: [], borders: [] };
  for (const engine of [library!, null]) {
    const background = { labels: Int32Array.of(-1, -1), count: 0 };
    assertEquals(componentStatistics(background, [1, 2], {}, engine), nothing);
    const empty = { labels: new Int32Array(0), count: 0 };
    assertEquals(componentStatistics(empty, [0, 2], {}, engine), nothing);
  }
});

nativeTest("componentStatistics() refuses arrays of another size and labels beyond count", () => {
  const labels = Int32Array.of(0, 1, 2, 0);
  assertThrows(
    () => componentStatistics({ labels, count: 3 }, [2, 3]),
    ConfigError,
    "as labels of 2 x 3, got Int32Array(4)",
  );
  assertThrows(
    () => componentStatistics({ labels, count: 2 }, [2, 2], {}, library),
    DeviceError,
    "a label beyond count",
  );
});
