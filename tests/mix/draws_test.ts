/** Everything random about a batch: it is drawn once, for plain TypeScript and for the library, by the settings. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { mixedBatch } from "../../lib/mix/batches.ts";
import { drawColours } from "../../lib/mix/colour.ts";
import { type ColourConfig, type MixConfig, tinyMixConfig } from "../../lib/mix/config.ts";
import { drawPaste, type MixSource, piecesOf } from "../../lib/mix/paste.ts";
import { drawLook, drawView } from "../../lib/mix/view.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import { drawSource } from "./random_sources.ts";

const SEED = 20261127;
/** Draws of each kind; shares of them have a deviation of at most 1 / (2 sqrt(DRAWS)). */
const DRAWS = 2000;
const TOLERANCE = 4 / (2 * Math.sqrt(DRAWS));

function times<T>(count: number, draw: (random: Random) => T, name: string): T[] {
  const random = randomStream(SEED, "draws", name);
  return Array.from({ length: count }, () => draw(random));
}

function share(holds: readonly boolean[]): number {
  return holds.filter((each) => each).length / holds.length;
}

/** A source of 100 x 200 pixels with regions of these heights and widths, from the upper left corner. */
function sourceOf(...sizes: readonly (readonly [height: number, width: number])[]): MixSource {
  const plain = drawSource(randomStream(SEED), 100, 200);
  const regions = sizes.map(([bottom, right]) => ({
    area: bottom * right,
    top: 0,
    left: 0,
    bottom,
    right,
    disparity: 0.5,
  }));
  return { ...plain, regions: { ...plain.regions, regions } };
}

/** Bounds of 10, 5, 20 and 90% at a height of 100. */
const BOUNDS: MixConfig = {
  ...tinyMixConfig,
  minHeight: 0.1,
  minWidth: 0.05,
  minSide: 0.2,
  wholeImage: 0.9,
};

Deno.test("piecesOf() leaves out what is too low, too narrow, too small or nearly everything", () => {
  const [kept, left] = [
    [[10, 50], [50, 5], [20, 5], [19, 20], [90, 179], [89, 180], [50, 200], [100, 50]],
    [[9, 50], [50, 4], [19, 19], [90, 180], [100, 200]],
  ] as const;
  const pieces = piecesOf(sourceOf(...kept, ...left), 3, BOUNDS, randomStream(SEED));
  assertEquals(pieces.map(({ bottom, right }) => [bottom, right]), kept.map((size) => [...size]));
  assertEquals(pieces.map(({ source, region }) => [source, region]), kept.map((_, i) => [3, i]));
});

Deno.test("piecesOf() of boxes keeps the regions' sizes, anywhere within the image", () => {
  const source = sourceOf([30, 40], [9, 50]), boxes = { ...BOUNDS, paste: "boxes" } as const;
  const pieces = times(DRAWS, (random) => piecesOf(source, 0, boxes, random), "boxes").flat();
  assertEquals(pieces.length, DRAWS);
  for (const { top, left, bottom, right, region } of pieces) {
    assertEquals([bottom - top, right - left, region], [30, 40, -1]);
    assert(top >= 0 && bottom <= 100 && left >= 0 && right <= 200);
  }
  const spread = (values: readonly number[]) => [Math.min(...values), Math.max(...values)];
  assertEquals(spread(pieces.map(({ top }) => top)), [0, 70]);
  assertEquals(spread(pieces.map(({ left }) => left)), [0, 160]);
});

Deno.test("drawPaste() shakes by a share of the height, and mirrors as often as told", () => {
  const source = { ...sourceOf([30, 40]), horizon: 40 };
  const [piece] = piecesOf(source, 0, BOUNDS, randomStream(SEED));
  const config = { ...BOUNDS, minScale: 1, maxScale: 1, shake: 0.1, flipChance: 0.2 };
  const draw = (random: Random) => drawPaste(piece, source, source, config, random);
  const pastes = times(DRAWS, draw, "paste");
  // At scale 1 and between equal horizons the piece stays in its row, but for 10 pixels.
  const tops = pastes.map(({ top }) => top);
  assertEquals([Math.min(...tops), Math.max(...tops)], [-10, 10]);
  assertAlmostEquals(share(pastes.map(({ flip }) => flip)), 0.2, TOLERANCE);
  // Anywhere across, at least one of its 40 columns within the image.
  const lefts = pastes.map(({ left }) => left);
  assertEquals([Math.min(...lefts), Math.max(...lefts)], [-39, 199]);
  assertAlmostEquals(share(lefts.map((left) => left < 80)), 0.5, TOLERANCE);
  const free = { ...config, groundDistance: false };
  const above = times(
    DRAWS,
    (random) => drawPaste(piece, source, source, free, random).top,
    "free",
  );
  // With its middle anywhere within the height.
  assertEquals([Math.min(...above), Math.max(...above)], [-15, 85]);
});

Deno.test("drawView() enlarges evenly up to maxZoom, within the image, and mirrors as often as told", () => {
  const [height, width] = [60, 100], config = { ...BOUNDS, maxZoom: 3, flipChance: 0.3 };
  const views = times(DRAWS, (random) => drawView(height, width, config, random), "view");
  const zooms = views.map(({ scaleY }) => 1 / scaleY);
  assert(Math.min(...zooms) >= 1 && Math.max(...zooms) <= 3);
  // Evenly between 1 and 3: below 1.5 a quarter, below 2 half of them.
  for (const [zoom, part] of [[1.5, 0.25], [2, 0.5]]) {
    assertAlmostEquals(share(zooms.map((value) => value < zoom)), part, TOLERANCE);
  }
  assertAlmostEquals(share(views.map(({ scaleX }) => scaleX < 0)), 0.3, TOLERANCE);
  for (const { scaleX, shiftX, scaleY, shiftY } of views) {
    assertAlmostEquals(Math.abs(scaleX), scaleY, 1e-12);
    // Borders of the view, half a pixel beyond its first and last pixels, lie within the image.
    const edges = (scale: number, shift: number, size: number) =>
      [-0.5, size - 0.5].map((at) => scale * at + shift);
    for (const x of edges(scaleX, shiftX, width)) {
      assert(x >= -0.5 - 1e-9 && x <= width - 0.5 + 1e-9);
    }
    for (const y of edges(scaleY, shiftY, height)) {
      assert(y >= -0.5 - 1e-9 && y <= height - 0.5 + 1e-9);
    }
  }
});

Deno.test("drawColours() draws each kind of change within its own bounds, as often as told", () => {
  const config: ColourConfig = {
    brightness: 0.1,
    contrast: 0.3,
    saturation: 0.6,
    hue: 0.05,
    jitterChance: 0.7,
    greyChance: 0.2,
  };
  const drawn = times(DRAWS, (random) => drawColours(config, random), "colours");
  const jittered = drawn.filter((steps) => steps.length >= 4);
  assertAlmostEquals(jittered.length / DRAWS, 0.7, TOLERANCE);
  const greys = drawn.map((steps) =>
    steps.some(({ kind, amount }) => kind === "saturate" && amount === 0)
  );
  assertAlmostEquals(share(greys), 0.2, TOLERANCE);
  const bounds = {
    brighten: [0.9, 1.1],
    contrast: [0.7, 1.3],
    saturate: [0.4, 1.6],
    hue: [-0.05, 0.05],
  };
  for (const [kind, [low, high]] of Object.entries(bounds)) {
    const amounts = jittered.map((steps) => steps.find((step) => step.kind === kind)!.amount);
    const [least, most] = [Math.min(...amounts), Math.max(...amounts)];
    assert(least >= low && most <= high, `${kind}: ${least} to ${most}`);
    const near = 0.02 * (high - low);
    assert(least < low + near && most > high - near, `${kind}: ${least} to ${most}`);
  }
  // Any of the four comes first.
  for (const kind of Object.keys(bounds)) {
    assertAlmostEquals(
      share(jittered.map(([first]) => first.kind === kind)),
      0.25,
      1.3 * TOLERANCE,
    );
  }
  const looks = times(
    DRAWS,
    (random) =>
      drawLook(
        { ...BOUNDS, viewColour: { ...config, blurChance: 0.4, blurSigma: [0.5, 0.75] } },
        random,
      ),
    "look",
  );
  const blurs = looks.map(({ blur }) => blur).filter((blur) => blur > 0);
  assertAlmostEquals(blurs.length / DRAWS, 0.4, TOLERANCE);
  assert(Math.min(...blurs) >= 0.5 && Math.max(...blurs) <= 0.75);
});

Deno.test("mixedBatch() draws as many sources as told, others at each step, by seed and step alone", () => {
  // Each source is of one colour, by which it is known again.
  const all = Array.from({ length: 7 }, (_, i) => ({
    ...drawSource(randomStream(SEED, i), 32, 64),
    rgb: new Uint8Array(32 * 64 * 3).fill(30 * i),
  }));
  const still = { ...tinyMixConfig.viewColour, jitterChance: 0, blurChance: 0, greyChance: 0 };
  const config: MixConfig = { ...tinyMixConfig, sources: 3, paste: "none", viewColour: still };
  const drawn = (seed: number, step: number) => {
    const { count, images, copies } = mixedBatch(all, config, seed, step);
    assertEquals([count, copies.length], [6, 6]);
    const red = (image: number) => 255 * (images[image * 32 * 64 * 3] * 0.229 + 0.485);
    const ids = Array.from({ length: 6 }, (_, image) => Math.round(red(image) / 30));
    // The second round shows the sources of the first.
    assertEquals(ids.slice(3), ids.slice(0, 3));
    assertEquals(new Set(ids).size, 3);
    return ids.slice(0, 3).join();
  };
  const steps = Array.from({ length: 20 }, (_, step) => drawn(0, step));
  assert(new Set(steps).size > 10, steps.join(" "));
  assertEquals(new Set(steps.join().split(",")).size, 7);
  assertEquals(drawn(0, 3), steps[3]);
  assert([0, 1, 2, 3].some((step) => drawn(1, step) !== steps[step]));
});
