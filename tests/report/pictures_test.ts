import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import type { Embedding, Frame } from "../../lib/records.ts";
import { featurePictures } from "../../lib/report/feature_pictures.ts";
import { idColour, magma } from "../../lib/report/palette.ts";
import {
  disparityPicture,
  idPicture,
  labelPicture,
  markedPicture,
  mistakePicture,
  mixedPicture,
  type Picture,
  regionPicture,
  scalarPicture,
  sideBySide,
  spotlightPicture,
  stacked,
} from "../../lib/report/pictures.ts";
import { principalAxes } from "../../lib/report/principal_axes.ts";

const random = randomStream(Date.now(), "pictures");
const [height, width] = [9, 14];

function noise(): Uint8Array {
  return Uint8Array.from({ length: height * width * 3 }, () => random.integer(255));
}

function pixel({ rgb }: Picture, i: number): number[] {
  return [...rgb.subarray(3 * i, 3 * i + 3)];
}

/** A colour as a picture stores it. */
function stored(colour: readonly number[]): number[] {
  return [...Uint8ClampedArray.from(colour)];
}

Deno.test("idPicture() gives equal ids equal colours", () => {
  const ids = Int32Array.from({ length: height * width }, () => random.integer(50));
  const picture = idPicture({ height, width, ids });
  ids.forEach((id, i) => assertEquals(pixel(picture, i), stored(idColour(id))));
});

Deno.test("disparityPicture() is brightest from the 95th percentile on", () => {
  // 21 disparities of which the last is an outlier: 5% of the steps between them lie above 19.
  const disparity = Float32Array.from({ length: 21 }, (_, i) => i < 20 ? i : 1000);
  const picture = disparityPicture({ height: 3, width: 7, disparity });
  disparity.forEach((value, i) => assertEquals(pixel(picture, i), stored(magma(value / 19))));
});

Deno.test("regionPicture() blends each region's colour with what is under it", () => {
  const frame: Frame = { name: "", sequence: "", height, width, rgb: noise() };
  const ids = Int32Array.from({ length: height * width }, () => random.integer(9));
  const picture = regionPicture({ height, width, ids }, frame);
  ids.forEach((id, i) => {
    const [under, over] = [pixel(frame, i), idColour(id)];
    assertEquals(pixel(picture, i), stored(under.map((value, c) => 0.4 * value + 0.6 * over[c])));
  });
});

Deno.test("mistakePicture() shows the class predicted where a labelled pixel is wrong", () => {
  const colours = [[200, 0, 0], [0, 200, 0], [0, 0, 200]] as const;
  const frame: Frame = {
    name: "",
    sequence: "",
    height: 1,
    width: 4,
    rgb: Uint8Array.of(...GREYS),
  };
  // Right, wrong, ignored, wrong with an id that has no colour.
  const picture = mistakePicture([0, 1, 1, 7], frame, [0, 2, 9, 2], 9, colours);
  const dark = stored([36, 36, 36]);
  assertEquals([0, 1, 2, 3].map((i) => pixel(picture, i)), [dark, [0, 200, 0], dark, [0, 0, 0]]);
});

/** Four pixels of one brightness, 60, in other colours. */
const GREYS = [60, 60, 60, 90, 60, 30, 180, 0, 0, 0, 90, 90];

Deno.test("mixedPicture() undoes the normalisation of the image that is asked for", () => {
  const [mean, deviation] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];
  const rgb = Array.from({ length: 3 }, noise);
  const images = Float32Array.from(
    rgb.flatMap((image) => [...image]),
    (value, i) => (value / 255 - mean[i % 3]) / deviation[i % 3],
  );
  const empty = new Int32Array();
  const ids = { copyIds: empty, regionIds: empty, regionOffsets: empty, copies: [] };
  const batch = { count: 3, height, width, images, ...ids };
  rgb.forEach((image, i) => assertEquals(mixedPicture(batch, i).rgb, image));
});

Deno.test("sideBySide() and stacked() keep every picture, with white between", () => {
  const one = (value: number, height: number, width: number): Picture => ({
    height,
    width,
    rgb: new Uint8Array(3 * height * width).fill(value),
  });
  const reds = ({ height, width, rgb }: Picture) =>
    Array.from(
      { length: height },
      (_, y) => Array.from({ length: width }, (_, x) => rgb[3 * (y * width + x)]),
    );
  const W = 255;
  const row = sideBySide([one(1, 2, 2), one(2, 2, 1)], 1);
  assertEquals(reds(row), [[1, 1, W, 2], [1, 1, W, 2]]);
  assertEquals(reds(stacked([row, one(3, 1, 3)], 1)), [
    [1, 1, W, 2],
    [1, 1, W, 2],
    [W, W, W, W],
    [3, 3, 3, W],
  ]);
});

Deno.test("scalarPicture() spans its bounds", () => {
  const values = Float64Array.from({ length: height * width }, () => random.uniform(-3, 3));
  const picture = scalarPicture(values, height, width, -1, 2);
  values.forEach((value, i) => assertEquals(pixel(picture, i), stored(magma((value + 1) / 3))));
  assertThrows(() => scalarPicture([1], 2, 3, 0, 1), ConfigError, "expected 2 x 3 values, got 1");
  assertThrows(() => labelPicture([1], 2, 3, []), ConfigError, "expected 2 x 3 values, got 1");
});

Deno.test("spotlightPicture() keeps the pixels that hold and darkens the rest", () => {
  const frame: Frame = { name: "", sequence: "", height, width, rgb: noise() };
  const held = new Set(Array.from({ length: 40 }, () => random.integer(height * width)));
  const picture = spotlightPicture(frame, (i) => held.has(i));
  for (let i = 0; i < height * width; i++) {
    const share = held.has(i) ? 1 : 0.25;
    assertEquals(pixel(picture, i), stored(pixel(frame, i).map((value) => share * value)));
  }
});

Deno.test("markedPicture() draws about a pixel, on a copy, and not over the edge", () => {
  const picture = { height, width, rgb: noise() };
  const before = picture.rgb.slice();
  for (const [x, y] of [[5, 4], [0, 0], [width - 1, height - 1]]) {
    const marked = markedPicture(picture, x, y);
    for (let i = 0; i < height * width; i++) {
      const dx = Math.abs(i % width - x), dy = Math.abs(Math.floor(i / width) - y);
      const isArm = (dx === 0 && dy >= 2 && dy <= 3) || (dy === 0 && dx >= 2 && dx <= 3);
      assertEquals(pixel(marked, i), isArm ? [255, 0, 80] : pixel(picture, i));
    }
  }
  assertEquals(picture.rgb, before);
});

/** Rows about a mean with given deviations along random orthonormal axes. */
function cloud(count: number, deviations: readonly number[]) {
  const channels = deviations.length;
  const axes: number[][] = [];
  for (let k = 0; k < channels; k++) {
    let axis = Array.from({ length: channels }, () => random.normal());
    for (const other of axes) {
      const along = axis.reduce((sum, value, i) => sum + value * other[i], 0);
      axis = axis.map((value, i) => value - along * other[i]);
    }
    const length = Math.hypot(...axis);
    axes.push(axis.map((value) => value / length));
  }
  const rows = Float32Array.from(
    Array.from({ length: count }, () => {
      const parts = deviations.map((deviation) => deviation * random.normal());
      return axes[0].map((_, c) => 7 + axes.reduce((sum, axis, k) => sum + parts[k] * axis[c], 0));
    }).flat(),
  );
  return { rows, axes };
}

Deno.test("principalAxes() finds the axes of a cloud, the largest first", () => {
  const { rows, axes } = cloud(20_000, [0.3, 5, 0.1, 2, 1]);
  const found = principalAxes(rows, 5, 3);
  [[1, 5], [3, 2], [4, 1]].forEach(([which, deviation], k) => {
    const cosine = axes[which].reduce((sum, value, c) => sum + value * found.axes[k][c], 0);
    assertAlmostEquals(Math.abs(cosine), 1, 1e-3);
    assertAlmostEquals(found.deviations[k], deviation, 0.05 * deviation);
    const largest = [...found.axes[k]].sort((a, b) => Math.abs(b) - Math.abs(a))[0];
    assert(largest > 0);
  });
  found.mean.forEach((value) => assertAlmostEquals(value, 7, 0.3));
});

Deno.test("principalAxes() has no axes where nothing varies", () => {
  const { axes, deviations } = principalAxes([1, 2, 1, 5, 1, -4], 2, 2);
  assertEquals([...axes[0]].map(Math.abs), [0, 1]);
  assertEquals(axes[1], new Float64Array(2));
  assertEquals(deviations[1], 0);
});

Deno.test("featurePictures() gives similar features similar colours in all images", () => {
  // Three kinds of features with a little noise, at random places of two images.
  const kinds = Array.from({ length: 3 }, () => Array.from({ length: 8 }, () => random.normal()));
  const kindOf = Array.from({ length: 2 * height * width }, () => random.integer(3));
  const values = Float32Array.from(
    kindOf.flatMap((kind) => kinds[kind].map((value) => value + 0.01 * random.normal())),
  );
  const embedding: Embedding = { count: 2, height, width, channels: 8, values };
  const pictures = featurePictures(embedding);
  assertEquals(pictures.map((picture) => [picture.height, picture.width]), [
    [height, width],
    [height, width],
  ]);
  const colourOf = (i: number) =>
    pixel(pictures[Math.floor(i / (height * width))], i % (height * width));
  // The third axis holds noise alone, so that only the first two tell kinds apart.
  const distance = (a: number[], b: number[]) => Math.hypot(a[0] - b[0], a[1] - b[1]);
  for (let i = 0; i < kindOf.length; i++) {
    const j = random.integer(kindOf.length);
    const apart = distance(colourOf(i), colourOf(j));
    assert(
      kindOf[i] === kindOf[j] ? apart < 12 : apart > 24,
      `${apart} of ${kindOf[i]}, ${kindOf[j]}`,
    );
  }
});
