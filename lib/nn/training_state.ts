/**
 * A network and its optimiser in one checkpoint.
 *
 * @module
 */
import type { Optimizer } from "./optimizers.ts";
import { type ParameterStore, partOf, type StateDict } from "./parameters.ts";

/** What the names of the optimiser's tensors begin with. */
const OPTIMIZER = "optimizer.";

/** What is trained, and what moves it. */
export interface Trained {
  readonly store: ParameterStore;
  readonly optimizer: Optimizer;
}

/** A copy of all parameters and, under `optimizer.`, of the optimiser's state. */
export async function exportTraining({ store, optimizer }: Trained): Promise<StateDict> {
  const [parameters, moments] = await Promise.all([store.export(), optimizer.export()]);
  return new Map([
    ...parameters,
    ...[...moments].map(([name, tensor]) => [OPTIMIZER + name, tensor] as const),
  ]);
}

/**
 * Checks such a copy; what it answers takes it over and cannot fail. Weights alone will do, of which the
 * optimiser then starts afresh.
 *
 * @throws {CheckpointError} when a tensor is missing, unknown or of another size.
 */
export function checkTraining({ store, optimizer }: Trained, state: StateDict): () => void {
  const parameters = new Map([...state].filter(([name]) => !name.startsWith(OPTIMIZER)));
  const assigns = [store.check(parameters), optimizer.check(partOf(state, OPTIMIZER))];
  return () => assigns.forEach((assign) => assign());
}
