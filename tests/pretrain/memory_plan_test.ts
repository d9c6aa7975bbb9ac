import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import type { BufferPool } from "../../lib/engine/native/pool.ts";
import { ParameterStore } from "../../lib/nn/parameters.ts";
import type { PretrainConfig } from "../../lib/pretrain/config.ts";
import { countParameters, encoder } from "../../lib/pretrain/encoder.ts";
import { memoryAdvice, memoryLine, memoryPlan } from "../../lib/pretrain/memory_plan.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import { randomStream } from "../../lib/random.ts";
import { PRESETS } from "../../lib/run/presets.ts";
import { smallPretrainConfig } from "./small_config.ts";
import { syntheticBatch } from "./synthetic_batch.ts";

const { engine } = await useDevice("cpu");

const NETWORKS: readonly Partial<PretrainConfig>[] = [
  { width: 8, projectorChannels: 8 },
  { width: 8, projectorChannels: 8, enlarge: 2 },
  { depth: 34, width: 6, projectorChannels: 0, topDownChannels: 24 },
  { depth: 50, width: 6, projectorChannels: 0, topDownChannels: 24, accumulate: 3 },
];

Deno.test("countParameters() is what encoder() and the prototypes have", () => {
  for (const change of NETWORKS) {
    const config = { ...smallPretrainConfig, ...change };
    const store = new ParameterStore(randomStream(1));
    encoder(store.root, config);
    const own = store.trainable().reduce((sum, { size }) => sum + size, 0);
    assertEquals(countParameters(config), own + config.prototypes * config.embeddingSize);
    store.dispose();
  }
  // ResNet-50, the pyramid, the projector and the prototypes.
  const paper = 23_508_032 + 4_968_192 + 128 * 129 + 1000 * 128;
  assertEquals(countParameters(PRESETS.paper.pretrain), paper);
});

/** The most that is lent by the engine's pool while `work` runs, beyond what was before. */
async function peakLent(pool: BufferPool, work: () => Promise<unknown>): Promise<number> {
  const before = pool.lentBytes;
  let most = before;
  const lend = pool.lend;
  pool.lend = function (length) {
    const values = lend.call(this, length);
    most = Math.max(most, this.lentBytes);
    return values;
  };
  try {
    await work();
  } finally {
    pool.lend = lend;
  }
  return most - before;
}

Deno.test({
  name: "memoryPlan() is within a fifth of what tensors take at the peak of a step" +
    (engine === "native" ? "" : " (ignored: the native library is not here)"),
  ignore: engine !== "native",
  async fn() {
    const { pool } = tf.backend() as unknown as { pool: BufferPool };
    for (const change of NETWORKS) {
      const config = { ...smallPretrainConfig, ...change };
      const batch = syntheticBatch(1, 160, 320);
      const peak = await peakLent(pool, async () => {
        const pretrainer = new Pretrainer(config, 1);
        await pretrainer.step(batch, 0);
        pretrainer.dispose();
      });
      const plan = memoryPlan(config, batch, countParameters(config));
      // The matrix of similarities and the batches lie outside of the pool.
      const ratio = (plan.activations + plan.weights) / peak;
      assert(ratio > 0.8 && ratio < 1.2, `${JSON.stringify(change)}: ${ratio} of what was lent`);
    }
  },
});

Deno.test("memoryPlan() of preset paper says what to do where it does not fit", () => {
  const { height, width, mix, pretrain } = PRESETS.paper;
  const batch = { count: 2 * mix.sources, height, width };
  const parameters = countParameters(pretrain);
  const whole = memoryPlan(pretrain, batch, parameters);
  const halves = memoryPlan({ ...pretrain, accumulate: 2 }, batch, parameters);
  assertEquals(halves.activations, whole.activations / 2);
  assert(halves.weights > whole.weights && halves.total < 0.6 * whole.total);
  assertStringIncludes(memoryLine(whole, pretrain, batch), "16 images of 384 x 768)");
  assertEquals(memoryAdvice(pretrain, batch, parameters, whole.total), undefined);
  const advice = (bytes: number) => memoryAdvice(pretrain, batch, parameters, bytes)!;
  assertStringIncludes(advice(whole.total - 1), "--accumulate 2");
  assertStringIncludes(advice(halves.total - 1), "--accumulate 4");
  assertStringIncludes(advice(1e6), "smaller --preset");
});
