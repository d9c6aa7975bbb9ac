import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../lib/errors.ts";
import { Canvas } from "../../lib/mix/canvas.ts";
import { drawColours } from "../../lib/mix/colour.ts";
import { type MixConfig, tinyMixConfig } from "../../lib/mix/config.ts";
import { mixImages } from "../../lib/mix/mix_images.ts";
import { drawPaste, type MixSource, pasteTransform, piecesOf } from "../../lib/mix/paste.ts";
import { drawLook, drawView, reachOf, renderView } from "../../lib/mix/view.ts";
import { randomStream } from "../../lib/random.ts";

const [HEIGHT, WIDTH] = [64, 128];
const PLAIN: MixConfig["viewColour"] = {
  brightness: 0,
  contrast: 0,
  saturation: 0,
  hue: 0,
  jitterChance: 0,
  blurChance: 0,
  blurSigma: [0.1, 1],
  greyChance: 0,
};
const GEOMETRY: MixConfig = { ...tinyMixConfig, pasteColour: PLAIN, viewColour: PLAIN };

/** A source whose red and green are its x and y, so that colours tell where pixels came from. */
function codedSource(blue: number): MixSource {
  const rgb = new Uint8Array(HEIGHT * WIDTH * 3), ids = new Int32Array(HEIGHT * WIDTH);
  const disparity = new Float32Array(HEIGHT * WIDTH);
  for (let y = 0, i = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++, i++) {
      rgb.set([2 * x, 4 * y, blue], 3 * i);
      ids[i] = y < 30 ? 0 : x < 50 ? 1 : x < 80 ? 2 : 3;
      disparity[i] = [0.01, 0.1, 0.3, 0.2][ids[i]];
    }
  }
  const box = (top: number, left: number, bottom: number, right: number, value: number) => ({
    area: (bottom - top) * (right - left),
    top,
    left,
    bottom,
    right,
    disparity: value,
  });
  const regions = [
    box(0, 0, 30, 128, 0.01),
    box(30, 0, 64, 50, 0.1),
    box(30, 50, 64, 80, 0.3),
    box(30, 80, 64, 128, 0.2),
  ];
  return {
    height: HEIGHT,
    width: WIDTH,
    rgb,
    depth: { height: HEIGHT, width: WIDTH, disparity },
    regions: { height: HEIGHT, width: WIDTH, ids, regions },
    horizon: 29.5,
  };
}

function sources(): MixSource[] {
  return [0, 60, 120, 180].map(codedSource);
}

Deno.test("mixImages() keeps transforms that follow every copy to within half a pixel", () => {
  for (const paste of ["regions", "boxes", "none"] as const) {
    const batch = mixImages(sources(), { ...GEOMETRY, paste }, randomStream(Date.now(), paste));
    let [checked, far] = [0, 0];
    for (let i = 0; i < batch.copyIds.length; i++) {
      const copy = batch.copies[batch.copyIds[i]];
      const [x, y] = [i % WIDTH, Math.floor(i / WIDTH) % HEIGHT];
      assertEquals(copy.mixed, Math.floor(i / (WIDTH * HEIGHT)));
      // Inside a copy, away from softened edges, colour tells the source position.
      const inside = [-3, -2, -1, 0, 1, 2, 3].every((d) =>
        x + d >= 0 && x + d < WIDTH && y + d >= 0 && y + d < HEIGHT &&
        [-3, 0, 3].every((e) =>
          batch.copyIds[i + d * WIDTH + e] === batch.copyIds[i] &&
          batch.copyIds[i + d] === batch.copyIds[i]
        )
      );
      if (!inside || x < 4 || x >= WIDTH - 4) continue;
      const colour = [0, 1].map((c) =>
        255 * (batch.images[3 * i + c] * [0.229, 0.224][c] + [0.485, 0.456][c])
      );
      const [sx, sy] = [colour[0] / 2, colour[1] / 4];
      const [a, , tx, , e, ty] = copy.transform;
      checked++;
      // Half a pixel of the mixed image, and what 8-bit colours and shrinking blur.
      if (Math.abs(a * sx + tx - x) > 0.75 || Math.abs(e * sy + ty - y) > 0.75) far++;
    }
    assert(checked > 5000, `${checked}`);
    assert(far / checked < 0.01, `${paste}: ${far} of ${checked}`);
  }
});

Deno.test("mixImages() names regions by the source they came from", () => {
  const inputs = sources();
  const batch = mixImages(inputs, GEOMETRY, randomStream(3, "test"));
  assertEquals(Array.from(batch.regionOffsets), [0, 4, 8, 12, 16]);
  for (let i = 0; i < batch.copyIds.length; i++) {
    const { source, region } = batch.copies[batch.copyIds[i]];
    const own = batch.regionIds[i] - batch.regionOffsets[source];
    assert(own >= 0 && own < 4);
    if (region >= 0) assertEquals(own, region);
  }
});

Deno.test("mixImages() without pastes shows each source twice and nothing else", () => {
  const batch = mixImages(sources(), { ...GEOMETRY, paste: "none" }, randomStream(5, "test"));
  assertEquals(
    batch.copies.map(({ source, mixed }) => [source, mixed]),
    [0, 1, 2, 3, 4, 5, 6, 7].map((k) => [k % 4, k]),
  );
});

Deno.test("mixImages() with the depth test never hides what is nearer", () => {
  const inputs = sources();
  const config = { ...GEOMETRY, maxZoom: 1, flipChance: 0, groundDistance: false };
  const batch = mixImages(inputs, config, randomStream(7, "test"));
  const shows = (i: number) => {
    const copy = batch.copies[batch.copyIds[i]];
    return inputs[copy.source].regions
      .regions[batch.regionIds[i] - batch.regionOffsets[copy.source]].disparity;
  };
  for (let i = 0; i < batch.copyIds.length; i++) {
    const background =
      inputs[Math.floor(i / (HEIGHT * WIDTH)) % 4].depth.disparity[i % (HEIGHT * WIDTH)];
    assert(shows(i) >= background - 1e-6);
  }
  const careless = mixImages(inputs, { ...config, depthTest: false }, randomStream(7, "test"));
  assert(careless.copyIds.some((id, i) => id !== batch.copyIds[i]));
});

Deno.test("what lies beyond a view's reach does not tell in it", () => {
  const seed = Math.floor(Math.random() * 1e6), random = randomStream(seed, "reach");
  const from = sources(), pixels = HEIGHT * WIDTH;
  let saved = 0;
  for (let round = 0; round < 20; round++) {
    const view = drawView(HEIGHT, WIDTH, { ...tinyMixConfig, maxZoom: 3 }, random);
    const look = drawLook(tinyMixConfig, random);
    const reach = reachOf(view, from[0]), all = { y0: 0, y1: HEIGHT, x0: 0, x1: WIDTH };
    const canvases = [reach, all].map((box) => new Canvas(from[0], 0, 0, box));
    for (let copy = 1; copy < 12; copy++) {
      const source = random.integer(from.length);
      const [piece] = random.shuffle(piecesOf(from[source], source, tinyMixConfig, random));
      const paste = drawPaste(piece, from[source], from[0], tinyMixConfig, random);
      const steps = drawColours(tinyMixConfig.pasteColour, random);
      const [within, anywhere] = canvases.map((canvas) =>
        canvas.paste(paste, from[source], copy, 4 * source, steps, tinyMixConfig)
      );
      assert(anywhere || !within);
      saved += Number(anywhere && !within);
    }
    const [small, whole] = canvases.map((canvas) => {
      const images = new Float32Array(3 * pixels);
      const [copyIds, regionIds] = [new Int32Array(pixels), new Int32Array(pixels)];
      renderView(canvas, view, 0, images, copyIds, regionIds, look);
      return { images, copyIds, regionIds };
    });
    assertEquals(small, whole, `round ${round}, seed ${seed}`);
  }
  assert(saved > 0, `no paste lay beyond reach, seed ${seed}`);
});

Deno.test("drawPaste() with ground distance scales about the horizon", () => {
  const [from, onto] = [codedSource(0), { ...codedSource(0), horizon: 20 }];
  const piece = { source: 0, region: 2, top: 30, left: 50, bottom: 64, right: 80 };
  const config = { ...GEOMETRY, shake: 0 };
  const random = randomStream(11, "test");
  const scales = Array.from({ length: 200 }, () => {
    const paste = drawPaste(piece, from, onto, config, random);
    assertAlmostEquals(paste.top, (30 - 29.5) * paste.scale + 20, 0.51);
    assertAlmostEquals(paste.height, 34 * paste.scale, 0.51);
    assert(paste.left > -paste.width && paste.left < WIDTH);
    return paste.scale;
  });
  assert(Math.min(...scales) >= 0.2 && Math.max(...scales) <= 2);
  // 1/s is uniform between 1/2 and 5: its mean is 2.75, with a deviation of 1.3 / sqrt(200).
  assertAlmostEquals(scales.reduce((sum, s) => sum + 1 / s, 0) / 200, 2.75, 0.4);
});

Deno.test("pasteTransform() by hand: doubled, moved, mirrored", () => {
  const piece = { source: 0, region: 0, top: 10, left: 20, bottom: 14, right: 26 };
  const paste = { piece, scale: 2, flip: false, top: 30, left: 40, height: 8, width: 12 };
  const apply = (t: Float64Array, x: number, y: number) => [t[0] * x + t[2], t[4] * y + t[5]];
  // The piece spans x 19.5..25.5 and lands on 39.5..51.5.
  assertEquals(apply(pasteTransform(paste), 19.5, 9.5), [39.5, 29.5]);
  assertEquals(apply(pasteTransform(paste), 25.5, 13.5), [51.5, 37.5]);
  assertEquals(apply(pasteTransform({ ...paste, flip: true }), 19.5, 9.5), [51.5, 29.5]);
});

Deno.test("mixImages() gives the same bytes for the same stream", () => {
  const draw = () => mixImages(sources(), tinyMixConfig, randomStream(9, "mix", 4));
  assertEquals(draw().images, draw().images);
});

Deno.test("mixImages() refuses no sources and sources of mixed sizes", () => {
  const odd = { ...codedSource(0), height: 32 };
  assertThrows(() => mixImages([], GEOMETRY, randomStream(0)), ConfigError, "none");
  assertThrows(
    () => mixImages([codedSource(0), odd], GEOMETRY, randomStream(0)),
    ConfigError,
    "32 x 128",
  );
});
