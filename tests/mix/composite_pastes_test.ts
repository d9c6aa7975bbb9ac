import { assert, assertEquals, assertThrows } from "@std/assert";
import { hotLibrary } from "../../lib/engine/native/hot.ts";
import { DataError } from "../../lib/errors.ts";
import type { MixPlan } from "../../lib/mix/compose.ts";
import { tinyMixConfig } from "../../lib/mix/config.ts";
import { compositePastes } from "../../lib/mix/mix_images.ts";
import type { MixSource } from "../../lib/mix/paste.ts";
import { IMAGENET_DEVIATION, IMAGENET_MEAN } from "../../lib/mix/view.ts";
import { randomStream } from "../../lib/random.ts";

const random = randomStream(Date.now(), "composite pastes");
const size = { height: 48, width: 96 }, pixels = size.height * size.width;

/** Noise in four quarters, each at a depth of its own. */
function drawSource(): MixSource {
  const regions = [0, 1, 2, 3].map((k) => {
    const top = k < 2 ? 0 : 24, left = k % 2 === 0 ? 0 : 48;
    const disparity = random.uniform(0.1, 1);
    return { area: pixels / 4, top, left, bottom: top + 24, right: left + 48, disparity };
  });
  const ids = Int32Array.from(
    { length: pixels },
    (_, i) => 2 * Number(i >= pixels / 2) + Number(i % size.width >= 48),
  );
  return {
    ...size,
    rgb: Uint8Array.from({ length: 3 * pixels }, () => random.integer(256)),
    depth: { ...size, disparity: Float32Array.from(ids, (id) => regions[id].disparity) },
    regions: { ...size, ids, regions },
    horizon: 23.5,
  };
}

const sources = [drawSource(), drawSource(), drawSource()];
const STILL = { scaleX: 1, shiftX: 0, scaleY: 1, shiftY: 0 };

/** Regions at their own size, moved by whole pixels, without a change of colours. */
function drawPlan(): MixPlan {
  const pastes = Array.from({ length: 6 }, () => {
    const source = random.integer(3), region = random.integer(4);
    const { top, left, bottom, right } = sources[source].regions.regions[region];
    const piece = { source, region, top, left, bottom, right };
    const place = { top: random.integer(40) - 10, left: random.integer(80) - 20 };
    const paste = { piece, scale: 1, flip: random.chance(0.5), ...place, height: 24, width: 48 };
    return { paste, steps: [] };
  });
  return { source: random.integer(3), pastes, view: STILL, look: { steps: [], blur: 0 } };
}

/** The pixels around one; at the border none that is alike. */
function around(i: number): number[] {
  const y = Math.floor(i / size.width), x = i % size.width;
  if (y === 0 || x === 0 || y === size.height - 1 || x === size.width - 1) return [-1];
  return [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => i + dy * size.width + dx));
}

for (const [name, library] of [["the library", hotLibrary()], ["TypeScript", null]] as const) {
  Deno.test({
    name: `compositePastes() in ${name} shows the nearest piece at every pixel, in whole steps` +
      (library === undefined ? " (ignored: no library here)" : ""),
    ignore: library === undefined,
    fn() {
      const plans = Array.from({ length: 8 }, drawPlan);
      const batch = compositePastes(sources, plans, tinyMixConfig, library);
      let compared = 0;
      plans.forEach(({ source, pastes }, mixed) => {
        for (let i = 0; i < pixels; i++) {
          const y = Math.floor(i / size.width), x = i % size.width;
          // By the definition: pastes in order, each wins where it is nearer than what is there.
          let [from, at, disparity] = [source, i, sources[source].depth.disparity[i]];
          for (const { paste: { piece, top, left, flip } } of pastes) {
            const row = y - top, column = x - left;
            if (row < 0 || row >= 24 || column < 0 || column >= 48) continue;
            const pixel = (piece.top + row) * size.width + piece.left +
              (flip ? 47 - column : column);
            const own = sources[piece.source].depth.disparity[pixel];
            if (own > disparity) [from, at, disparity] = [piece.source, pixel, own];
          }
          const place = mixed * pixels + i;
          const region = batch.regionOffsets[from] + sources[from].regions.ids[at];
          assertEquals(batch.regionIds[place], region, `pixel ${x}, ${y} of ${mixed}`);
          assertEquals(batch.copies[batch.copyIds[place]].source, from);
          // Beside another copy masks are softened, so that colours mix.
          const own = batch.copyIds.subarray(mixed * pixels, (mixed + 1) * pixels);
          const alike = around(i).every((other) => own[other] === own[i]);
          if (!alike) continue;
          compared++;
          for (let c = 0; c < 3; c++) {
            const value = batch.images[3 * place + c] * IMAGENET_DEVIATION[c] + IMAGENET_MEAN[c];
            const wanted = sources[from].rgb[3 * at + c];
            assert(Math.abs(255 * value - wanted) < 1, `${255 * value} for ${wanted}`);
          }
        }
      });
      assert(compared > plans.length * pixels / 3, `${compared}`);
    },
  });
}

Deno.test("compositePastes() refuses plans of what is not there", () => {
  const { pastes: [first], ...plan } = drawPlan();
  const wrong = (change: object) =>
    compositePastes(
      sources,
      [{
        ...plan,
        pastes: [{
          ...first,
          paste: { ...first.paste, piece: { ...first.paste.piece, ...change } },
        }],
      }],
      tinyMixConfig,
    );
  assertThrows(() => wrong({ source: 3 }), DataError, "source 0 to 2, got 3");
  assertThrows(() => wrong({ region: 4 }), DataError, "region -1 to 3, got 4");
  const odd = [{ ...plan, pastes: [first], source: 0.5 }];
  assertThrows(() => compositePastes(sources, odd, tinyMixConfig), DataError, "got 0.5");
});
