/**
 * Optimisers with PyTorch's update rules, and a state that resumes to the same bytes.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { useFusedKernel } from "../ops/fused.ts";
import { listed } from "../engine/listed.ts";
import { type StateDict, type StateTensor, takeTensor } from "./parameters.ts";

/** Gradients by `variable.name`, as `tf.variableGrads` gives them; the caller owns them. */
export type Gradients = Readonly<Record<string, tf.Tensor>>;

/** What {@linkcode Adam} and {@linkcode Sgd} have in common. */
export interface Optimizer {
  /**
   * Moves every variable that has a gradient; a variable without one stays, and so do its
   * moments.
   */
  step(gradients: Gradients, learningRate: number): void;
  /** A copy of step count and moments; the order of the variables names them. */
  export(): Promise<StateDict>;
  /** Takes them back. @throws {CheckpointError} where they belong to other variables; nothing is changed then. */
  import(state: StateDict): void;
  /**
   * Checks what `import` would take back; what it answers does so and cannot fail. A state without any tensor stands
   * for the beginning.
   *
   * @throws {CheckpointError} where they belong to other variables.
   */
  check(state: StateDict): () => void;
  /** Frees the moments; the variables are the caller's. */
  dispose(): void;
}

/** Settings of {@linkcode Adam}. */
export interface AdamOptions {
  /** 0.9 by default. */
  readonly beta1?: number;
  /** 0.999 by default. */
  readonly beta2?: number;
  /** 1e-8 by default. */
  readonly epsilon?: number;
  /** Times the variable, added to its gradient; 0 by default. */
  readonly weightDecay?: number;
}

/**
 * Adam (Kingma and Ba 2015): with g the gradient at step t (1 at first),
 *
 *     m += (1 - beta1) (g - m)        v += (1 - beta2) (g^2 - v)
 *     x -= rate * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)
 */
export class Adam implements Optimizer {
  readonly #variables: readonly tf.Variable[];
  readonly #options: Required<AdamOptions>;
  readonly #state: Moments<"m" | "v">;

  constructor(variables: readonly tf.Variable[], options: AdamOptions = {}) {
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
    this.#variables = variables;
    this.#options = { beta1, beta2, epsilon, weightDecay };
    this.#state = new Moments(["m", "v"], variables);
  }

  step(gradients: Gradients, learningRate: number): void {
    const step = ++this.#state.steps;
    const moves = this.#state.moves(this.#variables, gradients);
    if (useFusedKernel("AdamUpdate")) {
      const attrs = { learningRate, ...this.#options, step };
      tf.engine().runKernel("AdamUpdate", listed(moves), attrs);
    } else {
      for (const move of moves) tf.tidy(() => this.#update(move, learningRate, step));
    }
  }

  #update({ param, grad, m, v }: Move<"m" | "v">, rate: number, step: number): void {
    const { beta1, beta2, epsilon, weightDecay } = this.#options;
    const g = weightDecay === 0 ? grad : tf.add(grad, tf.mul(param, weightDecay));
    m.assign(tf.add(tf.mul(m, beta1), tf.mul(g, 1 - beta1)));
    v.assign(tf.add(tf.mul(v, beta2), tf.mul(tf.square(g), 1 - beta2)));
    const deviation = tf.sqrt(tf.div(v, 1 - beta2 ** step));
    const move = tf.div(tf.mul(m, rate / (1 - beta1 ** step)), tf.add(deviation, epsilon));
    param.assign(tf.sub(param, move));
  }

  async export(): Promise<StateDict> {
    return await this.#state.export();
  }

  import(state: StateDict): void {
    this.check(state)();
  }

  check(state: StateDict): () => void {
    return this.#state.check(state);
  }

  dispose(): void {
    this.#state.dispose();
  }
}

/** Settings of {@linkcode Sgd}. */
export interface SgdOptions {
  /** 0 by default, which keeps no velocity's memory. */
  readonly momentum?: number;
  /** Times the variable, added to its gradient; 0 by default. */
  readonly weightDecay?: number;
  /** Looks one step of momentum ahead; off by default. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent with momentum in PyTorch's form, where the rate is outside the
 * velocity: u = momentum * u + g, x -= rate * u (Nesterov: x -= rate * (g + momentum * u)).
 */
export class Sgd implements Optimizer {
  readonly #variables: readonly tf.Variable[];
  readonly #options: Required<SgdOptions>;
  readonly #state: Moments<"velocity">;

  constructor(variables: readonly tf.Variable[], options: SgdOptions = {}) {
    const { momentum = 0, weightDecay = 0, nesterov = false } = options;
    this.#variables = variables;
    this.#options = { momentum, weightDecay, nesterov };
    this.#state = new Moments(["velocity"], variables);
  }

  step(gradients: Gradients, learningRate: number): void {
    this.#state.steps++;
    const moves = this.#state.moves(this.#variables, gradients);
    if (useFusedKernel("SgdUpdate")) {
      const attrs = { learningRate, ...this.#options };
      tf.engine().runKernel("SgdUpdate", listed(moves), attrs);
    } else {
      for (const move of moves) tf.tidy(() => this.#update(move, learningRate));
    }
  }

  #update({ param, grad, velocity }: Move<"velocity">, rate: number): void {
    const { momentum, weightDecay, nesterov } = this.#options;
    const g = weightDecay === 0 ? grad : tf.add(grad, tf.mul(param, weightDecay));
    velocity.assign(tf.add(tf.mul(velocity, momentum), g));
    const move = nesterov ? tf.add(g, tf.mul(velocity, momentum)) : velocity;
    param.assign(tf.sub(param, tf.mul(move, rate)));
  }

  async export(): Promise<StateDict> {
    return await this.#state.export();
  }

  import(state: StateDict): void {
    this.check(state)();
  }

  check(state: StateDict): () => void {
    return this.#state.check(state);
  }

  dispose(): void {
    this.#state.dispose();
  }
}

/** A variable, its gradient, and its moment of every kind. */
type Move<K extends string> =
  & { readonly param: tf.Variable; readonly grad: tf.Tensor }
  & Readonly<Record<K, tf.Variable>>;

/** The step count, and one tensor per kind of moment and variable, zero at first. */
class Moments<K extends string> {
  steps = 0;
  readonly #moments: ReadonlyMap<K, readonly tf.Variable[]>;

  constructor(kinds: readonly K[], variables: readonly tf.Variable[]) {
    this.#moments = new Map(
      kinds.map((kind) => [
        kind,
        variables.map(({ shape }) => tf.tidy(() => tf.variable(tf.zeros(shape), false))),
      ]),
    );
  }

  /** Of the variables that have a gradient. */
  moves(variables: readonly tf.Variable[], gradients: Gradients): Move<K>[] {
    return variables.flatMap((param, i) => {
      const grad = gradients[param.name];
      if (!grad) return [];
      const own = [...this.#moments].map(([kind, moments]) => [kind, moments[i]]);
      return [{ param, grad, ...Object.fromEntries(own) as Record<K, tf.Variable> }];
    });
  }

  async export(): Promise<StateDict> {
    const moments = this.#entries().map(
      async ([name, variable]): Promise<[string, StateTensor]> => {
        const data = (await variable.data<"float32">()).slice();
        return [name, { dtype: "F32", shape: variable.shape, data }];
      },
    );
    return new Map([
      ["step", { dtype: "I32", shape: [], data: Int32Array.of(this.steps) }],
      ...await Promise.all(moments),
    ]);
  }

  check(state: StateDict): () => void {
    const fresh = state.size === 0;
    const steps = fresh ? 0 : takeTensor(state, "step", []).data[0];
    const values = this.#entries().map(([name, { shape, size }]) =>
      fresh ? new Float32Array(size) : Float32Array.from(takeTensor(state, name, shape).data)
    );
    return () => {
      this.#entries().forEach(([, variable], i) =>
        tf.tidy(() => variable.assign(tf.tensor(values[i], variable.shape)))
      );
      this.steps = steps;
    };
  }

  dispose(): void {
    for (const [, variable] of this.#entries()) variable.dispose();
  }

  /** Each moment with its name, such as `m.0`. */
  #entries(): [string, tf.Variable][] {
    return [...this.#moments].flatMap(([kind, variables]) =>
      variables.map((variable, i): [string, tf.Variable] => [`${kind}.${i}`, variable])
    );
  }
}
