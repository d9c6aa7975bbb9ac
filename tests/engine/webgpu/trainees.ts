/**
 * Small networks of both stages, for tests that train them on two engines.
 *
 * @module
 */
import { tinyDepthConfig } from "../../../lib/depth/config.ts";
import { DepthTrainer } from "../../../lib/depth/trainer.ts";
import type { StateDict } from "../../../lib/nn/parameters.ts";
import { Pretrainer } from "../../../lib/pretrain/pretrainer.ts";
import { randomStream } from "../../../lib/random.ts";
import { smallPretrainConfig } from "../../pretrain/small_config.ts";
import { syntheticBatch } from "../../pretrain/synthetic_batch.ts";

/** A network and its own batches, on the engine that is current when it is made. */
export interface Trainee {
  /** The loss of a step. */
  step(step: number): Promise<number>;
  export(): Promise<StateDict>;
  import(state: StateDict): void;
  dispose(): void;
}

/** A pretraining network on three mixed batches in turn. */
export function pretraining(seed: number): Trainee {
  const pretrainer = new Pretrainer(smallPretrainConfig, seed);
  const batches = [0, 1, 2].map((n) => syntheticBatch(n, 32, 64));
  return {
    step: async (step) => (await pretrainer.step(batches[step % 3], step)).loss,
    export: () => pretrainer.export(),
    import: (state) => pretrainer.import(state),
    dispose: () => pretrainer.dispose(),
  };
}

/** Both depth networks with alignment, on two pairs of smooth frames that a camera's motion relates. */
export function depthTraining(seed: number): Trainee {
  const config = { ...tinyDepthConfig, width: 4, poseWidth: 4, decoderWidth: 4, batchSize: 2 };
  const trainer = new DepthTrainer(config, seed);
  const random = randomStream(seed, "frames");
  const [height, width] = [64, 64];
  const waves = Array.from(
    { length: 24 },
    () => [random.uniform(-0.4, 0.4), random.uniform(-0.4, 0.4), random.uniform(0, 6)],
  );
  const frames = (shift: number) =>
    Float32Array.from({ length: 2 * height * width * 3 }, (_, i) => {
      const item = Math.floor(i / (3 * width * height));
      const x = Math.floor(i / 3) % width + shift, y = Math.floor(i / (3 * width)) % height;
      const own = waves.slice(12 * item, 12 * item + 12);
      return 0.5 +
        own.reduce((sum, [a, b, c]) => sum + 0.04 * Math.sin(a * x + b * y + c + i % 3), 0);
    });
  const camera = { fx: 0.8, fy: 1.6, cx: 0.5, cy: 0.5 };
  const batch = {
    count: 2,
    height,
    width,
    target: frames(0),
    sources: [frames(-1.5), frames(1.5)] as const,
    offsets: [[-1, -1], [1, 1]] as const,
    intrinsics: [camera, camera],
  };
  return {
    step: async (step) => (await trainer.step(batch, step)).loss,
    export: () => trainer.export(),
    import: (state) => trainer.import(state),
    dispose: () => trainer.dispose(),
  };
}
