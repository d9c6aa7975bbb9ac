/**
 * The command line: `deno run -A cli.ts pretrain | depth | regions | mix | evaluate | export | runs | scenes |
 * doctor`.
 * This file only parses; the work is in lib/run/. Progress goes to stderr; with `--json` the last line
 * of stdout is one JSON object. Bad input ends in one line on stderr and exit code 1.
 *
 * @module
 */

import { Command, InvalidArgumentError, Option } from "commander";
import { CpcdrError } from "./lib/errors.ts";
import { checkCamera } from "./lib/data/description.ts";
import type { Intrinsics } from "./lib/records.ts";
import * as commands from "./lib/run/commands.ts";
import meta from "./deno.json" with { type: "json" };

const FOLDER = "the folder to write";

/** Of a street that is drawn, pixels. */
const LONGEST_SIDE = 16384;
/** No camera of a car takes more frames a second. */
const HIGHEST_FPS = 1000;

/** Builds the program; exported so that tests can read its help without a process. */
export function program(): Command {
  const root = new Command("cpcdr")
    .description("Learn urban-scene features from unlabelled driving video.")
    .version(meta.version)
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(oneLine(text)) });
  examples(root, ["doctor", "pretrain", "pretrain --help"]);
  pretrainCommand(root);
  depthCommand(root);
  regionsCommand(root);
  mixCommand(root);
  evaluateCommand(root);
  exportCommand(root);
  runsCommand(root);
  scenesCommand(root);
  doctorCommand(root);
  return root;
}

function pretrainCommand(root: Command): void {
  const command = withRun(root.command("pretrain"))
    .description(
      "depth -> regions -> mixing -> contrastive pretraining -> evaluation, whatever is missing",
    )
    .option("--steps <n>", "pretraining steps (default: the preset's)", positiveInteger)
    .option("--depth-steps <n>", "depth training steps (default: the preset's)", positiveInteger)
    .option("--depth-run <dir>", "take the depth network of this run instead of training one", path)
    .addOption(pasteOption())
    .addOption(groupingOption())
    .addOption(
      new Option("--objective <name>", "what features learn from (default: swapped)")
        .choices(["swapped", "picie"]),
    )
    .option(
      "--backbone-weights <file>",
      "begin from a ResNet in safetensors under torchvision's names",
      path,
    )
    .option(
      "--accumulate <n>",
      "deal a step's images into n micro-batches, to save memory",
      positiveInteger,
    )
    .option("--resume", "go on from the newest checkpoint of the run, to the same bytes", false)
    .addOption(predictionsOption())
    .action((options) => commands.pretrain(options));
  examples(command, [
    "pretrain",
    "pretrain --data frames/ --data drive.mp4 --fps 5 --out runs/mine",
    "pretrain --data frames/ --paste boxes --seed 1 --predictions predicted/",
    "pretrain --config runs/mine/config.json --seed 2",
    "pretrain --config runs/mine/config.json --out runs/mine --resume",
  ]);
}

function depthCommand(root: Command): void {
  const command = withRun(root.command("depth"))
    .description("train the depth and pose networks on video, and write disparity pictures")
    .option("--steps <n>", "training steps (default: the preset's)", positiveInteger)
    .option("--resume", "go on from the newest checkpoint of the run", false)
    .addOption(predictionsOption())
    .action((options) => commands.depth(options));
  examples(command, [
    "depth --data kitti/ --data scenes --out runs/depth",
    "depth --data drive.mp4 --intrinsics 0.9,1.6,0.5,0.5 --predictions predicted/",
  ]);
}

function regionsCommand(root: Command): void {
  const command = withRun(root.command("regions"))
    .description("cut frames into coherent depth regions; report their quality where labels exist")
    .addOption(depthOption())
    .addOption(groupingOption())
    .action((options) => commands.regions(options));
  examples(command, ["regions", "regions --data frames/ --depth-run runs/depth --out regions/"]);
}

function mixCommand(root: Command): void {
  const command = withRun(root.command("mix"))
    .description("preview mixed images as the contrastive stage sees them")
    .addOption(depthOption())
    .addOption(pasteOption())
    .addOption(groupingOption())
    .option("--batches <n>", "how many batches to draw", positiveInteger, 1)
    .action((options) => commands.mix(options));
  examples(command, ["mix --paste boxes --batches 2", "mix --data frames/ --depth-run runs/depth"]);
}

function evaluateCommand(root: Command): void {
  const command = withCommon(
    root.command("evaluate"),
    "a folder to keep the answer in, as evaluation.json",
  )
    .description("score a run's features on a labelled dataset")
    .requiredOption("--run <dir>", "the run to evaluate", path)
    .addOption(dataOption("the run's own dataset"))
    .addOption(
      new Option(
        "--protocol <name>",
        "how features become a segmentation; depth scores depth, motion and views instead",
      )
        .choices(["cluster", "kmeans", "linear", "finetune", "depth"]).default("cluster"),
    )
    .option("--label-fraction <share>", "of the labelled frames, for finetune (default: 1)", share)
    .option("--steps <n>", "fine-tuning steps (default: 400)", positiveInteger)
    .addOption(
      new Option("--split <name>", "which split of the data, where it has several")
        .choices(["validation", "test"]).default("test"),
    )
    .addOption(predictionsOption())
    .action((options) => commands.evaluate(options));
  examples(command, [
    "evaluate --run runs/mine --data labelled/ --json",
    "evaluate --run runs/mine --data cityscapes/ --split validation --predictions predicted/",
    "evaluate --run runs/mine --protocol linear",
    "evaluate --run runs/mine --data other_drive/ --protocol depth",
  ]);
}

function runsCommand(root: Command): void {
  const command = withAnswer(root.command("runs"))
    .description("list runs: date, preset, data, steps, mIoU beside untrained and k-means, time")
    .argument("[folders...]", "folders of runs, or runs", ["runs"])
    .option("--settings", "also tell the settings in which they differ", false)
    .action((folders, options) => commands.runs(folders, options));
  examples(command, ["runs", "runs --json", "runs runs/mine runs/boxes --settings"]);
}

function exportCommand(root: Command): void {
  const command = withCommon(
    root.command("export"),
    "the file to write (default: in the run's folder)",
  )
    .description("write a run's network for other programs")
    .requiredOption("--run <dir>", "the run to export", path)
    .addOption(
      new Option("--format <name>", "the backbone under torchvision's names, or the whole network")
        .choices(["torchvision", "onnx"]).makeOptionMandatory(),
    )
    .addOption(
      new Option("--network <name>", "which network (default: the run's last stage)")
        .choices(["features", "depth"]),
    )
    .action((options) => commands.exportRun(options));
  examples(command, [
    "export --run runs/mine --format onnx --out model.onnx",
    "export --run runs/mine --format torchvision",
  ]);
}

function scenesCommand(root: Command): void {
  const command = withCommon(root.command("scenes"), FOLDER)
    .description("write the embedded street scenes as an ordinary dataset with truth")
    .option("--sequences <n>", "how many streets", positiveInteger, 20)
    .option("--frames <n>", "frames a street", positiveInteger, 10)
    .option("--height <n>", "pixels", side, 256)
    .option("--width <n>", "pixels", side, 512)
    .addOption(
      new Option("--split <name>", "streets of different splits never meet")
        .choices(["train", "validation", "test"]).default("train"),
    )
    .action((options) => commands.scenes(options));
  examples(command, [
    "scenes --out streets",
    "scenes --out held-out --split test --sequences 5 --frames 1",
  ]);
}

function doctorCommand(root: Command): void {
  const command = withCommon(
    root.command("doctor"),
    "a folder to keep the answer in, as doctor.json",
  )
    .description("tell every engine: whether it can be used here, why not, and how fast it is")
    .action((options) => commands.doctor(options));
  examples(command, ["doctor", "doctor --json"]);
}

/** Options of every command that works on data by a preset. */
function withRun(command: Command): Command {
  return withCommon(command, FOLDER)
    .addOption(dataOption("the embedded street scenes"))
    .option(
      "--config <file>",
      "settings as a run's config.json has them, or a part; options win",
      path,
    )
    .addOption(
      new Option("--preset <name>", "sizes and schedules (default: tiny)")
        .choices(["tiny", "small", "paper"]),
    )
    .option("--fps <n>", "frames a second out of videos (default: 10)", frameRate)
    .option(
      "--intrinsics <fx,fy,cx,cy>",
      'of all frames, fx and cx in image widths, fy and cy in heights; or "learned", a rough guess from ' +
        "turns (default: dataset.json's)",
      camera,
    );
}

/** @param out what `--out` names. */
function withCommon(command: Command, out: string): Command {
  return withAnswer(command)
    .option("--seed <n>", "fixes every random draw (default: 0)", seedNumber)
    .addOption(
      new Option("--device <name>", "the engine").choices(["auto", "cpu", "webgpu", "cuda"])
        .default("auto"),
    )
    .addOption(
      new Option(
        "--precision <name>",
        "of convolutions; mixed: in 16 bits, where the processor or GPU has them",
      )
        .choices(["float32", "mixed"]).default("float32"),
    )
    .option("--out <path>", out, path);
}

function withAnswer(command: Command): Command {
  return command
    .option("--json", "print one JSON object as the last line of stdout", false)
    .option("--quiet", "no progress on stderr", false);
}

function examples(command: Command, lines: readonly string[]): void {
  const text = lines.map((line) => `  deno run -A cli.ts ${line}`).join("\n");
  command.addHelpText("after", `\nExamples:\n${text}`);
}

function depthOption(): Option {
  return new Option(
    "--depth-run <dir>",
    "a run whose depth network predicts; without it, the dataset's own depth",
  ).argParser(path);
}

function predictionsOption(): Option {
  return new Option(
    "--predictions <dir>",
    "write disparity, regions, classes and overlays as PNG, and a contact sheet",
  ).argParser(path);
}

function pasteOption(): Option {
  return new Option("--paste <shape>", "what is pasted across images (default: regions)")
    .choices(["regions", "components", "infomap", "slic", "masks", "boxes", "none"]);
}

function groupingOption(): Option {
  return new Option("--grouping <name>", "how pixels become regions (default: components)")
    .choices(["components", "infomap"]);
}

function dataOption(standard: string): Option {
  return new Option(
    "--data <path>",
    `a dataset folder or a video, repeatable; "scenes" is the embedded ones (default: ${standard})`,
  ).argParser((value: string, previous: string[] = []) => [...previous, path(value)]);
}

/** The number that a text is; NaN where it is none. */
function numberOf(text: string): number {
  return text.trim() === "" ? NaN : Number(text);
}

function positiveInteger(text: string): number {
  const value = numberOf(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError("Expected a whole number of at least 1.");
  }
  return value;
}

/** Pixels of a side: a multiple that fits memory is left to whoever asks. */
function side(text: string): number {
  const value = positiveInteger(text);
  if (value > LONGEST_SIDE) {
    throw new InvalidArgumentError(`Expected at most ${LONGEST_SIDE} pixels.`);
  }
  return value;
}

function share(text: string): number {
  const value = numberOf(text);
  if (!(value > 0 && value <= 1)) {
    throw new InvalidArgumentError("Expected a number above 0 and at most 1.");
  }
  return value;
}

function frameRate(text: string): number {
  const value = numberOf(text);
  if (!(value > 0 && value <= HIGHEST_FPS)) {
    throw new InvalidArgumentError(`Expected a number above 0 and at most ${HIGHEST_FPS}.`);
  }
  return value;
}

/** A path; "" would be the present folder. */
function path(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("Expected a path, got nothing.");
}

function seedNumber(text: string): number {
  const value = numberOf(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError("Expected a whole number of at least 0.");
  }
  return value;
}

function camera(text: string): Intrinsics | "learned" {
  if (text === "learned") return text;
  const [fx, fy, cx, cy, ...more] = text.split(",").map((part) => part.trim() ? Number(part) : NaN);
  const problem = more.length > 0 ? text : checkCamera({ fx, fy, cx, cy });
  if (problem === undefined) return { fx, fy, cx, cy };
  const got = problem.startsWith("pixels") ? `, got ${problem}` : "";
  throw new InvalidArgumentError(
    `Expected fx,fy,cx,cy in image widths and heights, such as 0.9,1.6,0.5,0.5${got}.`,
  );
}

/** One line, with where to look where it names no remedy itself. */
function oneLine(text: string): string {
  const line = text.trim().replaceAll("\n", " ");
  const known = /Did you mean|Allowed choices|Expected/.test(line);
  return `${line}${known ? "" : "; see --help"}\n`;
}

if (import.meta.main) {
  try {
    await program().parseAsync(Deno.args, { from: "user" });
  } catch (error) {
    // Deno says itself which permission it was, and how to give it.
    if (!(error instanceof CpcdrError || error instanceof Deno.errors.NotCapable)) throw error;
    console.error(`error: ${error.message.replaceAll(/\s*\n\s*/g, " ")}`);
    Deno.exit(1);
  }
}
