/**
 * The command line: `deno run -A cli.ts pretrain | depth | regions | mix | evaluate | export | runs | scenes |
 * doctor`.
 * This file only parses; the work is in lib/run/. Progress goes to stderr; with `--json` the last line of stdout is
 * one JSON object. Bad input prints one line to stderr and exits with code 1.
 *
 * @module
 */

import { Command, InvalidArgumentError, Option } from "commander";
import { CpcdrError } from "./lib/errors.ts";
import { LONGEST_SIDE } from "./lib/data/dataset.ts";
import { HIGHEST_FPS } from "./lib/data/video.ts";
import { checkCamera } from "./lib/data/description.ts";
import { PASTE_SHAPES } from "./lib/mix/config.ts";
import type { Intrinsics } from "./lib/records.ts";
import { OBJECTIVES } from "./lib/pretrain/config.ts";
import { GROUPINGS } from "./lib/regions/config.ts";
import * as commands from "./lib/run/commands.ts";
import meta from "./deno.json" with { type: "json" };

const FOLDER = "the folder to write";
/** What `--data` takes. */
const ONE = "a dataset folder or a video", SEVERAL = `${ONE}, repeatable`;

/** Builds the program; exported so that tests can read its help without starting a process. */
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
  const command = withRun(root.command("pretrain"), SEVERAL)
    .description(
      "depth -> regions -> mixing -> contrastive pretraining -> evaluation; runs whatever is missing",
    )
    .option("--steps <n>", "pretraining steps (default: the preset's)", positiveInteger)
    .option("--depth-steps <n>", "depth training steps (default: the preset's)", positiveInteger)
    .option("--depth-run <dir>", "use the depth network of this run instead of training one", path)
    .addOption(pasteOption())
    .addOption(groupingOption())
    .addOption(
      new Option("--objective <name>", "what features learn from (default: swapped)")
        .choices(OBJECTIVES),
    )
    .addOption(backboneOption("start the features' backbone from"))
    .option(
      "--accumulate <n>",
      "split a step's images into n micro-batches, to save memory",
      positiveInteger,
    )
    .option(
      "--resume",
      "continue from the newest checkpoint of the run; the result is the same, byte for byte",
      false,
    )
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
  const command = withRun(root.command("depth"), SEVERAL)
    .description("train the depth and pose networks on video, and write disparity pictures")
    .option("--steps <n>", "training steps (default: the preset's)", positiveInteger)
    .addOption(backboneOption("start the encoders of depth and pose from"))
    .option("--resume", "continue from the newest checkpoint of the run", false)
    .addOption(predictionsOption())
    .action((options) => commands.depth(options));
  examples(command, [
    "depth --data kitti/ --data scenes --out runs/depth",
    "depth --data drive.mp4 --intrinsics 0.9,1.6,0.5,0.5 --predictions predicted/",
  ]);
}

function regionsCommand(root: Command): void {
  const command = withRun(root.command("regions"), ONE)
    .description("cut frames into coherent depth regions; report their quality if there are labels")
    .addOption(depthOption())
    .addOption(groupingOption())
    .action((options) => commands.regions(options));
  examples(command, ["regions", "regions --data frames/ --depth-run runs/depth --out regions/"]);
}

function mixCommand(root: Command): void {
  const command = withRun(root.command("mix"), ONE)
    .description("preview mixed images as the contrastive stage sees them")
    .addOption(depthOption())
    .addOption(pasteOption())
    .addOption(groupingOption())
    .option("--batches <n>", "number of batches to draw", positiveInteger, 1)
    .action((options) => commands.mix(options));
  examples(command, ["mix --paste boxes --batches 2", "mix --data frames/ --depth-run runs/depth"]);
}

function evaluateCommand(root: Command): void {
  const command = withCommon(
    root.command("evaluate"),
    "a folder to save the result in, as evaluation.json",
  )
    .description("score a run's features on a labelled dataset")
    .requiredOption("--run <dir>", "the run to evaluate", path)
    .addOption(dataOption("the run's own dataset", ONE))
    .addOption(
      new Option(
        "--protocol <name>",
        "how features become a segmentation; depth scores depth, motion and views instead",
      )
        .choices(["cluster", "kmeans", "linear", "finetune", "depth"]).default("cluster"),
    )
    .option(
      "--label-fraction <share>",
      "share of the labelled frames to use, for finetune (default: 1)",
      share,
    )
    .option("--steps <n>", "fine-tuning steps (default: 400)", positiveInteger)
    .addOption(
      new Option("--split <name>", "which split of the data, if it has several")
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
    .argument("[folders...]", "runs, or folders of runs", ["runs"])
    .option("--settings", "also show the settings in which they differ", false)
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
    .description("write the embedded street scenes as an ordinary dataset with ground truth")
    .option("--sequences <n>", "number of streets", positiveInteger, 20)
    .option("--frames <n>", "frames per street", positiveInteger, 10)
    .option("--height <n>", "pixels", side, 256)
    .option("--width <n>", "pixels", side, 512)
    .addOption(
      new Option("--split <name>", "which streets; splits share none")
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
    "a folder to save the result in, as doctor.json",
  )
    .description("show for every engine whether it works here, why not, and how fast it is")
    .action((options) => commands.doctor(options));
  examples(command, ["doctor", "doctor --json"]);
}

/** Options of every command that works on data with a preset. @param data what `--data` takes. */
function withRun(command: Command, data: string): Command {
  return withCommon(command, FOLDER)
    .addOption(dataOption("the embedded street scenes", data))
    .option("--config <file>", "all or part of a run's config.json; options win", path)
    .addOption(
      new Option("--preset <name>", "sizes and schedules (default: tiny)")
        .choices(["tiny", "small", "paper"]),
    )
    .option("--fps <n>", "frames per second to take from videos (default: 10)", frameRate)
    .option(
      "--intrinsics <fx,fy,cx,cy>",
      'camera of all frames, fx and cx in image widths, fy and cy in heights; or "learned", a rough estimate from ' +
        "turns (default: the dataset's, else a typical dash camera's)",
      camera,
    );
}

/** @param out what `--out` names. */
function withCommon(command: Command, out: string): Command {
  return withAnswer(command)
    .option("--seed <n>", "seed of every random draw (default: 0)", seedNumber)
    .addOption(
      new Option("--device <name>", "the engine").choices(["auto", "cpu", "webgpu", "cuda"])
        .default("auto"),
    )
    .addOption(
      new Option(
        "--precision <name>",
        "of convolutions; mixed is 16-bit, if the processor or GPU supports it",
      )
        .choices(["float32", "mixed"]).default("float32"),
    )
    .option("--out <path>", out, path);
}

function withAnswer(command: Command): Command {
  return command
    .option("--json", "print one JSON object as the last line of stdout", false)
    .option("--quiet", "hide progress on stderr", false);
}

function examples(command: Command, lines: readonly string[]): void {
  const text = lines.map((line) => `  deno run -A cli.ts ${line}`).join("\n");
  command.addHelpText("after", `\nExamples:\n${text}`);
}

function backboneOption(use: string): Option {
  return new Option(
    "--backbone-weights <file>",
    `${use} ResNet weights: safetensors with torchvision's names`,
  ).argParser(path);
}

function depthOption(): Option {
  return new Option(
    "--depth-run <dir>",
    "predict depth with this run's network (default: the dataset's depth/, else disparity/)",
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
    .choices(PASTE_SHAPES);
}

function groupingOption(): Option {
  return new Option("--grouping <name>", "how pixels become regions (default: components)")
    .choices(GROUPINGS);
}

function dataOption(standard: string, what: string): Option {
  return new Option(
    "--data <path>",
    `${what}; "scenes" is the embedded ones (default: ${standard})`,
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

/** One line; it says where to look if it names no remedy itself. */
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
