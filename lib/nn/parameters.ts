/**
 * The weights of a network under their dotted names, as they are trained, saved and loaded.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { CheckpointError, ConfigError, DeviceError } from "../errors.ts";
import type { Random } from "../random.ts";
import { constant, type Initializer } from "./initializers.ts";

/** One named array of a checkpoint, row-major. */
export interface StateTensor {
  /** As safetensors calls the type of its numbers. */
  readonly dtype: "F32" | "I32";
  /** Length of each axis. */
  readonly shape: number[];
  /** Its numbers, the last axis fastest. */
  readonly data: Float32Array | Int32Array;
}

/**
 * Arrays by name. Convolution weights are `[outputs, inputs, height, width]` here, as PyTorch has
 * them, and `[height, width, inputs, outputs]` in tensors.
 */
export type StateDict = Map<string, StateTensor>;

/** A weight (trained by gradient) or a buffer (running statistics). */
export interface Parameter {
  readonly variable: tf.Variable;
  readonly trainable: boolean;
}

/** All parameters of one network. Owns their tensors until {@linkcode ParameterStore.dispose}. */
export class ParameterStore {
  /** Where names begin. */
  readonly root: Scope;
  readonly #random: Random;
  readonly #parameters = new Map<string, Parameter>();

  /**
   * @param random Initial weights are drawn from it, in order of creation.
   * @throws {DeviceError} where there is no engine yet.
   */
  constructor(random: Random) {
    if (tf.engine().backendNames().length === 0) {
      throw new DeviceError(
        "Cannot build a network: expected an engine for its tensors, got none; call useDevice() first",
      );
    }
    this.#random = random;
    this.root = new Scope(this, "");
  }

  /** Creates a parameter; scopes call it. @throws {ConfigError} where the name is taken. */
  create(name: string, shape: number[], init: Initializer, trainable: boolean): tf.Variable {
    if (this.#parameters.has(name)) {
      throw new ConfigError(
        `Cannot create parameter "${name}": expected a new name, got a taken one`,
      );
    }
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    for (let i = 0; i < values.length; i++) values[i] = init(this.#random, shape);
    const variable = tf.tidy(() => tf.variable(tf.tensor(values, shape), trainable));
    this.#parameters.set(name, { variable, trainable });
    return variable;
  }

  /** The weights in order of creation, without buffers. */
  trainable(): tf.Variable[] {
    return [...this.#parameters.values()].filter((p) => p.trainable).map((p) => p.variable);
  }

  /** Every parameter with its name, in order of creation. */
  entries(): [string, Parameter][] {
    return [...this.#parameters.entries()];
  }

  /** A copy of every parameter. */
  async export(): Promise<StateDict> {
    // All at once: where a GPU computes, waiting for one after the other takes most of the time.
    return new Map(
      await Promise.all(
        this.entries().map(async ([name, { variable }]): Promise<[string, StateTensor]> => {
          const values = await variable.data<"float32">();
          return [name, { dtype: "F32", ...exportLayout(variable.shape, values) }];
        }),
      ),
    );
  }

  /**
   * Takes over every parameter's value from `state`, which is left as it is. PyTorch's counters
   * `num_batches_tracked`, which nothing here needs, may be there too.
   *
   * @throws {CheckpointError} where a name is missing, unknown or of another size; nothing is
   * changed then.
   */
  import(state: StateDict): void {
    this.check(state)();
  }

  /**
   * Checks what {@linkcode ParameterStore.import} would take over; what it answers does so and cannot fail.
   *
   * @param prefix What the names of the parameters in question begin with, and those of `state` leave out; all
   * others stay as they are.
   * @throws {CheckpointError} where a name is missing, unknown or of another size.
   */
  check(state: StateDict, prefix = ""): () => void {
    for (const name of state.keys()) {
      if (!this.#parameters.has(prefix + name) && !name.endsWith("num_batches_tracked")) {
        throw new CheckpointError(
          `Cannot load weights: expected parameters of this network, got "${prefix + name}"; ` +
            `use the configuration they were saved with`,
        );
      }
    }
    const named = new Map([...state].map(([name, tensor]) => [prefix + name, tensor]));
    const values = this.entries().filter(([name]) => name.startsWith(prefix))
      .map(([name, { variable }]) => {
        const { shape } = variable;
        const { data } = takeTensor(named, name, exportShape(shape));
        return { variable, shape, data: importLayout(shape, data) };
      });
    return () =>
      values.forEach(({ variable, shape, data }) =>
        tf.tidy(() => variable.assign(tf.tensor(data, shape)))
      );
  }

  /** Frees every tensor. */
  dispose(): void {
    for (const { variable } of this.#parameters.values()) variable.dispose();
    this.#parameters.clear();
  }
}

/** A place in a network's tree of names. */
export class Scope {
  readonly #store: ParameterStore;
  readonly #prefix: string;

  /** Use {@linkcode ParameterStore.root} and {@linkcode Scope.child}. */
  constructor(store: ParameterStore, prefix: string) {
    this.#store = store;
    this.#prefix = prefix;
  }

  /** The place below this one; dots in the name go further down. */
  child(name: string | number): Scope {
    return new Scope(this.#store, `${this.#prefix}${name}.`);
  }

  /** A new trained parameter. Convolutions are `[height, width, inputs, outputs]`. */
  weight(name: string, shape: number[], init: Initializer): tf.Variable {
    return this.#store.create(this.#prefix + name, shape, init, true);
  }

  /** A new parameter that no gradient reaches, `value` everywhere. */
  buffer(name: string, shape: number[], value: number): tf.Variable {
    return this.#store.create(this.#prefix + name, shape, constant(value), false);
  }
}

/** The tensors whose names begin with `prefix`, without it; the values are shared. */
export function partOf(state: StateDict, prefix: string): StateDict {
  return new Map(
    [...state].filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );
}

/** The tensor of that name. @throws {CheckpointError} where it is missing, of another shape or not as long. */
export function takeTensor(state: StateDict, name: string, shape: number[]): StateTensor {
  const tensor = state.get(name);
  const got = tensor ? `[${tensor.shape}]` : "nothing";
  if (!tensor || got !== `[${shape}]`) {
    throw new CheckpointError(
      `Cannot load "${name}": expected shape [${shape}], got ${got}; ` +
        `use the configuration it was saved with`,
    );
  }
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (tensor.data.length !== size) {
    throw new CheckpointError(
      `Cannot load "${name}": expected ${size} numbers of shape [${shape}], got ${tensor.data.length}; ` +
        `use a whole checkpoint`,
    );
  }
  return tensor;
}

/** PyTorch's shape of a tensor of ours. */
function exportShape(shape: number[]): number[] {
  if (shape.length !== 4) return [...shape];
  const [height, width, inputs, outputs] = shape;
  return [outputs, inputs, height, width];
}

/** Copies `[height, width, inputs, outputs]` to `[outputs, inputs, height, width]`. */
function exportLayout(shape: number[], values: Float32Array) {
  const outside = exportShape(shape);
  if (shape.length !== 4) return { shape: outside, data: values.slice() };
  return { shape: outside, data: permute(values, shape, [3, 2, 0, 1]) };
}

/** The reverse of {@linkcode exportLayout}, for a tensor whose own shape is `shape`. */
function importLayout(shape: number[], values: ArrayLike<number>): Float32Array {
  const data = Float32Array.from(values);
  return shape.length === 4 ? permute(data, exportShape(shape), [2, 3, 1, 0]) : data;
}

/** Reorders the axes of a row-major array of rank 4: axis i of the result is `order[i]`. */
function permute(values: Float32Array, shape: number[], order: number[]): Float32Array {
  const strides = [shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3], 1];
  const [n0, n1, n2, n3] = order.map((axis) => shape[axis]);
  const [s0, s1, s2, s3] = order.map((axis) => strides[axis]);
  const result = new Float32Array(values.length);
  let at = 0;
  for (let a = 0; a < n0; a++) {
    for (let b = 0; b < n1; b++) {
      for (let c = 0; c < n2; c++) {
        for (let d = 0; d < n3; d++) result[at++] = values[a * s0 + b * s1 + c * s2 + d * s3];
      }
    }
  }
  return result;
}
