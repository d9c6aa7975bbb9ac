import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type HotLibrary, hotLibrary } from "../../lib/engine/native/hot.ts";
import { ConfigError, DataError } from "../../lib/errors.ts";
import { mixedBatch } from "../../lib/mix/batches.ts";
import { type BlurredColourConfig, type MixConfig, tinyMixConfig } from "../../lib/mix/config.ts";
import { mixImages } from "../../lib/mix/mix_images.ts";
import type { MixSource } from "../../lib/mix/paste.ts";
import { randomStream } from "../../lib/random.ts";
import type { Frame, MixedBatch } from "../../lib/records.ts";
import { mixSource } from "../../lib/run/stage_inputs.ts";
import { drawSource } from "./random_sources.ts";

const [HEIGHT, WIDTH] = [24, 40];
const PIXELS = HEIGHT * WIDTH;
const ENGINES: Readonly<Record<string, HotLibrary | null>> = {
  "plain TypeScript": null,
  ...(hotLibrary() ? { "the library": hotLibrary()! } : {}),
};
const random = randomStream(20261201, "bad sources");
const [FIRST, SECOND] = [0, 1].map(() => drawSource(random, HEIGHT, WIDTH));

/** A typed array as another kind, or shorter, as a caller without types may hand it in. */
// deno-lint-ignore no-explicit-any
const anything = (value: unknown): any => value;

const BAD_SOURCES: readonly (readonly [string, Partial<MixSource>, string])[] = [
  ["grey colours", { rgb: new Uint8Array(PIXELS) }, `got Uint8Array(${PIXELS})`],
  [
    "clamped colours",
    { rgb: anything(new Uint8ClampedArray(3 * PIXELS)) },
    `expected Uint8Array(${3 * PIXELS}) as rgb of ${HEIGHT} x ${WIDTH}, got Uint8ClampedArray`,
  ],
  [
    "too few disparities",
    { depth: { height: HEIGHT, width: WIDTH, disparity: new Float32Array(PIXELS / 2) } },
    `as depth.disparity of ${HEIGHT} x ${WIDTH}, got Float32Array(${PIXELS / 2})`,
  ],
  [
    "disparities in double",
    { depth: { height: HEIGHT, width: WIDTH, disparity: anything(new Float64Array(PIXELS)) } },
    `got Float64Array(${PIXELS})`,
  ],
  [
    "depth of another size",
    { depth: { height: WIDTH, width: HEIGHT, disparity: new Float32Array(PIXELS) } },
    `expected depth of ${HEIGHT} x ${WIDTH} as the image, got ${WIDTH} x ${HEIGHT}`,
  ],
  [
    "too few region ids",
    { regions: { ...FIRST.regions, ids: new Int32Array(3) } },
    "as regions.ids of 24 x 40, got Int32Array(3)",
  ],
  [
    "region ids of 16 bits",
    { regions: { ...FIRST.regions, ids: anything(new Uint16Array(PIXELS)) } },
    `got Uint16Array(${PIXELS})`,
  ],
  [
    "too few ids of shapes",
    { shapes: { ...FIRST.regions, ids: new Int32Array(5) } },
    "as shapes.ids of 24 x 40, got Int32Array(5)",
  ],
  [
    "shapes of another size",
    { shapes: { ...FIRST.regions, height: 1 } },
    "expected shapes of 24 x 40 as the image, got 1 x 40",
  ],
  ["no horizon", { horizon: NaN }, "horizon, got NaN"],
];

for (const [where, engine] of Object.entries(ENGINES)) {
  for (const [what, change, message] of BAD_SOURCES) {
    Deno.test(`mixImages() of ${where} refuses ${what}`, () => {
      const sources = [FIRST, { ...SECOND, ...change }];
      const error = assertThrows(
        () => mixImages(sources, tinyMixConfig, randomStream(0), engine),
        DataError,
        message,
      );
      assert(error.message.startsWith("Cannot mix source 1: expected "), error.message);
    });
  }

  for (const name of ["images", "copyIds", "regionIds"] as const) {
    Deno.test(`mixImages() of ${where} refuses to write into ${name} that do not fit`, () => {
      const mix = (into?: MixedBatch) =>
        mixImages([FIRST, SECOND], tinyMixConfig, randomStream(1), engine, into);
      const old = mix();
      const others = [old[name].slice(1), Float64Array.from(old[name])];
      for (const other of others) {
        assertThrows(() => mix(anything({ ...old, [name]: other })), DataError, "mix into a batch");
      }
      assertStrictEquals(mix(old)[name], old[name]);
    });
  }

  Deno.test(`mixImages() of ${where} makes new arrays where those of a batch are gone`, () => {
    const mix = (into?: MixedBatch) =>
      mixImages([FIRST, SECOND], tinyMixConfig, randomStream(1), engine, into);
    const expected = mix(), gone = mix();
    structuredClone(gone, {
      transfer: [gone.images, gone.copyIds, gone.regionIds].map(({ buffer }) =>
        buffer as ArrayBuffer
      ),
    });
    assertEquals(gone.images.length, 0);
    assertEquals(mix(gone), expected);
  });
}

Deno.test("mixImages() refuses a size that is none", () => {
  const empty: MixSource = {
    ...FIRST,
    height: 0,
    rgb: new Uint8Array(),
    depth: { height: 0, width: WIDTH, disparity: new Float32Array() },
    regions: { height: 0, width: WIDTH, ids: new Int32Array(), regions: [] },
  };
  assertThrows(() => mixImages([empty], tinyMixConfig, randomStream(0)), DataError, "0 x 40");
});

Deno.test("mixSource() refuses depth or regions of another size than the frame's", () => {
  const { rgb, depth, regions } = FIRST;
  const frame: Frame = { name: "a/1", sequence: "a", height: HEIGHT, width: WIDTH, rgb };
  assertEquals(mixSource(frame, depth, regions).regions, regions);
  const large = { ...frame, height: 2 * HEIGHT, rgb: new Uint8Array(6 * PIXELS) };
  assertThrows(() => mixSource(large, depth, regions), DataError, "Cannot mix a/1: expected depth");
  const deep = { height: 2 * HEIGHT, width: WIDTH, disparity: new Float32Array(2 * PIXELS) };
  assertThrows(() => mixSource(large, deep, regions), DataError, "expected regions of 48 x 40");
  const grey = { ...frame, rgb: new Uint8Array(PIXELS) };
  assertThrows(() => mixSource(grey, depth, regions), DataError, "as rgb of 24 x 40");
});

Deno.test("mixImages() and mixedBatch() name the setting that is out of range", () => {
  const colours = (change: Partial<BlurredColourConfig>) => ({
    ...tinyMixConfig.viewColour,
    ...change,
  });
  const wrong: [Partial<Record<keyof MixConfig, unknown>>, string][] = [
    [
      { paste: "squares" },
      "paste: expected regions, components, infomap, slic, masks, boxes or none",
    ],
    [{ lossRegions: "boxes" }, "lossRegions: expected regions, components,"],
    [{ sources: 0 }, "sources: expected a whole number from 1, got 0"],
    [{ pastes: [1] }, "pastes: expected two whole numbers"],
    [{ pastes: [1, 1.5] }, "pastes: expected a whole number from 0, got 1.5"],
    [{ depthTest: 1 }, "depthTest: expected true or false, got 1"],
    [{ minScale: 0 }, "minScale: expected a number above 0, got 0"],
    [{ maxScale: 0.1 }, "maxScale: expected a number from 0.2, got 0.1"],
    [{ shake: NaN }, "shake: expected a number from 0, got NaN"],
    [{ flipChance: 2 }, "flipChance: expected 0 to 1, got 2"],
    [{ maxZoom: 0.5 }, "maxZoom"],
    [{ pasteColour: colours({ hue: -1 }) }, "pasteColour.hue: expected 0 to 1, got -1"],
    [{ viewColour: colours({ blurSigma: [2, 1] }) }, "viewColour.blurSigma"],
    [{ viewColour: colours({ contrast: NaN }) }, "viewColour.contrast"],
  ];
  for (const [change, message] of wrong) {
    const config = { ...tinyMixConfig, ...change } as MixConfig;
    const sources = [FIRST, SECOND];
    assertThrows(() => mixImages(sources, config, randomStream(0)), ConfigError, message);
    assertThrows(() => mixedBatch(sources, config, 0, 0), ConfigError, message);
  }
});

Deno.test("mixImages() refuses to paste or compare what sources were not cut into", () => {
  const mix = (source: MixSource, change: Partial<MixConfig>) =>
    mixImages([source], { ...tinyMixConfig, ...change }, randomStream(0));
  for (const paste of ["components", "infomap", "slic", "masks"] as const) {
    const named = { ...FIRST.regions, cutBy: paste };
    assertThrows(
      () => mix(FIRST, { paste }),
      ConfigError,
      `with paste "${paste}": expected shapes`,
    );
    const other = { ...FIRST, shapes: { ...FIRST.regions, cutBy: "given" } };
    assertThrows(() => mix(other, { paste }), ConfigError, `cut by ${paste}, got given`);
    assertThrows(
      () => mix({ ...FIRST, shapes: named }, { lossRegions: paste }),
      ConfigError,
      `lossRegions "${paste}": expected regions`,
    );
    // Shapes may come from elsewhere, and regions may serve as both.
    mix({ ...FIRST, shapes: FIRST.regions }, { paste });
    mix({ ...FIRST, shapes: named }, { paste });
    mix({ ...FIRST, regions: named }, { paste, lossRegions: paste });
  }
  for (const paste of ["regions", "boxes", "none"] as const) mix(FIRST, { paste });
});
