/**
 * A small network, for tests that train it on two engines.
 *
 * @module
 */
import type { StateDict } from "../../../lib/nn/parameters.ts";
import { Pretrainer } from "../../../lib/pretrain/pretrainer.ts";
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
