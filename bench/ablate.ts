/**
 * The ablation of docs/results.md, "Protocol of the ablation": `deno run -A bench/ablate.ts --out DIR`.
 *
 * Runs what is missing, each in a process of its own, and prints the tables; what is finished under
 * `--out` is kept, what was killed goes on from its checkpoint. Learning rates are chosen on validation
 * streets first; no test street is scored before that.
 *
 *     --jobs N      processes at a time (default 2)
 *     --threads N   threads of each (default: cores / jobs)
 *     --minutes M   starts nothing new after so many (default: no limit)
 *     --only REGEX  only jobs whose name matches, and the depth networks that they need
 *     --list        print the jobs that are missing, and stop
 *     --preset small    none, boxes and components at 192 x 384; its depth networks take an hour each
 *     --camvid DIR  on CamVid (`train/`, `val/`) in place of the embedded streets, main arms alone
 *     --kitti DIR   with it: the clip that depth is learnt from, beside the streets
 *     --steps N     another number of steps, for a trial; use an --out of its own
 *     --depth-steps N   likewise of the depth networks
 *     --rate F      this factor of the preset's learning rate for every arm; none is chosen
 *
 * Last line of stdout: one JSON object with rows, comparisons and outcomes.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { fromFileUrl, join } from "@std/path";
import { isFile } from "../lib/data/listing.ts";
import { ConfigError } from "../lib/errors.ts";
import { writeAtomically } from "../lib/run/storage/atomic.ts";
import type { Arm } from "./ablation/arms.ts";
import { depthData, type Material, planOf } from "./ablation/data.ts";
import { depthName, type Job, testJobs, validationJobs } from "./ablation/jobs.ts";
import { type Pace, PACE_OPTIONS, paceOf } from "./ablation/pace.ts";
import { ablationPlot } from "./ablation/plot.ts";
import {
  keepFailure,
  type Outcome,
  outcomePath,
  readFailures,
  readOutcomes,
} from "./ablation/store.ts";
import { armRows, chosenRate, comparisons, markdown } from "./ablation/tables.ts";
import { runBench } from "./peers/support.ts";

interface Options extends Pace {
  readonly out: string;
  readonly only: RegExp;
  readonly list: boolean;
  readonly material: Material;
  readonly steps?: string;
  readonly depthSteps?: string;
  readonly rate?: number;
}

function options(): Options {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      out: { type: "string", default: "runs/ablation" },
      ...PACE_OPTIONS,
      only: { type: "string", default: "" },
      list: { type: "boolean", default: false },
      preset: { type: "string", default: "tiny" },
      camvid: { type: "string" },
      kitti: { type: "string" },
      steps: { type: "string" },
      "depth-steps": { type: "string" },
      rate: { type: "string" },
    },
  });
  if ((values.camvid === undefined) !== (values.kitti === undefined)) {
    throw new ConfigError(
      "Cannot run the ablation: expected --camvid and --kitti together, got one; CamVid's depth is learnt from the clip",
    );
  }
  const { preset } = values;
  const rate = values.rate === undefined ? undefined : Number(values.rate);
  if (rate !== undefined && !(rate > 0)) {
    throw new ConfigError(
      `Cannot run the ablation: expected --rate above 0, got ${values.rate}`,
    );
  }
  if (preset !== "tiny" && preset !== "small") {
    throw new ConfigError(
      `Cannot run the ablation: expected --preset tiny or small, got ${preset}`,
    );
  }
  return {
    ...paceOf(values),
    out: values.out,
    only: new RegExp(values.only),
    list: values.list,
    material: { preset, camvid: values.camvid, kitti: values.kitti },
    steps: values.steps,
    depthSteps: values["depth-steps"],
    rate,
  };
}

/** Where a job's answer lies once it is finished. */
function resultOf(out: string, job: Job): string {
  return job.kind === "depth" ? join(out, job.name, "result.json") : outcomePath(out, job.name);
}

/** The jobs that are not finished, less those that are not asked for. */
async function missing(jobs: readonly Job[], { out, only }: Options): Promise<Job[]> {
  const wanted: Job[] = [];
  for (const job of jobs) {
    if (await isFile(resultOf(out, job))) continue;
    if (job.kind === "depth" || only.test(job.name)) wanted.push(job);
  }
  const everything = only.test("");
  const needed = new Set(
    wanted.flatMap((job) => job.kind === "run" ? [depthName(job.depthSeed)] : []),
  );
  return wanted.filter((job) => job.kind !== "depth" || everything || needed.has(job.name));
}

/** The command line of a job. */
async function commandOf(
  job: Job,
  { out, material, steps, depthSteps }: Options,
): Promise<string[]> {
  if (job.kind !== "depth") {
    const worker = fromFileUrl(new URL("./ablation/worker.ts", import.meta.url));
    const told = [JSON.stringify(job), JSON.stringify(material), ...(steps ? [steps] : [])];
    return ["run", "-A", worker, out, ...told];
  }
  const folder = join(out, job.name);
  const begun = await isFile(join(folder, "config.json"));
  return [
    "run",
    "-A",
    fromFileUrl(new URL("../cli.ts", import.meta.url)),
    "depth",
    ...depthData(material).flatMap((path) => ["--data", path]),
    "--preset",
    material.preset,
    "--seed",
    String(job.seed),
    "--device",
    "cpu",
    "--out",
    folder,
    ...(depthSteps ? ["--steps", depthSteps] : []),
    ...(begun ? ["--resume"] : []),
    "--json",
    "--quiet",
  ];
}

/** Runs one job; answers whether it finished. */
async function perform(job: Job, options: Options): Promise<boolean> {
  const started = performance.now();
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: await commandOf(job, options),
    env: { CPCDR_THREADS: String(options.threads) },
    stdout: "null",
    stderr: "inherit",
  }).output();
  const seconds = Math.round((performance.now() - started) / 1000);
  const end = code === 0 ? "finished" : `ended with ${code}`;
  console.error(`${job.name}: ${end} after ${seconds} s`);
  if (code !== 0) await keepFailure(options.out, { name: job.name, code, seconds });
  return code === 0;
}

/**
 * Runs jobs in order, so many at a time; a run waits for the depth network of its seed. Answers whether
 * all finished.
 */
async function performAll(jobs: readonly Job[], options: Options): Promise<boolean> {
  const waiting = [...jobs];
  const depthAtWork = new Map<string, Promise<boolean>>();
  let complete = true;
  const work = async () => {
    while (waiting.length > 0 && performance.now() < options.until) {
      // What can start at once comes first; another depth network is better than waiting for one.
      const at = waiting.findIndex((job) =>
        job.kind !== "run" || !depthAtWork.has(depthName(job.depthSeed))
      );
      const [job] = waiting.splice(Math.max(0, at), 1);
      const depth = job.kind === "run" ? depthAtWork.get(depthName(job.depthSeed)) : undefined;
      if (depth && !await depth) {
        complete = false;
        continue;
      }
      const done = perform(job, options);
      if (job.kind === "depth") {
        depthAtWork.set(job.name, done);
        if (await done) depthAtWork.delete(job.name);
      }
      complete = await done && complete;
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return complete && waiting.length === 0;
}

async function outcomesOf(out: string): Promise<Outcome[]> {
  const byName = await readOutcomes(out);
  return [...byName].sort(([a], [b]) => a < b ? -1 : 1).flatMap(([, outcomes]) => outcomes);
}

async function main(): Promise<void> {
  const asked = options();
  const { out } = asked;
  const plan = planOf(asked.material);
  const validation = asked.rate ? [] : await missing(validationJobs(plan), asked);
  const tests = async () => {
    const chosen = await outcomesOf(out);
    const rateOf = (arm: Arm) => asked.rate ?? chosenRate(chosen, arm);
    return await missing(testJobs(plan, rateOf), asked);
  };
  if (asked.list) {
    for (const { name } of [...validation, ...await tests()]) console.log(name);
    Deno.exit(0);
  }
  let complete = await performAll(validation, asked);
  if (complete) {
    complete = await performAll(
      (await tests()).filter((job) => job.kind !== "run" || job.rate !== undefined),
      asked,
    );
  }
  const outcomes = await outcomesOf(out);
  const failures = await readFailures(out);
  const text = markdown(outcomes, failures);
  const answer = {
    complete,
    rows: armRows(outcomes),
    comparisons: comparisons(outcomes),
    outcomes,
    failures,
  };
  await writeAtomically(join(out, "ablation.md"), text);
  await writeAtomically(join(out, "ablation.json"), JSON.stringify(answer, null, 1) + "\n");
  if (outcomes.some(({ split }) => split === "test")) {
    await writeAtomically(join(out, "ablation.svg"), ablationPlot(outcomes));
  }
  console.log(text);
  console.log(JSON.stringify(answer));
  if (!complete) Deno.exit(1);
}

if (import.meta.main) await runBench(main);
