/**
 * Each switch of the depth stage by itself, as docs/results.md, "Protocol of the depth switches", has it:
 * `deno run -A bench/depth_switches.ts --out DIR`.
 *
 * Every run trains preset `tiny` on the embedded streets with one setting changed, and is scored on validation streets.
 * What is finished lies in `results/` under `--out` and is not made again, what was killed goes on from its checkpoint.
 *
 *     --seeds N     of every setting (default 2)
 *     --jobs N      processes at a time (default 2)
 *     --threads N   threads of each (default: cores / jobs)
 *     --minutes M   starts nothing new after so many (default: no limit)
 *     --steps N     another number of training steps, for a trial; use an --out of its own
 *
 * Last line of stdout: one JSON object with a row per setting and every run.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { pooledMap } from "@std/async/pool";
import { fromFileUrl, join } from "@std/path";
import { isFile } from "../lib/data/listing.ts";
import type { DepthConfig } from "../lib/depth/config.ts";
import { DeviceError } from "../lib/errors.ts";
import { writeAtomically } from "../lib/run/storage/atomic.ts";
import { type Pace, PACE_OPTIONS, paceOf } from "./ablation/pace.ts";
import { type Estimate, estimate, pairedDifference } from "./ablation/statistics.ts";
import { points, table } from "./ablation/tables.ts";
import { runBench } from "./peers/support.ts";

/** A departure from the depth settings of preset `tiny`; the first departs in nothing. */
interface Switch {
  readonly name: string;
  readonly change: Partial<DepthConfig>;
}

const SWITCHES: readonly Switch[] = [
  { name: "tiny", change: {} },
  { name: "mean of both sources' errors", change: { reprojection: "mean" } },
  { name: "no auto-masking", change: { autoMask: false } },
  { name: "losses at full size", change: { lossSize: "full" } },
  { name: "losses at coarser sizes too", change: { lossSize: "pyramid" } },
  { name: "one scale", change: { scales: 1 } },
  { name: "no smoothness", change: { smoothness: 0 } },
  { name: "smoothness gives way to edges as Monodepth2's", change: { edgeSharpness: 1 } },
  { name: "no SSIM", change: { ssimWeight: 0 } },
  { name: "motions by the pose network alone", change: { alignment: [] } },
  { name: "one encoder for depth and pose", change: { poseEncoder: "shared" } },
  { name: "focal lengths learnt", change: { learnFocal: true } },
  { name: "begins at rest", change: { initialForward: 0 } },
  {
    name: "begins with one depth",
    change: { initialDisparity: { far: 0.5, near: 0.5, horizon: 0.4 } },
  },
  { name: "no mean disparity", change: { meanDisparity: 0 } },
  { name: "no image skip", change: { imageSkip: false } },
  { name: "no normalisation in the decoder", change: { decoderNorm: false } },
  {
    name: "no augmentation",
    change: { augmentation: { flip: 0, jitter: 0, jitterStrength: 0.2, jitterHue: 0.1 } },
  },
  { name: "frames between two others alone", change: { targets: "between" } },
];

/** What the tables show of a run; depth metrics by median scaling, errors of views in 0..1. */
const METRICS = ["absRel", "a1", "photometric", "poseRotation", "trainAbsRel"] as const;
type Metric = typeof METRICS[number];

interface Run extends Readonly<Record<Metric, number>> {
  readonly name: string;
  readonly setting: string;
  readonly seed: number;
  readonly steps: number;
  readonly seconds: number;
}

interface Options extends Pace {
  readonly out: string;
  readonly seeds: number;
  readonly steps?: string;
}

function options(): Options {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      out: { type: "string", default: "runs/depth_switches" },
      seeds: { type: "string", default: "2" },
      ...PACE_OPTIONS,
      steps: { type: "string" },
    },
  });
  const { out, steps } = values;
  return { ...paceOf(values), out, seeds: Number(values.seeds), steps };
}

/** Runs a command of the CLI; answers the object that it prints. */
async function command(args: readonly string[], threads: number): Promise<Record<string, number>> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", fromFileUrl(new URL("../cli.ts", import.meta.url)), ...args],
    env: { CPCDR_THREADS: String(threads) },
    stderr: "inherit",
  }).output();
  if (code !== 0) {
    throw new DeviceError(`Cannot go on: ${args[0]} ended with ${code}; its own message is above`);
  }
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
}

/** Trains and scores one setting with one seed, unless that is done. */
async function perform({ name: setting, change }: Switch, seed: number, options: Options) {
  const { out, threads, steps } = options;
  const name = `${setting.replaceAll(/[^a-z0-9]+/gi, "-")}-seed${seed}`;
  const folder = join(out, name), path = join(out, "results", `${name}.json`);
  if (await isFile(path)) return JSON.parse(await Deno.readTextFile(path)) as Run;
  if (performance.now() > options.until) return undefined;
  const settings = join(out, `${name}.json`);
  await writeAtomically(settings, JSON.stringify({ settings: { depth: change } }));
  const common = ["--seed", String(seed), "--device", "cpu", "--json", "--quiet"];
  const training = ["depth", "--preset", "tiny", "--config", settings, "--out", folder, ...common];
  if (steps) training.push("--steps", steps);
  if (await isFile(join(folder, "config.json"))) training.push("--resume");
  const trained = await command(training, threads);
  const scoring = ["--protocol", "depth", "--data", "scenes", "--split", "validation"];
  const scored = await command(["evaluate", "--run", folder, ...scoring, ...common], threads);
  const run: Run = {
    name,
    setting,
    seed,
    steps: trained.steps,
    seconds: trained.seconds,
    absRel: scored.absRel,
    a1: scored.a1,
    photometric: scored.photometric,
    poseRotation: scored.poseRotation,
    trainAbsRel: trained.absRel,
  };
  await writeAtomically(path, JSON.stringify(run, null, 1) + "\n");
  console.error(`${name}: abs_rel ${run.absRel.toFixed(3)}, ${run.seconds.toFixed(0)} s`);
  return run;
}

/** A setting's means over seeds, and by how much they are above those of the first setting, paired by seed. */
interface Row {
  readonly setting: string;
  readonly scores: Readonly<Record<Metric, Estimate>>;
  readonly change: Readonly<Record<Metric, Estimate>>;
}

function rowsOf(runs: readonly Run[]): Row[] {
  const valuesOf = (setting: string, metric: Metric) =>
    new Map(runs.filter((run) => run.setting === setting).map((run) => [run.seed, run[metric]]));
  const eachMetric = (make: (metric: Metric) => Estimate) =>
    Object.fromEntries(METRICS.map((metric) => [metric, make(metric)])) as Row["scores"];
  return SWITCHES.map(({ name }) => name)
    .filter((name) => runs.some(({ setting }) => setting === name))
    .map((setting) => ({
      setting,
      scores: eachMetric((metric) => estimate([...valuesOf(setting, metric).values()])),
      change: eachMetric((metric) =>
        pairedDifference(valuesOf(setting, metric), valuesOf(SWITCHES[0].name, metric))
      ),
    }));
}

function markdown(rows: readonly Row[], runs: readonly Run[]): string {
  const cells = (scores: Row["scores"], signed = false) =>
    METRICS.map((metric) => points(scores[metric], { signed, scale: 1, digits: 3 }));
  return [
    "Validation streets, mean over seeds and 95% interval:",
    table(["setting", ...METRICS], rows.map(({ setting, scores }) => [setting, ...cells(scores)])),
    `Above \`${SWITCHES[0].name}\`, paired by seed:`,
    table(
      ["setting", ...METRICS],
      rows.slice(1).map(({ setting, change }) => [setting, ...cells(change, true)]),
    ),
    "Every run:",
    table(
      ["run", ...METRICS, "seconds"],
      runs.map((run) => [
        run.name,
        ...METRICS.map((metric) => run[metric].toFixed(4)),
        run.seconds.toFixed(0),
      ]),
    ),
  ].join("\n\n") + "\n";
}

async function main(): Promise<void> {
  const asked = options();
  const wanted = Array.from({ length: asked.seeds }, (_, seed) => seed)
    .flatMap((seed) => SWITCHES.map((setting) => ({ setting, seed })));
  const performing = pooledMap(
    asked.jobs,
    wanted,
    ({ setting, seed }: typeof wanted[number]) => perform(setting, seed, asked),
  );
  const runs: Run[] = [];
  for await (const run of performing) {
    if (run) runs.push(run);
  }
  const rows = rowsOf(runs), text = markdown(rows, runs);
  await writeAtomically(join(asked.out, "switches.md"), text);
  console.log(text);
  console.log(JSON.stringify({ complete: runs.length === wanted.length, rows, runs }));
}

if (import.meta.main) await runBench(main);
