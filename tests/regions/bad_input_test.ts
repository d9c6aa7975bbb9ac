import { assert, assertEquals, assertThrows } from "@std/assert";
import { type HotLibrary, hotLibrary } from "../../lib/engine/native/hot.ts";
import { type NativeLibrary, sharedLibrary } from "../../lib/engine/native/library.ts";
import { ConfigError, DataError } from "../../lib/errors.ts";
import type { Frame } from "../../lib/records.ts";
import { componentStatistics } from "../../lib/regions/component_statistics.ts";
import {
  type ComponentOptions,
  connectedComponents,
} from "../../lib/regions/connected_components.ts";
import { defaultRegionConfig, type RegionConfig } from "../../lib/regions/config.ts";
import { depthRegions } from "../../lib/regions/depth_regions.ts";
import { maskRegions } from "../../lib/regions/mask_regions.ts";
import { regionsBy } from "../../lib/regions/region_source.ts";
import { superpixelMedians, superpixels } from "../../lib/regions/superpixels.ts";

const HOT: Readonly<Record<string, HotLibrary | null>> = {
  "plain TypeScript": null,
  ...(hotLibrary() ? { "the library": hotLibrary()! } : {}),
};
const NATIVE: Readonly<Record<string, NativeLibrary | null>> = {
  "plain TypeScript": null,
  ...(sharedLibrary() ? { "the library": sharedLibrary()! } : {}),
};
const OPTIONS: ComponentOptions = { connectivity: 4, maxJump: 0 };
const SUPERPIXELS = { count: 20, compactness: 10, iterations: 2 };
const [HEIGHT, WIDTH] = [16, 32];
const PIXELS = HEIGHT * WIDTH;
const CAMERA = { fx: 0.8, fy: 1.6, cx: 0.5, cy: 0.5 };
const DEPTH = { height: HEIGHT, width: WIDTH, disparity: new Float32Array(PIXELS).fill(0.1) };
const FRAME: Frame = {
  name: "a/1",
  sequence: "a",
  height: HEIGHT,
  width: WIDTH,
  rgb: new Uint8Array(3 * PIXELS).fill(90),
};

/** What a caller without types may hand in. */
// deno-lint-ignore no-explicit-any
const anything = (value: unknown): any => value;

for (const [where, engine] of Object.entries(HOT)) {
  Deno.test(`connectedComponents() of ${where} refuses maps and labels of other types or lengths`, () => {
    const label = (map: unknown, labels?: unknown, shape = [1, 2, 3]) => () =>
      connectedComponents(
        anything(map),
        anything(shape),
        { ...OPTIONS, labels: anything(labels) },
        engine,
      );
    const map = new Float32Array(6);
    for (
      const [wrong, got] of [
        [new Uint16Array(6), "Uint16Array(6)"],
        [new Uint8ClampedArray(6), "Uint8ClampedArray(6)"],
        [new Float64Array(6), "Float64Array(6)"],
        [[0, 0, 0, 0, 0, 0], "Array(6)"],
        [new Float32Array(7), "Float32Array(7)"],
        [undefined, "undefined"],
      ] as const
    ) {
      const expected = "expected Float32Array(6) or Uint8Array(6) as maps of 1 x 2 x 3";
      assertThrows(label(wrong), ConfigError, `${expected}, got ${got}`);
    }
    for (
      const [wrong, got] of [
        [new Uint8Array(6), "Uint8Array(6)"],
        [new Int32Array(5), "Int32Array(5)"],
      ] as const
    ) {
      const expected = "expected Int32Array(6) as labels of 1 x 2 x 3";
      assertThrows(label(map, wrong), ConfigError, `${expected}, got ${got}`);
    }
    assertThrows(label(map, undefined, [1.5, 2, 2]), ConfigError, "got 1.5 x 2 x 2");
    assertThrows(label(map, undefined, [-1, -2, 3]), ConfigError, "got -1 x -2 x 3");
  });

  Deno.test(`connectedComponents() of ${where} finds a background that float32 rounds`, () => {
    const map = Float32Array.of(0.1, 0.5, 0.1, 0.1, 0.7, 0.7);
    const options = { ...OPTIONS, background: 0.1 };
    const { labels, counts } = connectedComponents(map, [1, 2, 3], options, engine);
    assertEquals([...labels], [-1, 0, -1, -1, 1, 1]);
    assertEquals([...counts], [2]);
    // Bytes hold whole numbers alone, so that none is 0.1 or nearly 1.
    for (const background of [0.1, 1 + 1e-12, NaN]) {
      const bytes = Uint8Array.of(0, 1, 1);
      const { labels } = connectedComponents(bytes, [1, 1, 3], { ...OPTIONS, background }, engine);
      assertEquals([...labels], [0, 1, 1], `${background}`);
    }
  });

  Deno.test(`componentStatistics() of ${where} refuses arrays of other types or lengths`, () => {
    const measure = (labels: unknown, input: Record<string, unknown> = {}) => () =>
      componentStatistics(
        { labels: anything(labels), count: 1 },
        [2, 3],
        anything(input),
        engine,
      );
    const labels = new Int32Array(6);
    const wrong: [() => unknown, string][] = [
      [measure(new Uint8Array(6)), "expected Int32Array(6) as labels of 2 x 3, got Uint8Array(6)"],
      [measure(new Int32Array(4)), "got Int32Array(4)"],
      [measure(labels, { values: new Float64Array(6) }), "Float32Array(6) as values of 2 x 3"],
      [measure(labels, { values: new Float32Array(5) }), "got Float32Array(5)"],
      [measure(labels, { points: new Float32Array(6) }), "expected Float32Array(18) as points"],
      [measure(labels, { points: new Uint8Array(18) }), "got Uint8Array(18)"],
    ];
    for (const [call, message] of wrong) assertThrows(call, ConfigError, message);
  });
}

for (const [where, library] of Object.entries(NATIVE)) {
  Deno.test(`superpixels() and superpixelMedians() of ${where} refuse arrays that do not fit`, () => {
    for (const rgb of [new Uint8Array(PIXELS), anything(new Float32Array(3 * PIXELS))]) {
      assertThrows(
        () => superpixels({ ...FRAME, rgb }, SUPERPIXELS, library),
        DataError,
        `expected Uint8Array(${3 * PIXELS}) as rgb of ${HEIGHT} x ${WIDTH}`,
      );
    }
    const ids = new Int32Array(6), values = new Float32Array(6);
    for (const wrong of [new Float32Array(3), anything(new Float64Array(6))]) {
      assertThrows(
        () => superpixelMedians(wrong, ids, library),
        DataError,
        "expected Float32Array(6) as values of 6 ids",
      );
    }
    assertThrows(
      () => superpixelMedians(values, anything(new Uint16Array(6)), library),
      DataError,
      "expected Int32Array(6) as ids",
    );
  });

  Deno.test(`depthRegions() of ${where} refuses disparities and frames that do not fit`, () => {
    const cut = (disparity: unknown, rgb: unknown, change: Partial<RegionConfig>) => () =>
      depthRegions(
        { ...DEPTH, disparity: anything(disparity) },
        CAMERA,
        { ...defaultRegionConfig, ...change },
        { ...FRAME, rgb: anything(rgb) },
        library,
      );
    const changes: Partial<RegionConfig>[] = [{ superpixels: SUPERPIXELS }, {
      grouping: "infomap",
    }];
    for (const change of changes) {
      for (const wrong of [new Float32Array(PIXELS - 1), new Float64Array(PIXELS)]) {
        assertThrows(
          cut(wrong, FRAME.rgb, change),
          DataError,
          `as disparity of ${HEIGHT} x ${WIDTH}`,
        );
      }
      for (const wrong of [new Uint8Array(PIXELS), new Uint8ClampedArray(3 * PIXELS)]) {
        assertThrows(
          cut(DEPTH.disparity, wrong, change),
          DataError,
          `as rgb of ${HEIGHT} x ${WIDTH}`,
        );
      }
    }
  });
}

Deno.test("depthRegions() and regionsBy() name the setting that is out of range", () => {
  const { infomap, colour } = defaultRegionConfig;
  const wrong: [Partial<Record<keyof RegionConfig, unknown>>, string][] = [
    [{ grouping: "infomaps" }, "grouping: expected components or infomap, got infomaps"],
    [{ maxJump: -1 }, "maxJump: expected a number from 0, got -1"],
    [{ minCosine: 2 }, "minCosine: expected -1 to 1, got 2"],
    [{ groundHeight: 9 }, "groundHeight: expected 0 to 8, got 9"],
    [{ skyDepth: NaN }, "skyDepth"],
    [{ minArea: NaN }, "minArea: expected 0 to 1, got NaN"],
    [{ keepJump: -1 }, "keepJump"],
    [{ keepArea: 3 }, "keepArea"],
    [{ groundTrials: 1.5 }, "groundTrials: expected a whole number from 0, got 1.5"],
    [{ superpixels: { ...SUPERPIXELS, count: 0 } }, "superpixels.count: expected a number above 0"],
    [{ superpixels: { ...SUPERPIXELS, compactness: -1 } }, "superpixels.compactness"],
    [{ infomap: { ...infomap, iterations: -1 } }, "infomap.iterations"],
    [{ infomap: { ...infomap, superpixels: NaN } }, "infomap.superpixels"],
    [{ infomap: { ...infomap, apart: NaN } }, "infomap.apart"],
    [
      { colour: { ...colour, regions: 0 } },
      "colour.regions: expected a whole number from 1, got 0",
    ],
  ];
  for (const [change, message] of wrong) {
    const config = { ...defaultRegionConfig, ...change } as RegionConfig;
    const expected = `Cannot use region setting ${message}`;
    assertThrows(() => depthRegions(DEPTH, CAMERA, config, FRAME), ConfigError, expected);
    assertThrows(() => regionsBy("slic", FRAME, DEPTH, CAMERA, config), ConfigError, expected);
  }
});

Deno.test("depthRegions() refuses intrinsics that are none, or in pixels", () => {
  const wrong: [Record<string, number>, string][] = [
    [{ fx: NaN }, '"fx":"NaN"'],
    [{ fy: 0 }, '"fy":0'],
    [{ fx: 720, fy: 720, cx: 620, cy: 180 }, "pixels (720, 720, 620, 180); divide fx and cx"],
  ];
  for (const [change, message] of wrong) {
    const camera = { ...CAMERA, ...change };
    const error = assertThrows(() => depthRegions(DEPTH, camera), DataError, message);
    assert(error.message.startsWith("Cannot cut regions: expected intrinsics"), error.message);
  }
});

Deno.test("regionsBy() refuses names that it does not know, and arrays of another size", () => {
  const by = (source: string, frame: Frame, depth = DEPTH) => () =>
    regionsBy(anything(source), frame, depth, CAMERA, defaultRegionConfig);
  assertThrows(by("squares", FRAME), ConfigError, "expected regions, components, infomap");
  const large = { ...FRAME, height: 2 * HEIGHT, rgb: new Uint8Array(6 * PIXELS) };
  for (const source of ["regions", "components", "slic", "masks"]) {
    assertThrows(
      by(source, large),
      DataError,
      "expected a frame of 16 x 32 as its depth, got 32 x 32",
    );
  }
  assertThrows(by("slic", { ...FRAME, rgb: new Uint8Array(9) }), DataError, "got Uint8Array(9)");
  const few = { ...DEPTH, disparity: new Float32Array(4) };
  assertThrows(by("slic", FRAME, few), DataError, "got Float32Array(4)");
  const given = { ...FRAME, regionIds: new Uint16Array(7) };
  assertThrows(by("regions", given), DataError, "regionIds of 16 x 32, got Uint16Array(7)");
  const labels = new Uint8Array(PIXELS), instances = new Uint16Array(3);
  assertThrows(
    () => maskRegions({ ...FRAME, labels, instances }, DEPTH),
    DataError,
    "instances of 16 x 32, got Uint16Array(3)",
  );
});

Deno.test("depthRegions() and regionsBy() say how they cut", () => {
  const { instances: _, ...frame } = { ...FRAME, regionIds: new Uint16Array(PIXELS).fill(3) };
  const config = { ...defaultRegionConfig, superpixels: SUPERPIXELS };
  const by = (source: Parameters<typeof regionsBy>[0], of: Frame = FRAME) =>
    regionsBy(source, of, DEPTH, CAMERA, config).cutBy;
  assertEquals([by("regions"), by("regions", frame)], ["components", "given"]);
  assertEquals([by("infomap"), by("slic")], ["infomap", "slic"]);
  const labels = new Uint8Array(PIXELS), instances = new Uint16Array(PIXELS);
  assertEquals(by("masks", { ...FRAME, labels, instances }), "masks");
  const infomap = { ...config, grouping: "infomap" } as const;
  assertEquals(depthRegions(DEPTH, CAMERA, infomap, FRAME).cutBy, "infomap");
});
