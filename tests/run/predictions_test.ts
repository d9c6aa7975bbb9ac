/** What is written for people and programs to take further, read back by sharp. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import sharp from "sharp";
import { randomStream } from "../../lib/random.ts";
import type { Frame, RegionMap } from "../../lib/records.ts";
import { outputNames, writePredictions } from "../../lib/run/predictions.ts";
import { Progress } from "../../lib/run/progress.ts";
import { inTemporary, noise, withSlashes } from "../data/files.ts";

const [HEIGHT, WIDTH] = [3, 5];
const AREA = HEIGHT * WIDTH;
const random = randomStream(Date.now(), "predictions");

function frame(name: string): Frame {
  return { name, sequence: "", height: HEIGHT, width: WIDTH, rgb: noise(random, 3 * AREA) };
}

/** Ids that need more than 8 bits. */
function regions(first: number): RegionMap {
  const ids = Int32Array.from({ length: AREA }, (_, i) => first + i);
  return { height: HEIGHT, width: WIDTH, ids, regions: [] };
}

async function grey16(path: string): Promise<number[]> {
  const image = sharp(path).toColourspace("grey16").raw({ depth: "ushort" });
  return [...new Uint16Array(new Uint8Array(await image.toBuffer()).buffer)];
}

async function colours(path: string): Promise<number[]> {
  return [...await sharp(path).removeAlpha().raw().toBuffer()];
}

Deno.test("writePredictions() writes one scale of disparity, ids as they are, and a sheet of rows", () =>
  inTemporary(async (folder) => {
    const frames = Array.from({ length: 19 }, (_, i) => frame(`${i}`));
    const names = frames.map(({ name }) => `drive/${name}`);
    const maps = frames.map((_, i) => ({
      height: HEIGHT,
      width: WIDTH,
      disparity: new Float32Array(AREA).fill(0.25 * (i + 1)),
    }));
    const asked: string[] = [];
    const segmentation = {
      classes: ["a", "b"],
      colours: [[10, 20, 30], [200, 100, 0]] as const,
      // The second class for odd frames.
      assign: (group: readonly Frame[]) => {
        asked.push(...group.map(({ name }) => name));
        return Promise.resolve(
          group.map(({ name }) => new Uint8Array(AREA).fill(Number(name) % 2)),
        );
      },
    };
    const all = { frames, names, maps, regions: frames.map((_, i) => regions(250 + i)) };
    const progress = new Progress({ quiet: true });
    const sheet = await writePredictions(folder, { ...all, segmentation }, progress);
    assertEquals(asked, frames.map(({ name }) => name));
    const at = (kind: string, i: number) => join(folder, kind, "drive", `${i}.png`);
    const { disparity, classes } = JSON.parse(
      await Deno.readTextFile(join(folder, "predictions.json")),
    );
    assertEquals(classes, ["a", "b"]);
    for (const i of [0, 7, 8, 18]) {
      // The largest of all maps is the last unit.
      const units = await grey16(at("disparity", i));
      assertEquals(units, Array(AREA).fill(Math.round(65535 * (i + 1) / 19)));
      assert(Math.abs(units[0] * disparity.unit - 0.25 * (i + 1)) < disparity.unit);
      assertEquals(await grey16(at("regions", i)), [...all.regions[i].ids]);
      const ids = await sharp(at("segmentation", i)).toColourspace("b-w").raw().toBuffer();
      assertEquals([...ids], Array(AREA).fill(i % 2));
      const over = await colours(at("overlays/segmentation", i));
      const own = segmentation.colours[i % 2];
      assertEquals(
        over,
        Array.from(frames[i].rgb, (under, k) => Math.round(0.6 * own[k % 3] + 0.4 * under)),
      );
    }
    // Every third frame in four columns, with two white pixels between.
    const { height, width } = await sharp(sheet).metadata();
    assertEquals([height, width], [7 * (HEIGHT + 2) - 2, 4 * (WIDTH + 2) - 2]);
    const pixels = await colours(sheet);
    for (let row = 0; row < 7; row++) {
      const first = 3 * row * (HEIGHT + 2) * width!;
      assertEquals(pixels.slice(first, first + 3 * WIDTH), [
        ...frames[3 * row].rgb.subarray(0, 3 * WIDTH),
      ]);
    }
  }));

Deno.test("outputNames() parts datasets of one name by folders of their own", () => {
  const loaded = (name: string, ...names: string[]) => ({
    dataset: { name, classes: [], ignore: 255 },
    frames: names.map(frame),
  });
  assertEquals(outputNames([loaded("drive", "1", "2")]), ["1", "2"]);
  const several = outputNames([loaded("drive", "1"), loaded("walk", "1"), loaded("drive", "1")]);
  assertEquals(several.map(withSlashes), ["drive/1", "walk/1", "drive-2/1"]);
});
