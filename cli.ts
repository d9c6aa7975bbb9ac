/**
 * The command line: `deno run -A cli.ts pretrain | depth | regions | mix | evaluate | export | scenes |
 * doctor`.
 * This file only parses; the work is in lib/run/. Progress goes to stderr; with `--json` the last line
 * of stdout is one JSON object. Bad input ends in one line on stderr and exit code 1.
 *
 * @module
 */

import { Command, InvalidArgumentError, Option } from "commander";
import { CpcdrError } from "./lib/errors.ts";
import * as commands from "./lib/run/commands.ts";
import meta from "./deno.json" with { type: "json" };

/** Builds the program; exported so that tests can read its help without a process. */
export function program(): Command {
  const root = new Command("cpcdr")
    .description("Learn urban-scene features from unlabelled driving video.")
    .version(meta.version)
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      outputError: (text, write) => write(text.trim().replaceAll("\n", " ") + "\n"),
    });
  withCommon(root.command("pretrain"))
    .description(
      "depth -> regions -> mixing -> contrastive pretraining -> evaluation, whatever is missing",
    )
    .addOption(dataOption("the embedded street scenes"))
    .addOption(presetOption())
    .option("--steps <n>", "pretraining steps (default: the preset's)", positiveInteger)
    .option("--depth-steps <n>", "depth training steps (default: the preset's)", positiveInteger)
    .option("--depth-run <dir>", "take the depth network of this run instead of training one")
    .addOption(
      new Option("--paste <shape>", "what is pasted across images").choices([
        "regions",
        "boxes",
        "none",
      ])
        .default("regions"),
    )
    .option(
      "--backbone-weights <file>",
      "begin from a ResNet in safetensors under torchvision's names",
    )
    .option(
      "--accumulate <n>",
      "deal a step's images into n micro-batches, to save memory",
      positiveInteger,
    )
    .option("--resume", "go on from the newest checkpoint of the run, to the same bytes", false)
    .addHelpText(
      "after",
      "\nExample:\n  deno run -A cli.ts pretrain --data frames/ --paste boxes --seed 1",
    )
    .action((options) => commands.pretrain(options));
  withCommon(root.command("depth"))
    .description("train the depth and pose networks on video, and write disparity pictures")
    .addOption(dataOption("the embedded street scenes"))
    .addOption(presetOption())
    .option("--steps <n>", "training steps (default: the preset's)", positiveInteger)
    .option("--resume", "go on from the newest checkpoint of the run", false)
    .addHelpText(
      "after",
      "\nExample:\n  deno run -A cli.ts depth --data kitti/ --data scenes --out runs/depth",
    )
    .action((options) => commands.depth(options));
  withCommon(root.command("regions"))
    .description("cut frames into coherent depth regions; report their quality where labels exist")
    .addOption(dataOption("the embedded street scenes"))
    .addOption(presetOption())
    .option(
      "--depth-run <dir>",
      "a run whose depth network predicts; without it, the dataset's own depth",
    )
    .action((options) => commands.regions(options));
  withCommon(root.command("mix"))
    .description("preview mixed images as the contrastive stage sees them")
    .addOption(dataOption("the embedded street scenes"))
    .addOption(presetOption())
    .option(
      "--depth-run <dir>",
      "a run whose depth network predicts; without it, the dataset's own depth",
    )
    .addOption(
      new Option("--paste <shape>", "what is pasted across images").choices([
        "regions",
        "boxes",
        "none",
      ])
        .default("regions"),
    )
    .option("--batches <n>", "how many batches to draw", positiveInteger, 1)
    .action((options) => commands.mix(options));
  withCommon(root.command("evaluate"))
    .description("score a run's features on a labelled dataset")
    .requiredOption("--run <dir>", "the run to evaluate")
    .addOption(dataOption("the run's own dataset"))
    .addOption(
      new Option("--protocol <name>", "how features become a segmentation")
        .choices(["cluster", "kmeans", "linear"]).default("cluster"),
    )
    .addOption(
      new Option("--split <name>", "which split of the data, where it has several").choices([
        "validation",
        "test",
      ])
        .default("test"),
    )
    .action((options) => commands.evaluate(options));
  withCommon(root.command("export"), "the file to write (default: in the run's folder)")
    .description("write a run's network for other programs")
    .requiredOption("--run <dir>", "the run to export")
    .addOption(
      new Option("--format <name>", "the backbone under torchvision's names, or the whole network")
        .choices(["torchvision", "onnx"]).makeOptionMandatory(),
    )
    .addOption(
      new Option("--network <name>", "which network (default: the run's last stage)")
        .choices(["features", "depth"]),
    )
    .addHelpText(
      "after",
      "\nExample:\n  deno run -A cli.ts export --run runs/mine --format onnx --out model.onnx",
    )
    .action((options) => commands.exportRun(options));
  withCommon(root.command("scenes"))
    .description("write the embedded street scenes as an ordinary dataset with truth")
    .option("--sequences <n>", "how many streets", positiveInteger, 20)
    .option("--frames <n>", "frames a street", positiveInteger, 10)
    .option("--height <n>", "pixels", positiveInteger, 256)
    .option("--width <n>", "pixels", positiveInteger, 512)
    .addOption(
      new Option("--split <name>", "streets of different splits never meet")
        .choices(["train", "validation", "test"]).default("train"),
    )
    .action((options) => commands.scenes(options));
  withCommon(root.command("doctor"))
    .description("tell every engine: whether it can be used here, why not, and how fast it is")
    .action((options) => commands.doctor(options));
  return root;
}

function withCommon(command: Command, out = "the folder to write"): Command {
  return command
    .option("--seed <n>", "fixes every random draw", seedNumber, 0)
    .addOption(
      new Option("--device <name>", "the engine").choices(["auto", "cpu", "webgpu", "cuda"])
        .default("auto"),
    )
    .option("--out <path>", out)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .option("--quiet", "no progress on stderr", false);
}

function presetOption(): Option {
  return new Option("--preset <name>", "sizes and schedules").choices(["tiny", "small", "paper"])
    .default("tiny");
}

function dataOption(standard: string): Option {
  return new Option(
    "--data <dir>",
    `a dataset folder, repeatable; "scenes" is the embedded ones (default: ${standard})`,
  ).argParser((value: string, previous: string[] = []) => [...previous, value]);
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new InvalidArgumentError("Expected a whole number of at least 1.");
  }
  return value;
}

function seedNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) {
    throw new InvalidArgumentError("Expected a whole number of at least 0.");
  }
  return value;
}

if (import.meta.main) {
  try {
    await program().parseAsync(Deno.args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CpcdrError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(1);
  }
}
