/** Bad input: one line on stderr that names what is wrong and what to do, and nothing saved is lost. */
import { assert, assertEquals } from "@std/assert";
import { pooledMap } from "@std/async/pool";
import { join } from "@std/path";
import sharp from "sharp";
import { randomStream } from "../../lib/random.ts";
import { decodeSafetensors, encodeSafetensors } from "../../lib/run/storage/safetensors.ts";
import { draws, inTemporary, noise, saveGrey, saveRgb, saveText } from "../data/files.ts";
import { succeeds } from "../../native/build_support.ts";
import { assertRefused, cli, saveLight } from "./process.ts";

const [HEIGHT, WIDTH] = [64, 128];
const AREA = HEIGHT * WIDTH;
const random = randomStream(20261123, "test", "bad input");
/** The smallest run that passes through every stage. */
const SHORT = ["--steps", "1", "--depth-steps", "1", "--config", "light.json"];
const CHECKPOINT = "checkpoint-000001.safetensors";

/** A labelled video of three frames, the second of twice the size, which is no mistake. */
async function saveVideo(folder: string): Promise<void> {
  for (const [k, scale] of [1, 2, 1].entries()) {
    const [height, width] = [scale * HEIGHT, scale * WIDTH];
    const rgb = noise(random, 3 * height * width);
    await saveRgb(join(folder, `images/${k}.png`), rgb, height, width);
    await saveGrey(join(folder, `labels/${k}.png`), draws(random, [0, 1, 9], AREA), HEIGHT, WIDTH);
  }
  await saveText(join(folder, "dataset.json"), '{"classes": ["road", "sky"], "ignore": 9}');
}

/** The video with one thing changed. */
interface WrongData {
  readonly name: string;
  readonly change: (folder: string) => Promise<unknown>;
  readonly parts: readonly string[];
}

/** A command line and what its one line on stderr must hold. */
interface WrongLine {
  readonly name: string;
  readonly args: readonly string[];
  readonly parts: readonly string[];
}

const WRONG_DATA: readonly WrongData[] = [
  {
    name: "missing",
    change: (folder) => Deno.remove(folder, { recursive: true }),
    parts: ["missing", "no such folder", "check --data"],
  },
  {
    name: "video.mp4",
    change: async (folder) => {
      await Deno.remove(folder, { recursive: true });
      await saveText(folder, "");
    },
    parts: ["video.mp4", "expected", "ffmpeg"],
  },
  {
    name: "notes.txt",
    change: async (folder) => {
      await Deno.remove(folder, { recursive: true });
      await saveText(folder, "no frames");
    },
    parts: ["notes.txt", "got a file", "name the folder"],
  },
  {
    name: "pixels",
    change: (folder) =>
      saveText(
        join(folder, "dataset.json"),
        '{"intrinsics": {"fx": 700, "fy": 700, "cx": 640, "cy": 360}}',
      ),
    parts: ["pixels/dataset.json", "got pixels", "divide fx and cx"],
  },
  {
    name: "empty",
    change: async (folder) => {
      await Deno.remove(folder, { recursive: true });
      await Deno.mkdir(folder);
    },
    parts: ["empty", "expected images", "check --data"],
  },
  {
    name: "truncated",
    change: async (folder) => {
      const jpeg = await sharp(join(folder, "images/1.png")).jpeg().toBuffer();
      await Deno.remove(join(folder, "images/1.png"));
      await Deno.writeFile(join(folder, "images/1.jpg"), jpeg.subarray(0, jpeg.length >> 1));
    },
    parts: ["images/1.jpg", "replace or remove the file"],
  },
  {
    name: "text",
    change: (folder) => saveText(join(folder, "images/1.png"), "not a picture"),
    parts: ["images/1.png", "replace or remove the file"],
  },
  {
    name: "mixed",
    change: (folder) => saveRgb(join(folder, "images/1.png"), noise(random, 3 * 64 * 64), 64, 64),
    parts: ["images/1.png (64 x 64)", "images/0.png (128 x 64)", "crop the frames alike"],
  },
  {
    name: "twice",
    change: (folder) => saveRgb(join(folder, "images/1.webp"), noise(random, 3 * AREA), 64, 128),
    parts: ["images/1.png", "images/1.webp", "remove or rename one"],
  },
  {
    name: "range",
    change: (folder) =>
      saveGrey(join(folder, "labels/2.png"), new Uint8Array(AREA).fill(2), 64, 128),
    parts: ["labels/2.png", "got 2", "list all classes in dataset.json"],
  },
  {
    name: "colour",
    change: (folder) => saveRgb(join(folder, "labels/2.png"), noise(random, 3 * AREA), 64, 128),
    parts: ["labels/2.png", "save labels as 8-bit grey PNG"],
  },
  {
    name: "cropped",
    change: (folder) => saveGrey(join(folder, "labels/1.png"), new Uint8Array(AREA), 128, 64),
    parts: ["labels/1.png (64 x 128)", "images/1.png (256 x 128)", "one aspect"],
  },
  {
    name: "partly",
    change: (folder) => Deno.remove(join(folder, "labels/1.png")),
    parts: ["labels/1.png", "for every frame or for none", "label the frame"],
  },
  {
    name: "json",
    change: (folder) => saveText(join(folder, "dataset.json"), "{ classes: }"),
    parts: ["json/dataset.json", "expected JSON"],
  },
  {
    name: "classes",
    change: (folder) => {
      const classes = Array.from({ length: 201 }, (_, id) => `class ${id}`);
      return saveText(join(folder, "dataset.json"), JSON.stringify({ classes }));
    },
    parts: ["201 classes", "got 200 prototypes", "settings.pretrain.prototypes"],
  },
  {
    name: "short",
    change: async (folder) => {
      await Deno.remove(join(folder, "images/2.png"));
      await Deno.remove(join(folder, "labels/2.png"));
    },
    parts: ["three frames", "add video or use --depth-run"],
  },
];

/** Command lines; `video` is a good dataset and `run` a finished run on it. */
const WRONG_COMMANDS: readonly (readonly [line: string, ...parts: string[]])[] = [
  ["pretrain --steps -1", "--steps", "'-1'", "at least 1"],
  ["pretrain --steps 0", "--steps", "'0'", "at least 1"],
  ["pretrain --steps many", "--steps", "'many'", "whole number"],
  ["pretrain --data video --fps 0", "--fps", "'0'", "above 0"],
  ["pretrain --seed -1", "--seed", "'-1'", "at least 0"],
  ["evaluate --run run --protocol finetune --label-fraction 0", "--label-fraction", "above 0"],
  ["pretrain --intrinsics 0.9,1.6,0.5,0.5,1", "--intrinsics", "0.9,1.6,0.5,0.5"],
  ["pretrain --intrinsics 0.9,1.6,,0.5", "--intrinsics", "0.9,1.6,0.5,0.5"],
  ["pretrain --seed 0.5", "--seed", "'0.5'", "whole number"],
  ["pretrain --preset huge", "--preset", "'huge'", "tiny, small, paper"],
  ["pretrain --paste circles", "--paste", "'circles'", "regions, components"],
  ["pretrain --precision half", "--precision", "'half'", "float32, mixed"],
  ["pretrain --pasta boxes", "--pasta", "Did you mean --paste?"],
  ["evaluate", "--run", "--help"],
  ["pretrain --intrinsics 700,700,320,240", "--intrinsics", "pixels", "divide fx and cx"],
  ["pretrain --intrinsics 0.9,1.6,0.5", "--intrinsics", "0.9,1.6,0.5,0.5"],
  ["pretrain --intrinsics 0.9,1.6,0.5,0.5", "embedded scenes", "name other --data"],
  ["regions --intrinsics learned", "no depth network is trained", "--depth-run"],
  ["pretrain --data video --fps 5", "--fps 5", "expected a video", "leave it out"],
  [
    "pretrain --objective picie --data video",
    "objective picie",
    "--paste regions",
    "use --paste none",
  ],
  ["pretrain --data gone.mp4", "gone.mp4", "no such folder", "check --data"],
  ["pretrain --config gone.json", "gone.json", "check that it is there"],
  ["pretrain --config video/images/0.png", "video/images/0.png", "expected JSON"],
  ["pretrain --config key.json", "key.json", "settings.depth.stepz", "did you mean steps?"],
  ["pretrain --config place.json", "place.json", "unknown key mix", "did you mean settings.mix?"],
  ["pretrain --config type.json", "type.json", 'steps to be a number, got "4"'],
  ["pretrain --config range.json", "range.json", "positive whole number", "got 1.5"],
  ["depth --config run/config.json", "run/config.json", "got one of pretrain", "run pretrain"],
  ["evaluate --run run --protocol kmeans --predictions p", "--predictions p", "leave one out"],
  ["evaluate --run run --data a --data b", "several --data", "run evaluate for each"],
  ["runs nowhere", "nowhere", "name one that holds runs"],
  ["runs video", "video", "config.json", "name a folder"],
  ["pretrian", "pretrian", "Did you mean pretrain?"],
  ["pretrain --data video --out run", "run", "holds one already", "--resume", "--out"],
  ["pretrain --data video --out run --resume --preset small", 'has "tiny"', 'asked is "small"'],
  ["pretrain --data video --out run --resume --seed 1", "seed: it has 0", "repeat the options"],
  ["pretrain --data video --out fresh --resume", "fresh", "expected a run", "check --out"],
  [
    "pretrain --data video --out fresh --preset small --depth-run run",
    "run",
    "ResNet-18 of width 32, got ResNet-18 of width 16",
    "same --preset",
  ],
  [
    "pretrain --data video --out fresh --preset paper --depth-run run",
    "run",
    "preset tiny",
    "384 x 768",
    "same --preset",
  ],
  ["pretrain --data video --out fresh --depth-run video", "video", "config.json"],
  ["regions --data video", "expected depth/ or disparity/", "--depth-run"],
  ["evaluate --run video", "video", "config.json"],
  ["evaluate --run run --data nowhere", "nowhere", "no such folder"],
  ["evaluate --run run --data unlabelled", "unlabelled", "labels/ and classes", "add them"],
  ["evaluate --run run --data void", "void", "only ignored ones (9)", "--split validation"],
  [
    "evaluate --run run --data animals --protocol linear",
    "animals",
    "classes",
    "--protocol cluster",
  ],
  ["evaluate --run other", `other/${CHECKPOINT}`, "expected preset tiny, got small"],
  ["evaluate --run cut", `cut/${CHECKPOINT}`, "truncated"],
  [
    "pretrain --data video --out cut --resume --steps 1 --depth-steps 1 --config light.json",
    `cut/depth/${CHECKPOINT}`,
    "truncated",
  ],
  ["evaluate --run broken", "broken/config.json", "put the file back"],
  ["pretrain --data video --out broken --resume", "broken/config.json", "put the file back"],
  ["doctor --out=", "--out", "Expected a path"],
  ["scenes --out fresh --sequences 1e9 --frames 1e6", "at most 10000000 frames"],
  ["depth --data video --fps 1e9", "--fps", "at most 1000"],
  ["scenes --out video --sequences 1 --frames 1", "video", "holds files already", "--out"],
  ["depth --data video --out video", "video", "it is a dataset", "--out"],
  ["pretrain --data video --out fresh --predictions video", "it is a dataset", "--predictions"],
  ["pretrain --data video --out fresh --predictions key.json", "it is a file", "--predictions"],
  [`export --run run --format onnx --out run/${CHECKPOINT}`, CHECKPOINT, "another --out"],
  ["export --run run --format onnx --out video", "video", "a folder is in its way", "--out"],
  ["pretrain --data video --out lost --seed 9", "lost", "holds one already"],
  ["pretrain --data video --out foreign", "foreign/config.json", "settings of a run"],
  ["evaluate --run header", `header/${CHECKPOINT}`, "type, shape and place of a, got null"],
  ["pretrain --data video --out run --resume --seed 9", "settings differ", "seed"],
  [
    `scenes --out ${"long".repeat(70)} --sequences 1 --frames 1 --height 8 --width 16`,
    "longlong",
    "too long",
    "--out",
  ],
  [
    "pretrain --data video --out run/config.json",
    "run/config.json",
    "a file is in its way",
    "--out",
  ],
  [
    "scenes --out run/config.json --sequences 1 --frames 1",
    "run/config.json",
    "a file is in its way",
    "--out",
  ],
];

/** Folders that are wrong as runs: a checkpoint of another preset, cut ones, and no configuration. */
async function saveWrongRuns(folder: string): Promise<void> {
  const run = join(folder, "run");
  const bytes = await Deno.readFile(join(run, CHECKPOINT));
  const { tensors, metadata } = decodeSafetensors(bytes, "run");
  const other = encodeSafetensors({ tensors, metadata: { ...metadata, preset: "small" } });
  for (const name of ["other", "cut"]) {
    await Deno.mkdir(join(folder, name, "depth"), { recursive: true });
    await Deno.copyFile(join(run, "config.json"), join(folder, name, "config.json"));
  }
  await Deno.writeFile(join(folder, "other", CHECKPOINT), other);
  const half = bytes.subarray(0, bytes.length >> 1);
  await Deno.writeFile(join(folder, "cut", CHECKPOINT), half);
  await Deno.writeFile(join(folder, "cut/depth", CHECKPOINT), half);
  await saveText(join(folder, "broken/config.json"), '{"preset": "tiny"}');
  await saveText(join(folder, "foreign/config.json"), '{"compilerOptions": {}}');
  for (const name of ["lost", "header"]) await Deno.mkdir(join(folder, name));
  await Deno.copyFile(join(run, CHECKPOINT), join(folder, "lost", CHECKPOINT));
  await Deno.copyFile(join(run, "config.json"), join(folder, "header/config.json"));
  const header = new TextEncoder().encode('{"a":null}');
  await Deno.writeFile(
    join(folder, "header", CHECKPOINT),
    Uint8Array.of(header.length, 0, 0, 0, 0, 0, 0, 0, ...header),
  );
}

/** Every file of a folder with its size and time of change, but for the lock of a process that is at work. */
function listing(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder)).flatMap(({ name, isDirectory }) => {
    if (name === ".lock") return [];
    const path = join(folder, name);
    const { size, mtime } = Deno.statSync(path);
    return isDirectory ? listing(path) : [`${path} ${size} ${mtime?.getTime()}`];
  }).sort();
}

/** Mounts a small disk; answers why not where that is not permitted. */
async function mount(folder: string, options: string): Promise<string | undefined> {
  await Deno.mkdir(folder, { recursive: true });
  const mounted = await succeeds("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder);
  return mounted ? undefined : "mounting a small tmpfs is not permitted here";
}

function unmount(folder: string): Promise<Deno.CommandOutput> {
  return new Deno.Command("umount", { args: [folder] }).output();
}

async function whyNoMount(): Promise<string | undefined> {
  const folder = await Deno.makeTempDir();
  const reason = await mount(folder, "size=64k");
  if (!reason) await unmount(folder);
  await Deno.remove(folder);
  return reason;
}

const noMount = await whyNoMount();

/** Starts a run on a disk that is filled by its last checkpoint, and ends it once there is room. */
async function fillDisk(folder: string): Promise<void> {
  const disk = join(folder, "disk");
  const [depth, last] = [join("depth", CHECKPOINT), CHECKPOINT].map((name) =>
    Deno.statSync(join(folder, "run", name)).size
  );
  assertEquals(await mount(disk, `size=${depth + (last >> 1)}`), undefined);
  const remount = (options: string) => mount(disk, `remount,${options}`);
  try {
    const run = ["pretrain", "--data", "video", "--out", "disk/run", "--quiet", ...SHORT];
    assertRefused(await cli(run, folder), `disk/run/${CHECKPOINT}`, "disk is full", "--resume");
    const saved = await Deno.readFile(join(disk, "run/depth", CHECKPOINT));
    assertEquals(saved, await Deno.readFile(join(folder, "run/depth", CHECKPOINT)));
    await remount(`size=${3 * (depth + last)}`);
    await remount("ro");
    const other = ["scenes", "--out", "disk/other", "--sequences", "1", "--frames", "1", "--quiet"];
    assertRefused(await cli(other, folder), "disk/other", "--out");
    await remount("rw");
    const resumed = await cli([...run, "--resume"], folder);
    assertEquals(resumed.code, 0, resumed.stderr);
    const [ours, undisturbed] = ["disk/run", "run"].map((name) =>
      Deno.readFileSync(join(folder, name, CHECKPOINT))
    );
    assertEquals(ours, undisturbed);
  } finally {
    await unmount(disk);
  }
}

Deno.test("bad input ends in one line, exit code 1 and nothing lost", (t) =>
  inTemporary(async (folder) => {
    await saveVideo(join(folder, "video"));
    await saveLight(folder);
    const args = ["pretrain", "--data", "video", "--out", "run", "--quiet", ...SHORT];
    const whole = await cli(args, folder);
    assertEquals(whole.code, 0, whole.stderr);
    await saveWrongRuns(folder);
    await saveRgb(join(folder, "unlabelled/0.png"), noise(random, 3 * AREA), HEIGHT, WIDTH);
    await saveVideo(join(folder, "void"));
    for (const k of [0, 1, 2]) {
      await saveGrey(join(folder, `void/labels/${k}.png`), new Uint8Array(AREA).fill(9), 64, 128);
    }
    await saveVideo(join(folder, "animals"));
    await saveText(
      join(folder, "animals/dataset.json"),
      '{"classes": ["dog", "cat"], "ignore": 9}',
    );
    await saveText(join(folder, "key.json"), '{"settings": {"depth": {"stepz": 4}}}');
    await saveText(join(folder, "place.json"), '{"mix": {"sources": 4}}');
    await saveText(join(folder, "type.json"), '{"settings": {"depth": {"steps": "4"}}}');
    await saveText(join(folder, "range.json"), '{"settings": {"depth": {"steps": 1.5}}}');
    const kept = ["video", "run", "other", "cut"].map((name) => join(folder, name));
    const before = kept.map(listing);

    const cases: WrongLine[] = [];
    for (const { name, change, parts } of WRONG_DATA) {
      await saveVideo(join(folder, name));
      await change(join(folder, name));
      const args = ["pretrain", "--data", name, "--out", `${name}-run`, ...SHORT];
      cases.push({ name: `data: ${name}`, args, parts });
    }
    for (const [line, ...parts] of WRONG_COMMANDS) {
      cases.push({ name: line, args: line.split(" "), parts });
    }
    // Beside the others: it waits for one process at a time.
    const disk = Promise.allSettled(noMount ? [] : [fillDisk(folder)]);
    const outcomes = pooledMap(
      navigator.hardwareConcurrency,
      cases,
      async (wrong: WrongLine) => {
        const outcome = await cli([...wrong.args, "--quiet"], folder);
        return { ...wrong, outcome };
      },
    );
    for await (const { name, parts, outcome } of outcomes) {
      await t.step(name, () => {
        assertRefused(outcome, ...parts);
        assertEquals(kept.map(listing), before);
      });
    }
    await t.step("a run that could not start leaves no folder behind", async () => {
      const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
      assert(!names.includes("fresh"), "it would be in the way of the next try");
    });
    await t.step({
      name: "a full disk, then a read-only one" + (noMount ? ` (ignored: ${noMount})` : ""),
      ignore: noMount !== undefined,
      fn: async () => {
        for (const outcome of await disk) {
          if (outcome.status === "rejected") throw outcome.reason;
        }
      },
    });
    const again = await cli(["evaluate", "--run", "run", "--json", "--quiet"], folder);
    assertEquals(again.code, 0, again.stderr);
    const { miou } = JSON.parse(await Deno.readTextFile(join(folder, "run/result.json")));
    assert(miou > 0);
    assertEquals(JSON.parse(again.stdout).miou, miou);
  }));
