import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import sharp from "sharp";
import { inTemporary } from "../data/files.ts";
import { assertRefused, cli, command, saveLight } from "./process.ts";

/** The smallest run that passes through every stage. */
const SHORT = ["--steps", "4", "--depth-steps", "3", "--quiet"];

/** Writes a noisy video of `count` frames. */
async function writeVideo(folder: string, count: number, height = 64, width = 128): Promise<void> {
  await Deno.mkdir(join(folder, "images"), { recursive: true });
  for (let k = 0; k < count; k++) {
    const rgb = Uint8Array.from(
      { length: height * width * 3 },
      () => Math.floor(Math.random() * 256),
    );
    await sharp(rgb, { raw: { height, width, channels: 3 } }).png().toFile(
      join(folder, "images", `${k}.png`),
    );
  }
}

/** Writes a few embedded streets as a labelled dataset. */
async function writeStreets(folder: string, name: string): Promise<void> {
  const size = ["--sequences", "4", "--frames", "3", "--height", "64", "--width", "128"];
  const outcome = await cli(["scenes", "--out", name, "--quiet", ...size], folder);
  assertEquals(outcome.code, 0, outcome.stderr);
}

Deno.test("doctor tells the engines as JSON, and one that it finds unusable is refused by name", () =>
  inTemporary(async (folder) => {
    await writeVideo(join(folder, "video"), 3);
    const { code, stdout, stderr } = await cli(["doctor", "--json", "--out", "kept"], folder);
    assertEquals(code, 0, stderr);
    const answer = JSON.parse(stdout.split("\n").at(-1)!);
    assertEquals(JSON.parse(await Deno.readTextFile(join(folder, "kept/doctor.json"))), answer);
    const { engines, library, hotKernels } = answer;
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
  }));

Deno.test("pretrain runs every stage, and its checkpoint is evaluated again to the same score", () =>
  inTemporary(async (folder) => {
    const data = ["--data", "streets"];
    await writeStreets(folder, "streets");
    data.push(...await saveLight(folder, { scenes: { testSequences: 3 } }));
    const first = await cli(["pretrain", ...data, "--out", "run", "--json", ...SHORT], folder);
    assertEquals(first.code, 0, first.stderr);
    const result = JSON.parse(first.stdout.split("\n").at(-1)!);
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
    const evaluate = async (...more: string[]) => {
      const args = ["evaluate", "--run", "run", ...more, "--json", "--quiet"];
      const { code, stdout, stderr } = await cli(args, folder);
      assertEquals(code, 0, stderr);
      return JSON.parse(stdout.split("\n").at(-1)!);
    };
    const [again, trained, unseen] = await Promise.all([
      evaluate("--predictions", "out"),
      evaluate("--protocol", "depth"),
      evaluate("--protocol", "depth", "--data", "scenes"),
    ]);
    assertEquals(again.miou, result.miou);
    const { openFolder } = await import("../../lib/data/folder.ts");
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
  }));

Deno.test("a killed run resumes to the same bytes as an undisturbed one", () =>
  inTemporary(async (folder) => {
    await writeVideo(join(folder, "video"), 7);
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
  }));

Deno.test("scenes writes a dataset that reads back as it was drawn", () =>
  inTemporary(async (folder) => {
    const args = [
      "scenes",
      "--out",
      "drawn",
      "--sequences",
      "2",
      "--frames",
      "2",
      "--height",
      "64",
      "--width",
      "128",
      "--quiet",
    ];
    const outcome = await cli(args, folder);
    assertEquals(outcome.code, 0, outcome.stderr);
    const { openFolder } = await import("../../lib/data/folder.ts");
    const { streetScenes } = await import("../../lib/data/street/scenes.ts");
    const read = await openFolder(join(folder, "drawn"));
    const drawn = streetScenes({ seed: 0, split: "train", sequences: 2, framesPerSequence: 2 });
    const size = { height: 64, width: 128 };
    assertEquals(read.frames, drawn.frames);
    for (let i = 0; i < 4; i++) {
      const [a, b] = [await read.read(i, size), await drawn.read(i, size)];
      assertEquals(a.rgb, b.rgb);
      assertEquals(a.labels, b.labels);
    }
  }));
