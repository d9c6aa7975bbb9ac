/**
 * One job of the ablation in a process of its own: `deno run -A bench/ablation/worker.ts OUT JOB MATERIAL [STEPS]`,
 * where JOB is JSON of jobs.ts and MATERIAL of data.ts. It uses the stages that `pretrain` uses; its outcome is a file of
 * OUT/outcomes, its checkpoints let a killed one go on.
 *
 * @module
 */
import { join } from "@std/path";
import { useDevice } from "../../lib/engine/device.ts";
import { colourPositionBaseline } from "../../lib/evaluate/colour_baseline.ts";
import { kmeansProtocol } from "../../lib/evaluate/kmeans_protocol.ts";
import { linearProbe } from "../../lib/evaluate/linear_probe.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import type { DepthMap, Frame, SegmentationScore } from "../../lib/records.ts";
import { defaultRegionConfig } from "../../lib/regions/config.ts";
import { addPurity, emptyPurity, regionPurity } from "../../lib/regions/quality.ts";
import { writeAtomically } from "../../lib/run/storage/atomic.ts";
import { depthOfRun, predictDepth } from "../../lib/run/depth_stage.ts";
import { evaluateClusters, tellingFrames } from "../../lib/run/evaluate_stage.ts";
import { type LoadedDataset, SCENES } from "../../lib/run/inputs.ts";
import { Interrupt } from "../../lib/run/interrupt.ts";
import { MetricsLog } from "../../lib/run/storage/metrics_log.ts";
import { mixSources } from "../../lib/run/mix_sources.ts";
import { trainFeatures } from "../../lib/run/pretrain_stage.ts";
import { type Preset, PRESETS } from "../../lib/run/presets.ts";
import { Progress } from "../../lib/run/progress.ts";
import { prepareRun, type RunConfig } from "../../lib/run/storage/run_folder.ts";
import type { Session } from "../../lib/run/session.ts";
import { type Arm, PROTOCOL } from "./arms.ts";
import { loadSplit, type Material } from "./data.ts";
import { depthName, type Job, type Split } from "./jobs.ts";
import { kept, type Outcome, outcomePath } from "./store.ts";

const LOSS_WEIGHTS = {
  pixel: { pixelWeight: 1, regionWeight: 0 },
  region: { pixelWeight: 0, regionWeight: 1 },
  both: {},
} as const;

/** The preset as an arm changes it. */
export function settingsOf(preset: Preset, arm: Arm, rate: number, steps: number): Preset {
  const { optimizer } = preset.pretrain;
  return {
    ...preset,
    // Each kind of depth has the settings of regions that were chosen for it on validation streets.
    regions: arm.depth === "true" ? defaultRegionConfig : preset.regions,
    mix: {
      ...preset.mix,
      paste: arm.paste,
      depthTest: arm.depthTest,
      groundDistance: arm.groundDistance,
    },
    pretrain: {
      ...preset.pretrain,
      ...LOSS_WEIGHTS[arm.loss],
      ...arm.pretrain,
      steps,
      optimizer: { ...optimizer, learningRate: optimizer.learningRate * rate },
    },
  };
}

/** Frames of a split, drawn or read once for all runs of an ablation. */
async function framesOf(
  out: string,
  material: Material,
  split: "train" | Split,
  session: Session,
): Promise<LoadedDataset> {
  return await kept<LoadedDataset>(join(out, "shared", `frames-${split}`), async () => {
    const { dataset, frames } = await loadSplit(material, split, session.progress);
    const { name, classes, ignore } = dataset;
    return { dataset: { name, classes, ignore }, frames };
  });
}

/** What the depth network of a seed gives to all arms of that seed. */
async function depthOf(out: string, seed: number, frames: readonly Frame[], session: Session) {
  return await kept<{ maps: DepthMap[]; encoder: StateDict }>(
    join(out, "shared", `depth-seed${seed}`),
    async () => {
      const trainer = await depthOfRun(join(out, depthName(seed)), session.warn);
      try {
        const { maps } = await predictDepth(session, trainer, frames);
        return { maps, encoder: await trainer.encoder() };
      } finally {
        trainer.dispose();
      }
    },
  );
}

/** Disparity of true depth. */
function trueMaps(frames: readonly Frame[]): DepthMap[] {
  return frames.map(({ height, width, depth }) => ({
    height,
    width,
    disparity: depth!.map((metres) => 1 / metres),
  }));
}

interface Context {
  readonly out: string;
  readonly preset: Material["preset"];
  readonly session: Session;
  readonly train: LoadedDataset;
  readonly scored: LoadedDataset;
  readonly started: number;
  readonly device: string;
}

async function runArm(
  context: Context,
  { arm, seed, depthSeed, split, rate, name }: Extract<Job, { kind: "run" }>,
  steps: number,
): Promise<Outcome[] | undefined> {
  const { out, preset, session, train: { frames, dataset }, scored } = context;
  if (rate === undefined) throw new RangeError(`Cannot run ${name}: expected a rate, got none`);
  const settings = settingsOf(PRESETS[preset], arm, rate, steps);
  const config: RunConfig = {
    command: "pretrain",
    preset,
    seed,
    data: [SCENES],
    depthRun: join(out, depthName(depthSeed)),
    settings,
  };
  const begun = await Deno.stat(join(session.folder, "config.json")).then(() => true, () => false);
  await prepareRun(session.folder, config, begun);
  const { maps: predicted, encoder } = await depthOf(out, depthSeed, frames, session);
  const maps = arm.depth === "true" ? trueMaps(frames) : predicted;
  const sources = mixSources(
    frames,
    maps,
    settings.regions,
    settings.mix,
    session.progress.of("regions"),
  );
  const counts = emptyPurity(dataset.classes.length);
  sources.forEach(({ regions }, i) =>
    addPurity(counts, regions, frames[i].labels!, dataset.ignore)
  );
  const { pretrainer, completed } = await trainFeatures(session, config, sources, encoder);
  if (completed < steps) return undefined;
  const scores = await scoresOf(context, pretrainer, seed);
  pretrainer.dispose();
  const loss = Number((await session.log.read()).findLast((l) => l.stage === "pretrain")?.loss);
  return [{
    ...common(context, { name, kind: "run", arm: arm.name, split, seed, steps }),
    rate,
    loss,
    regionPurity: regionPurity(counts).overall,
    ...scores,
    perClass: perClass(scores.score, scored),
    score: undefined,
  } as Outcome];
}

async function runBaselines(
  context: Context,
  { name, seed, split }: Extract<Job, { kind: "baselines" }>,
): Promise<Outcome[]> {
  const { preset, train, scored: { dataset, frames } } = context;
  const untrained = new Pretrainer(PRESETS[preset].pretrain, seed);
  const scores = await scoresOf(context, untrained, seed);
  untrained.dispose();
  const colour = colourPositionBaseline(
    train.frames,
    frames,
    dataset.classes.length,
    dataset.ignore,
    seed,
  );
  const row = (arm: string) =>
    common(context, { name, kind: "baselines", arm, split, seed, steps: 0 });
  return [
    { ...row("untrained"), ...scores, score: undefined } as Outcome,
    { ...row("k-means on colour and position"), miou: colour.miou, accuracy: colour.accuracy },
  ];
}

/** The same three protocols for every network. */
async function scoresOf({ session, train, scored }: Context, pretrainer: Pretrainer, seed: number) {
  const { score } = await evaluateClusters(
    pretrainer,
    tellingFrames(train.frames),
    scored,
    session.progress,
  );
  const input = {
    embedder: pretrainer,
    trainFrames: train.frames,
    frames: scored.frames,
    classes: scored.dataset.classes.length,
    ignore: scored.dataset.ignore,
    seed,
  };
  return {
    score,
    miou: score.miou,
    accuracy: score.accuracy,
    kmeans: (await kmeansProtocol(input)).miou,
    linear: (await linearProbe(input)).miou,
  };
}

function perClass(score: SegmentationScore, { dataset: { classes } }: LoadedDataset) {
  return Object.fromEntries(classes.map((name, id) => [name, score.perClass[id]]));
}

function common(
  { started, device }: Context,
  fields: Pick<Outcome, "name" | "kind" | "arm" | "split" | "seed" | "steps">,
) {
  return {
    ...fields,
    seconds: (performance.now() - started) / 1000,
    threads: Deno.env.get("CPCDR_THREADS") ?? "all",
    device,
    finished: new Date().toISOString(),
  };
}

if (import.meta.main) {
  const started = performance.now();
  const [out, text, materialText, stepsText] = Deno.args;
  const job: Exclude<Job, { kind: "depth" }> = JSON.parse(text);
  const folder = join(out, job.name);
  await Deno.mkdir(folder, { recursive: true });
  const progress = new Progress({ quiet: true });
  using interrupt = new Interrupt(() => {});
  const session: Session = {
    folder,
    log: new MetricsLog(folder),
    progress,
    interrupt,
    warn: (line) => console.error(`${job.name}: ${line}`),
  };
  const device = await useDevice("cpu", { warn: session.warn });
  const material: Material = JSON.parse(materialText);
  const { preset } = material;
  const train = await framesOf(out, material, "train", session);
  const scored = await framesOf(out, material, job.split, session);
  const context: Context = { out, preset, session, train, scored, started, device: device.detail };
  const outcomes = job.kind === "run"
    ? await runArm(context, job, Number(stepsText ?? PROTOCOL.steps))
    : await runBaselines(context, job);
  if (!outcomes) Deno.exit(130);
  await writeAtomically(outcomePath(out, job.name), JSON.stringify(outcomes, null, 1) + "\n");
}
