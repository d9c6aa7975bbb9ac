import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { hotLibrary } from "../../lib/engine/native/hot.ts";
import { type MixConfig, tinyMixConfig } from "../../lib/mix/config.ts";
import { mixImages } from "../../lib/mix/mix_images.ts";
import type { MixSource } from "../../lib/mix/paste.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import type { RegionMap } from "../../lib/records.ts";
import { describe } from "../../lib/regions/describe.ts";

const SEED = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 1e6));
const [HEIGHT, WIDTH] = [48, 96];
const LIBRARIES = [null, ...(hotLibrary() ? [hotLibrary()!] : [])];

/** Bands of random heights and widths, as regions of a random depth. */
function source(random: Random): MixSource {
  const rows = 10 + random.integer(20), columns = 15 + random.integer(30);
  const names = new Map<number, number>();
  const ids = Int32Array.from({ length: HEIGHT * WIDTH }, (_, i) => {
    const key = 100 * Math.floor(i / WIDTH / rows) + Math.floor(i % WIDTH / columns);
    if (!names.has(key)) names.set(key, names.size);
    return names.get(key)!;
  });
  const disparities = Float32Array.from({ length: names.size }, () => random.uniform(0.05, 1));
  const disparity = Float32Array.from(ids, (id) => disparities[id]);
  const depth = { height: HEIGHT, width: WIDTH, disparity };
  const rgb = Uint8Array.from({ length: 3 * HEIGHT * WIDTH }, () => random.integer(256));
  const regions = describe({ labels: ids, count: names.size }, depth);
  return { height: HEIGHT, width: WIDTH, rgb, depth, regions, horizon: 20 };
}

/** Every pixel is a region of its own, so that region ids tell pixels. */
function pixelRegions({ depth }: MixSource): RegionMap {
  const labels = Int32Array.from({ length: HEIGHT * WIDTH }, (_, i) => i);
  return describe({ labels, count: labels.length }, depth);
}

const SHAPES: Partial<MixConfig>[] = [{}, { paste: "boxes" }, { paste: "none" }, {
  depthTest: false,
  groundDistance: false,
}];

Deno.test("mixImages() of shapes that are the regions is as without shapes", () => {
  SHAPES.forEach((shape, trial) => {
    const config = { ...tinyMixConfig, ...shape };
    const draw = randomStream(SEED, "sources", trial);
    const sources = [source(draw), source(draw), source(draw)];
    const same = sources.map((one) => ({ ...one, shapes: one.regions }));
    for (const library of LIBRARIES) {
      const mix = (from: MixSource[]) =>
        mixImages(from, config, randomStream(SEED, "mix", trial), library);
      assertEquals(mix(same), mix(sources), `seed ${SEED}, trial ${trial}`);
    }
  });
});

Deno.test("mixImages() pastes shapes, and labels each pixel by the loss's region of what it shows", () => {
  SHAPES.forEach((shape, trial) => {
    const config = { ...tinyMixConfig, ...shape };
    const draw = randomStream(SEED, "labels", trial);
    const pasted = [source(draw), source(draw), source(draw)];
    const sources = pasted.map((one) => ({
      ...one,
      regions: pixelRegions(one),
      shapes: one.regions,
    }));
    for (const library of LIBRARIES) {
      const mix = (from: MixSource[]) =>
        mixImages(from, config, randomStream(SEED, "mix", trial), library);
      const batch = mix(sources), plain = mix(pasted);
      assertEquals(batch.images, plain.images);
      assertEquals(batch.copyIds, plain.copyIds);
      assertEquals(batch.copies, plain.copies);
      const pixels = HEIGHT * WIDTH;
      assertEquals([...batch.regionOffsets], [0, pixels, 2 * pixels, 3 * pixels]);
      let pastedPixels = 0;
      batch.regionIds.forEach((id, i) => {
        const { mixed, source, region, transform: t } = batch.copies[batch.copyIds[i]];
        assertEquals(mixed, Math.floor(i / pixels));
        assertEquals(Math.floor(id / pixels), source);
        const at = id % pixels, u = at % WIDTH, v = Math.floor(at / WIDTH);
        const shapeId = pasted[source].regions.ids[at];
        if (region >= 0) {
          assertEquals(shapeId, region, `seed ${SEED}`);
          pastedPixels++;
        }
        // Rounded twice, on the canvas and in the source: half a pixel of each, as large as it is seen.
        const x = i % WIDTH, y = Math.floor(i / WIDTH) % HEIGHT;
        const [reachX, reachY] = [Math.abs(t[0]), Math.abs(t[4])].map((s) =>
          0.5 * s + 0.5 * config.maxZoom + 1e-6
        );
        assertAlmostEquals(t[0] * u + t[2], x, reachX, `seed ${SEED}: column`);
        assertAlmostEquals(t[4] * v + t[5], y, reachY, `seed ${SEED}: row`);
      });
      assert(config.paste !== "regions" || pastedPixels > 0);
    }
  });
});
