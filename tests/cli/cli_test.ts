/** The command line as a user meets it: real processes, real files. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import sharp from "sharp";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
/** The smallest run that passes through every stage. */
const SHORT = ["--steps", "4", "--depth-steps", "3", "--quiet"];

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function command(args: readonly string[], cwd: string): Deno.Command {
  const config = join(ROOT, "deno.json");
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", config, join(ROOT, "cli.ts"), ...args],
    cwd,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  });
}

async function cli(args: readonly string[], cwd: string): Promise<Outcome> {
  const { code, stdout, stderr } = await command(args, cwd).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

async function inTemporary(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

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

/** Expects one clear line on stderr that holds every part, and exit code 1. */
function assertRefused({ code, stderr }: Outcome, ...parts: string[]): void {
  assertEquals(code, 1, stderr);
  const lines = stderr.split("\n").filter((line) => line.startsWith("error: "));
  assertEquals(lines.length, 1, stderr);
  assert(!stderr.includes("    at "), stderr);
  for (const part of parts) assert(lines[0].includes(part), `${lines[0]} lacks ${part}`);
}

Deno.test("bad input ends in one line that names the file, and exit code 1", () =>
  inTemporary(async (folder) => {
    await Deno.mkdir(join(folder, "empty"));
    await writeVideo(join(folder, "truncated"), 3);
    const jpeg = await sharp(join(folder, "truncated/images/0.png")).resize(640, 320).jpeg()
      .toBuffer();
    await Deno.writeFile(
      join(folder, "truncated/images/1.jpg"),
      jpeg.subarray(0, jpeg.length >> 1),
    );
    await writeVideo(join(folder, "text"), 3);
    await Deno.writeTextFile(join(folder, "text/images/1.png"), "not a picture");
    await writeVideo(join(folder, "mixed"), 3);
    await writeVideo(join(folder, "square"), 1, 64, 64);
    await Deno.copyFile(join(folder, "square/images/0.png"), join(folder, "mixed/images/9.png"));
    await writeVideo(join(folder, "labels"), 3);
    await Deno.mkdir(join(folder, "labels/labels"));
    for (const k of [0, 1, 2]) {
      const ids = new Uint8Array(64 * 128).fill(k);
      await sharp(ids, { raw: { height: 64, width: 128, channels: 1 } }).toColourspace("b-w").png()
        .toFile(join(folder, `labels/labels/${k}.png`));
    }
    await Deno.writeTextFile(
      join(folder, "labels/dataset.json"),
      JSON.stringify({ classes: ["road", "sky"] }),
    );
    await writeVideo(join(folder, "json"), 3);
    await Deno.writeTextFile(join(folder, "json/dataset.json"), "{ classes: }");
    await writeVideo(join(folder, "short"), 2);
    const cases: [string, string[]][] = [
      ["missing", ["missing", "no such folder"]],
      ["empty", ["empty", "expected images"]],
      ["truncated", ["images/1.jpg"]],
      ["text", ["images/1.png"]],
      ["mixed", ["images/9.png", "64 x 64", "one aspect"]],
      ["labels", ["labels/2.png", "got 2"]],
      ["json", ["dataset.json", "JSON"]],
      ["short", ["three frames"]],
    ];
    for (const [data, parts] of cases) {
      assertRefused(
        await cli(["pretrain", "--data", data, "--out", `run-${data}`, ...SHORT], folder),
        ...parts,
      );
    }
  }));

Deno.test("options out of range, unknown devices and missing runs are refused", () =>
  inTemporary(async (folder) => {
    const refused = async (args: string[], ...parts: string[]) => {
      const { code, stderr } = await cli(args, folder);
      assertEquals(code, 1, stderr);
      for (const part of parts) assert(stderr.includes(part), stderr);
      assert(!stderr.includes("    at "), stderr);
    };
    await refused(["pretrain", "--steps", "-1"], "--steps", "at least 1");
    await refused(["pretrain", "--pasta", "boxes"], "--paste");
    await refused(["pretrain", "--paste", "circles"], "regions, boxes, none");
    await refused(["pretrain", "--resume", "--out", "nowhere"], "nowhere", "--out");
    await refused(["pretrain", "--device", "webgpu", ...SHORT], "webgpu", "--device cpu");
    await refused(["evaluate", "--run", "nowhere"], "nowhere", "config.json");
    await refused(["pretrain", "--depth-run", "nowhere", ...SHORT], "nowhere");
  }));

Deno.test("pretrain runs every stage, and its checkpoint is evaluated again to the same score", () =>
  inTemporary(async (folder) => {
    const data = ["--data", "streets"];
    await writeStreets(folder, "streets");
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
    const again = await cli(["evaluate", "--run", "run", "--json", "--quiet"], folder);
    assertEquals(again.code, 0, again.stderr);
    assertEquals(JSON.parse(again.stdout).miou, result.miou);
    assertRefused(
      await cli(["pretrain", ...data, "--out", "run", ...SHORT], folder),
      "run",
      "--resume",
    );
    const other = await cli(
      ["pretrain", "--out", "run", "--resume", "--seed", "1", ...SHORT],
      folder,
    );
    assertRefused(other, "settings differ", "seed");
  }));

Deno.test("a killed run resumes to the same bytes as an undisturbed one", () =>
  inTemporary(async (folder) => {
    await writeVideo(join(folder, "video"), 7);
    const steps = ["--data", "video", "--depth-steps", "2", "--steps", "110", "--quiet"];
    const whole = await cli(["pretrain", "--out", "whole", ...steps], folder);
    assertEquals(whole.code, 0, whole.stderr);
    const child = command(["pretrain", "--out", "cut", ...steps], folder).spawn();
    const saved = join(folder, "cut/checkpoint-000100.safetensors");
    while (!await Deno.stat(saved).then(() => true, () => false)) {
      await new Promise((wake) => setTimeout(wake, 50));
    }
    child.kill("SIGKILL");
    await child.output();
    const resumed = await cli(["pretrain", "--out", "cut", "--resume", ...steps], folder);
    assertEquals(resumed.code, 0, resumed.stderr);
    const final = "checkpoint-000110.safetensors";
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

Deno.test("doctor tells the engines as JSON", () =>
  inTemporary(async (folder) => {
    const { code, stdout } = await cli(["doctor", "--json"], folder);
    assertEquals(code, 0);
    const { engines } = JSON.parse(stdout.split("\n").at(-1)!);
    assertEquals(engines.map(({ engine }: { engine: string }) => engine), [
      "cpu",
      "webgpu",
      "cuda",
    ]);
    assert(engines[0].gflops > 0);
  }));
