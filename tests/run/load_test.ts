import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { DepthTrainer } from "../../lib/depth/trainer.ts";
import { useDevice } from "../../lib/engine/device.ts";
import { CheckpointError } from "../../lib/errors.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import { randomStream } from "../../lib/random.ts";
import type { Frame } from "../../lib/records.ts";
import { saveCheckpoint } from "../../lib/run/storage/checkpoint.ts";
import { depthMetadata } from "../../lib/run/depth_stage.ts";
import { pretrainMetadata } from "../../lib/run/features.ts";
import { loadDepth, loadFeatures } from "../../lib/run/load.ts";
import { PRESETS } from "../../lib/run/presets.ts";
import { prepareRun, type RunConfig } from "../../lib/run/storage/run_folder.ts";
import { inTemporary, noise } from "../data/files.ts";

await useDevice("cpu");
const random = randomStream(Date.now(), "load");
const [height, width] = [64, 128];
const frames: Frame[] = [0, 1].map((i) => ({
  name: `${i}`,
  sequence: "",
  height,
  width,
  rgb: noise(random, 3 * height * width),
}));
const settings = PRESETS.tiny;
const config = (depthRun?: string): RunConfig => ({
  command: "pretrain",
  preset: "tiny",
  seed: 3,
  data: ["scenes"],
  ...(depthRun ? { depthRun } : {}),
  settings,
});

Deno.test("loadDepth() and loadFeatures() give back the networks that a run saved", () =>
  inTemporary(async (folder) => {
    const depth = new DepthTrainer(settings.depth, 3),
      features = new Pretrainer(settings.pretrain, 3);
    const run = join(folder, "run"), other = join(folder, "other");
    (await prepareRun(run, config(), false))[Symbol.dispose]();
    (await prepareRun(other, config(run), false))[Symbol.dispose]();
    await assertRejects(() => loadFeatures(run), CheckpointError, "run pretrain first");
    await assertRejects(() => loadDepth(run), CheckpointError, "train depth there first");
    const states = { depth: await depth.export(), features: await features.export() };
    await saveCheckpoint(
      join(run, "depth"),
      { step: 1, state: states.depth },
      depthMetadata(config()),
    );
    await saveCheckpoint(run, { step: 1, state: states.features }, pretrainMetadata(config()));
    for (const from of [run, other]) {
      const loaded = await loadDepth(from);
      assertEquals(await loaded.predict(frames), await depth.predict(frames), from);
      loaded.dispose();
    }
    const loaded = await loadFeatures(run);
    assertEquals(await loaded.embed(frames), await features.embed(frames));
    for (const network of [loaded, depth, features]) network.dispose();
  }));
