/**
 * The contrastive stage of a run.
 *
 * @module
 */

import { mixedBatch } from "../mix/batches.ts";
import { MixLoader } from "../mix/loader.ts";
import type { MixSource } from "../mix/paste.ts";
import { CollapseAlarm } from "../pretrain/metrics.ts";
import { Pretrainer } from "../pretrain/pretrainer.ts";
import type { StateDict } from "../nn/parameters.ts";
import { readBackbone } from "./storage/backbone_file.ts";
import { loadCheckpoint, saveCheckpoint } from "./storage/checkpoint.ts";
import { pretrainMetadata } from "./features.ts";
import type { RunConfig } from "./storage/run_folder.ts";
import { writeStoppedReport } from "./run_report.ts";
import { type Session, trainStage } from "./session.ts";

/**
 * Trains the features of a run, from its newest checkpoint where it has one.
 *
 * @param depthEncoder where the backbone begins if the settings say so and there is one.
 */
export async function trainFeatures(
  session: Session,
  config: RunConfig,
  sources: readonly MixSource[],
  depthEncoder: StateDict | undefined,
): Promise<{ pretrainer: Pretrainer; completed: number }> {
  const { seed, settings } = config;
  const pretrainer = new Pretrainer(settings.pretrain, seed);
  const metadata = pretrainMetadata(config);
  const start = await loadCheckpoint(session.folder, metadata, session.warn);
  if (start) pretrainer.import(start.state);
  else if (config.backboneWeights) {
    await pretrainer.importBackbone(await readBackbone(config.backboneWeights));
  } else if (settings.pretrain.backbone === "depth" && depthEncoder) {
    await pretrainer.importBackbone(depthEncoder);
  }
  const { steps } = settings.pretrain;
  const batchOf = (step: number) => mixedBatch(sources, settings.mix, seed, step);
  const alarm = new CollapseAlarm(settings.pretrain);
  using loader = new MixLoader(sources, settings.mix, seed);
  const completed = await trainStage(session, {
    stage: "pretrain",
    steps,
    completed: start?.step ?? 0,
    saveEvery: settings.saveEvery,
    batches: (step) => loader.batch(step, steps),
    step: async (batch, step) => {
      await pretrainer.recluster(step, batchOf);
      const metrics = await pretrainer.step(batch, step);
      const danger = alarm.after(metrics);
      if (danger) session.warn(danger);
      if (step + 1 === steps) await pretrainer.recluster(steps, batchOf);
      loader.giveBack(batch);
      return metrics;
    },
    save: async (step) =>
      await saveCheckpoint(session.folder, { step, state: await pretrainer.export() }, metadata),
  });
  if (completed < steps) {
    await writeStoppedReport(session, config, {
      stage: "pretrain",
      completed,
      sources,
      pretrainer,
    });
  }
  return { pretrainer, completed };
}
