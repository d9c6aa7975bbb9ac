import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import sharp from "sharp";
import { randomStream } from "../../lib/random.ts";
import { openFolder } from "../../lib/data/folder.ts";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import { writeFrame } from "../../lib/data/write.ts";
import { saveNoisyVideo, saveText } from "../data/files.ts";
import {
  answer,
  assertRefused,
  cli,
  command,
  processTests,
  saveLight,
  saveStreets,
} from "./process.ts";

const random = randomStream(Date.now(), "commands");
/** The smallest run that passes through every stage. */
const SHORT = ["--steps", "4", "--depth-steps", "3", "--quiet"];

processTests({
  async "doctor tells the engines as JSON, and one that it finds unusable is refused by name"(
    folder,
  ) {
    await saveNoisyVideo(join(folder, "video"), random, 3);
    const found = await answer(["doctor", "--out", "kept"], folder);
    assertEquals(JSON.parse(await Deno.readTextFile(join(folder, "kept/doctor.json"))), found);
    const { engines, library, hotKernels } = found;
    assertEquals(hotKernels.length, library ? 3 : 0);
    for (const { ratio } of hotKernels) assert(ratio > 0);
    assertEquals(engines.map(({ engine }: { engine: string }) => engine), [
      "cpu",
      "webgpu",
      "cuda",
    ]);
    assert(engines[0].gflops > 0);
    const missing = engines.filter(({ available }: { available: boolean }) => !available);
    await Promise.all(missing.map(async ({ engine }: { engine: string }) => {
      const args = ["pretrain", "--data", "video", "--out", "run", "--device", engine, ...SHORT];
      assertRefused(await cli(args, folder), engine, "--device cpu");
    }));
  },

  async "pretrain runs every stage, and its checkpoint is evaluated again to the same score"(
    folder,
  ) {
    const data = await saveStreets(folder);
    data.push(...await saveLight(folder, { scenes: { testSequences: 3 } }));
    const result = await answer(["pretrain", ...data, "--out", "run", ...SHORT], folder);
    assertEquals(result.steps, 4);
    for (const key of ["miou", "accuracy", "randomInitMiou", "colourKmeansMiou"]) {
      assert(result[key] > 0 && result[key] < 1, `${key}: ${result[key]}`);
    }
    assert(result.depth.regionPurity > 0);
    const report = await Deno.readTextFile(join(folder, "run/report.html"));
    for (const title of ["regions", "Mixed images", "Segmentation", "Repeat it"]) {
      assert(report.includes(title));
    }
    assertMatch(report, /data:image\/png;base64,/);
    const evaluate = (...more: string[]) => answer(["evaluate", "--run", "run", ...more], folder);
    const [again, trained, unseen] = await Promise.all([
      evaluate("--predictions", "out"),
      evaluate("--protocol", "depth"),
      evaluate("--protocol", "depth", "--data", "scenes"),
    ]);
    assertEquals(again.miou, result.miou);
    const { frames } = await openFolder(join(folder, "streets"));
    const formats = { segmentation: "uchar", disparity: "ushort", regions: "ushort" };
    for (const [kind, depth] of Object.entries(formats)) {
      for (const { name } of frames) {
        const header = await sharp(join(folder, "out", kind, `${name}.png`)).metadata();
        assertEquals([header.channels, header.depth, header.width], [1, depth, 128]);
      }
    }
    const sheet = await sharp(join(folder, "out/contact_sheet.png")).metadata();
    assertEquals(sheet.width, 4 * 128 + 3 * 2);
    assertEquals([trained.frames, trained.absRel], [12, result.depth.absRel]);
    assertEquals(unseen.frames, 9);
    const [road] = unseen.absRelPerClass;
    assert(road > 0 && road < 2, `${road}`);
    // Of the sky no depth is known.
    assertEquals([unseen.absRelPerClass.length, unseen.absRelPerClass[9]], [10, null]);
    const measures = ["photometric", "unmoved", "poseAte", "poseRotation", "poseDirection"];
    for (const key of measures) assert(unseen[key] > 0, `${key}: ${unseen[key]}`);
    const [listed, taken, other] = await Promise.all([
      cli(["runs", ".", "--json"], folder),
      cli(["pretrain", ...data, "--out", "run", ...SHORT], folder),
      cli(["pretrain", "--out", "run", "--resume", "--seed", "1", ...SHORT], folder),
    ]);
    const [run] = JSON.parse(listed.stdout).runs;
    assertEquals([run.name, run.steps, run.miou], ["run", 4, result.miou]);
    assertRefused(taken, "run", "--resume");
    assertRefused(other, "settings differ", "seed");
  },

  async "a killed run resumes to the same bytes as an undisturbed one"(folder) {
    await saveNoisyVideo(join(folder, "video"), random, 7);
    const steps = ["--data", "video", "--depth-steps", "2", "--steps", "9", "--quiet"];
    steps.push(...await saveLight(folder, { saveEvery: 3 }));
    const undisturbed = cli(["pretrain", "--out", "whole", ...steps], folder);
    const child = command(["pretrain", "--out", "cut", ...steps], folder).spawn();
    const exists = (name: string) =>
      Deno.stat(join(folder, "cut", name)).then(() => true, () => false);
    while (!await exists("checkpoint-000003.safetensors")) {
      await new Promise((wake) => setTimeout(wake, 20));
    }
    child.kill("SIGKILL");
    await child.output();
    const final = "checkpoint-000009.safetensors";
    assert(!await exists(final), "the run was over before it could be killed");
    const resumed = await cli(["pretrain", "--out", "cut", "--resume", ...steps], folder);
    assertEquals(resumed.code, 0, resumed.stderr);
    const whole = await undisturbed;
    assertEquals(whole.code, 0, whole.stderr);
    const [a, b] = [
      await Deno.readFile(join(folder, "whole", final)),
      await Deno.readFile(join(folder, "cut", final)),
    ];
    assertEquals(a.length, b.length);
    assert(a.every((byte, i) => byte === b[i]), "the checkpoints differ");
  },

  async "a folder belongs to one run at a time, which tells that it was interrupted"(folder) {
    await saveNoisyVideo(join(folder, "video"), random, 3);
    const args = ["depth", "--data", "video", "--out", "run", "--steps", "2000", "--json"];
    args.push("--quiet", ...await saveLight(folder, { saveEvery: 1 }));
    const child = command(args, folder).spawn();
    const checkpoint = join(folder, "run/depth/checkpoint-000001.safetensors");
    while (!await Deno.stat(checkpoint).catch(() => undefined)) {
      await new Promise((wake) => setTimeout(wake, 20));
    }
    assertRefused(await cli([...args, "--resume"], folder), "run", "another process", "--out");
    child.kill("SIGINT");
    const { code, stdout } = await child.output();
    const said = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals([code, said], [0, { run: "run", interrupted: true }]);
    const left = Array.from(Deno.readDirSync(join(folder, "run")), ({ name }) => name);
    assertEquals(left.filter((name) => name.startsWith(".")), []);
  },

  async "an interrupt ends what has nothing to save at once"(folder) {
    const args = ["scenes", "--out", "streets", "--sequences", "500", "--quiet"];
    const child = command(args, folder).spawn();
    while (!await Deno.stat(join(folder, "streets")).catch(() => undefined)) {
      await new Promise((wake) => setTimeout(wake, 20));
    }
    child.kill("SIGINT");
    assertEquals((await child.output()).code, 130);
  },

  async "scenes writes a dataset that reads back as it was drawn"(folder) {
    await saveStreets(folder, { sequences: 2, frames: 2 });
    const read = await openFolder(join(folder, "streets"));
    const drawn = streetScenes({ seed: 0, split: "train", sequences: 2, framesPerSequence: 2 });
    const size = { height: 64, width: 128 };
    assertEquals(read.frames, drawn.frames);
    for (let i = 0; i < 4; i++) {
      const [a, b] = [await read.read(i, size), await drawn.read(i, size)];
      assertEquals(a.rgb, b.rgb);
      assertEquals(a.labels, b.labels);
    }
  },

  async "depth --intrinsics learned answers other focal lengths than it began from"(folder) {
    await saveNoisyVideo(join(folder, "video"), random, 3);
    const light = await saveLight(folder);
    const args = ["depth", "--data", "video", "--intrinsics", "learned", "--steps", "3"];
    const { fx, fy } = await answer([...args, ...light, "--out", "run"], folder);
    // Typical ones of a dash camera, whose pixels are square.
    assert(Math.abs(fx / 0.85 - 1) > 1e-6 && Math.abs(fx / 0.85 - 1) < 0.1, `${fx}`);
    assert(Math.abs(fy / fx - 2) < 1e-6, `${fy}`);
    const again = ["pretrain", "--data", "video", "--depth-run", "run", "--intrinsics", "learned"];
    assertRefused(await cli(again, folder), "run", "learnt already");
  },

  async "evaluate --protocol finetune trains on a fraction of the labels, from both beginnings"(
    folder,
  ) {
    const streets = await saveStreets(folder);
    const short = ["--steps", "1", "--depth-steps", "1", "--quiet", ...await saveLight(folder)];
    const run = await cli(["pretrain", ...streets, "--out", "run", ...short], folder);
    assertEquals(run.code, 0, run.stderr);
    const evaluate = ["evaluate", "--run", "run"];
    const tuning = ["--protocol", "finetune", "--steps", "3", "--label-fraction", "0.5"];
    const [result, untuned, tooMuch] = await Promise.all([
      answer([...evaluate, ...tuning], folder),
      cli([...evaluate, "--label-fraction", "0.5"], folder),
      cli([...evaluate, ...tuning, "--label-fraction", "2"], folder),
    ]);
    assertEquals([result.labelFraction, result.labelledFrames, result.steps], [0.5, 6, 3]);
    for (const key of ["miou", "accuracy", "randomInitMiou", "randomInitAccuracy"]) {
      assert(result[key] > 0 && result[key] < 1, `${key}: ${result[key]}`);
    }
    assert(result.loss !== result.randomInitLoss);
    assertRefused(untuned, "--label-fraction", "finetune");
    assertRefused(tooMuch, "--label-fraction", "at most 1");
  },

  async "evaluate --protocol linear says when it scores frames whose labels it was fitted on"(
    folder,
  ) {
    const streets = await saveStreets(folder);
    const short = ["--steps", "1", "--depth-steps", "1", "--quiet", ...await saveLight(folder)];
    const run = await answer(["pretrain", ...streets, "--out", "run", ...short], folder);
    assertEquals(run.split, "train");
    const linear = ["evaluate", "--run", "run", "--protocol", "linear"];
    // The folder is its own data by another path, too.
    const [own, other] = await Promise.all([
      cli([...linear, "--json", "--data", "./streets/../streets"], folder),
      answer([...linear, "--data", "scenes"], folder),
    ]);
    const result = JSON.parse(own.stdout.split("\n").at(-1)!);
    assertEquals([result.labelledFrames, result.scoredFramesTrainedOn], [12, 12]);
    assert(own.stderr.includes("12 of 12 scored frames are trained on"), own.stderr);
    assertEquals([other.labelledFrames, other.scoredFramesTrainedOn], [12, 0]);
  },

  async "pretrain takes a dataset's own disparities and regions, and scores its validation split"(
    folder,
  ) {
    const streets = streetScenes({
      seed: 0,
      split: "train",
      sequences: 6,
      framesPerSequence: 1,
    });
    const classes = JSON.stringify({ classes: streets.classes, ignore: 255 });
    for (const index of streets.frames.keys()) {
      const frame = await streets.read(index, { height: 64, width: 128 });
      const disparity = frame.depth!.map((metres) => Math.min(1, 1 / metres));
      const split = join(folder, "city", index < 4 ? "train" : "val");
      const regionIds = Uint16Array.from(frame.labels!);
      await writeFrame(split, { ...frame, depth: undefined, disparity, regionIds });
      await saveText(join(split, "dataset.json"), classes);
    }
    const short = ["--steps", "1", "--data", "city", ...await saveLight(folder)];
    const out = ["--out", "run", "--predictions", "out"];
    const [pretrained, regions] = await Promise.all([
      answer(["pretrain", ...short, ...out], folder),
      answer(["regions", "--data", "city", "--out", "cut"], folder),
    ]);
    assertEquals(pretrained.split, "validation");
    const scored = pretrained.confusion.flat().reduce((a: number, b: number) => a + b);
    assertEquals(scored, 2 * 64 * 128);
    // Each region was one class.
    assertEquals(pretrained.depth, { regionPurity: 1 });
    assertEquals(await Deno.stat(join(folder, "run/depth")).catch(() => "none"), "none");
    assertEquals([regions.depth, regions.frames], ["disparity", 2]);
  },

  async "regions reports the quality of either grouping, as JSON and as a table"(folder) {
    const streets = await saveStreets(folder, { sequences: 3, frames: 1 });
    const purities = await Promise.all(["components", "infomap"].map(async (grouping) => {
      const args = ["regions", ...streets, "--grouping", grouping];
      const [result, table] = await Promise.all([
        answer([...args, "--out", `${grouping}-json`], folder),
        cli([...args, "--out", `${grouping}-table`, "--quiet"], folder),
      ]);
      assertEquals([result.grouping, result.depth, result.frames], [grouping, "true", 3]);
      for (const key of ["purity", "boundaryRecall"]) {
        assert(result[key] > 0.3 && result[key] <= 1, `${key}: ${result[key]}`);
      }
      assert(result.regionsPerFrame > 1 && result.millisecondsPerFrame > 0);
      assert(result.perClass.road > 0.5, `road ${result.perClass.road}`);
      for (const line of [`grouping ${grouping}`, "purity road", "boundary recall", "a frame"]) {
        assert(table.stdout.includes(line), table.stdout);
      }
      return result.purity;
    }));
    assert(purities[0] !== purities[1], "the groupings differ");
    assertRefused(
      await cli(["regions", ...streets, "--grouping", "watershed"], folder),
      "watershed",
      "infomap",
    );
  },
});
