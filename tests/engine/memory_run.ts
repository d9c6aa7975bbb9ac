/**
 * Trains a small model and prints what its memory is every few steps, as a JSON list of samples. It runs in
 * a process of its own with `--v8-flags=--expose-gc`: resident memory is the process's, and between collections
 * it holds up to hundreds of megabytes of V8's garbage.
 */
import * as tf from "@tensorflow/tfjs-core";
import { useDevice } from "../../lib/engine/device.ts";
import { openLibrary } from "../../lib/engine/native/library.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import { smallPretrainConfig } from "../pretrain/small_config.ts";
import { syntheticBatch } from "../pretrain/synthetic_batch.ts";

/** Memory after a step, once garbage is collected; bytes but for `tensors`. */
export interface MemorySample {
  readonly step: number;
  readonly tensors: number;
  /** Of all tensors. */
  readonly tensorBytes: number;
  /** Of the engine's buffers, lent or idle. */
  readonly pool: number;
  /** Of the native library's scratch memory. */
  readonly workspace: number;
  /** Of live JavaScript objects. */
  readonly heap: number;
  /** Of the whole process. */
  readonly resident: number;
}

const { gc } = globalThis as unknown as { gc: () => void };

async function samples(steps: number, every: number): Promise<MemorySample[]> {
  await useDevice("cpu");
  const { library } = openLibrary();
  const pretrainer = new Pretrainer({ ...smallPretrainConfig, steps }, 1);
  // Few samples a batch and many batches: sizes differ from step to step, as in a real run.
  const batches = Array.from({ length: 8 }, (_, seed) => syntheticBatch(seed, 32, 64));
  const taken: MemorySample[] = [];
  for (let step = 1; step <= steps; step++) {
    await pretrainer.step(batches[step % batches.length], step - 1);
    if (step % every > 0) continue;
    gc();
    const memory = tf.memory() as tf.MemoryInfo & Record<string, number>;
    const { heapUsed, rss } = Deno.memoryUsage();
    taken.push({
      step,
      tensors: memory.numTensors,
      tensorBytes: memory.numBytes,
      pool: memory.poolIdleBytes + memory.poolLentBytes,
      workspace: Number(library!.symbols.cpcdr_workspace_bytes()),
      heap: heapUsed,
      resident: rss,
    });
  }
  pretrainer.dispose();
  return taken;
}

if (import.meta.main) {
  console.log(JSON.stringify(await samples(Number(Deno.args[0]), Number(Deno.args[1]))));
}
