/** What commands answer, by hand. */
import { assert, assertEquals } from "@std/assert";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import { type MixConfig, tinyMixConfig } from "../../lib/mix/config.ts";
import type { Frame, RegionMap } from "../../lib/records.ts";
import { qualityRows, RegionQuality } from "../../lib/run/region_quality.ts";
import { stageExamples } from "../../lib/run/report_pictures.ts";
import { evaluationFields, type PretrainResult, resultTable } from "../../lib/run/result.ts";
import { mixSource } from "../../lib/run/stage_inputs.ts";
import { textTable } from "../../lib/run/table.ts";
import { resolveRun } from "../../lib/run/run_options.ts";

Deno.test("textTable() sets words flush left and numbers flush right", () => {
  const table = textTable(["what", "value"], [["mIoU", "4.5%"], ["seconds", "12345"], ["x", "-"]]);
  assertEquals(table.split("\n"), [
    "what     value",
    "-------  -----",
    "mIoU      4.5%",
    "seconds  12345",
    "x        -",
  ]);
});

Deno.test("evaluationFields() keeps every score at its place, and resultTable() tells them", () => {
  const score = (miou: number) => ({
    miou,
    accuracy: miou / 2,
    perClass: [0.25, NaN, 0.75],
    confusion: Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9),
  });
  const trained = { score: score(0.5), classOfPrototype: new Int32Array() };
  const names = ["road", "car", "sky"];
  const fields = evaluationFields({ trained, untrained: score(0.3), colour: score(0.2) }, names);
  assertEquals(fields, {
    miou: 0.5,
    accuracy: 0.25,
    perClass: { road: 0.25, car: NaN, sky: 0.75 },
    randomInitMiou: 0.3,
    colourKmeansMiou: 0.2,
    confusion: [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
  });
  const result: PretrainResult = { run: "r", device: "d", steps: 4, seconds: 61.2, ...fields };
  const lines = resultTable(result).split("\n").map((line) => line.split(/\s{2,}/));
  const valueOf = (start: string) =>
    lines.find(([first]) => first.trim().startsWith(start))?.at(-1);
  assertEquals(
    ["mIoU, features", "mIoU, same", "mIoU, k-means", "pixel acc", "seconds"].map(valueOf),
    ["50.0%", "30.0%", "20.0%", "25.0%", "61"],
  );
});

Deno.test("RegionQuality adds up frames, and leaves out classes that do not occur", () => {
  const quality = new RegionQuality({ name: "", classes: ["road", "car", "ghost"], ignore: 255 });
  assertEquals(quality.score(), undefined);
  const map: RegionMap = {
    height: 1,
    width: 8,
    ids: Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1),
    regions: [{ area: 4 }, { area: 4 }] as never,
  };
  const frame = (labels: number[], instances: number[]): Frame => ({
    name: "",
    sequence: "",
    height: 1,
    width: 8,
    rgb: new Uint8Array(24),
    labels: Uint8Array.from(labels),
    instances: Uint16Array.from(instances),
  });
  // A car that is a region of its own, then one that shares two.
  quality.add(map, frame([0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 5, 5, 5, 5]));
  quality.add(map, frame([0, 0, 1, 1, 1, 0, 0, 0], [0, 0, 6, 6, 6, 0, 0, 0]));
  const { labels: _, ...unlabelled } = frame([], []);
  quality.add(map, unlabelled);
  const score = quality.score()!;
  // Of the second frame half a region and three of four pixels of the other are of its majority.
  assertEquals(score.purity, (8 + 2 + 3) / 16);
  assertEquals(score.perClass, { road: (4 + 2 + 3) / 9, car: 4 / 7 });
  assertEquals([score.instancesRecovered, score.recovered], [0.5, { car: 0.5 }]);
  assertEquals(score.boundaryRecall, 1);
  const rows = qualityRows(score).map(([name, value]) => `${name.trim()}: ${value}`);
  assert(rows.includes("purity car: 57.1%") && rows.includes("instances car: 50.0%"), rows.join());
});

Deno.test("stageExamples() shows frames from all over the set, each with a mixed image onto itself", async () => {
  const scenes = streetScenes({ seed: 0, split: "train", sequences: 1, framesPerSequence: 1 });
  const street = await scenes.read(0, { height: 32, width: 64 });
  // Every frame is of one colour, by which it is known again.
  const frames = Array.from({ length: 13 }, (_, i): Frame => ({
    ...street,
    name: `${i}`,
    rgb: street.rgb.map(() => 15 * i),
  }));
  const depth = { height: 32, width: 64, disparity: new Float32Array(32 * 64).fill(0.5) };
  const regions: RegionMap = {
    height: 32,
    width: 64,
    ids: new Int32Array(32 * 64),
    regions: [{ area: 32 * 64, top: 0, left: 0, bottom: 32, right: 64, disparity: 0.5 }],
  };
  const sources = frames.map((frame) => mixSource(frame, depth, regions));
  const still = { ...tinyMixConfig.viewColour, jitterChance: 0, blurChance: 0, greyChance: 0 };
  const mix: MixConfig = { ...tinyMixConfig, paste: "none", viewColour: still };
  const config = await resolveRun("pretrain", {});
  const examples = stageExamples(sources, frames, {
    ...config,
    settings: { ...config.settings, mix },
  });
  assertEquals(examples.map(({ name }) => Number(name)), [0, 2, 4, 6, 8, 10]);
  for (const { name, frame, mixed, regionCount } of examples) {
    assertEquals([frame.rgb[0], regionCount], [15 * Number(name), 1]);
    assert(mixed!.rgb.every((value) => Math.abs(value - 15 * Number(name)) <= 1), name);
  }
});
