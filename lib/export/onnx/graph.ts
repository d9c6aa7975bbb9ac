/**
 * Writing down a network's graph node by node, weights taken from a checkpoint.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import type { StateDict, StateTensor } from "../../nn/parameters.ts";
import {
  ATTRIBUTE_TYPE,
  DATA_TYPE,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
} from "./schema.ts";

/** The name of a value in the graph, `[N,C,H,W]` unless said otherwise. */
export type Value = string;

/** A setting of a node: a whole number, several, a text, or a real number in an object. */
export type Setting = number | readonly number[] | string | { readonly float: number };

/** Settings of {@linkcode GraphBuilder.convolution}. */
export interface Convolution {
  /** Name of the weights `[outputs,inputs,height,width]` without `.weight`; `.bias` is taken where there is one. */
  readonly name: string;
  /** Name of the batch normalisation that follows, which is folded into the weights. */
  readonly norm?: string;
  /** 1 by default. */
  readonly stride?: number;
  /** What lies outside the image: zeros by default. */
  readonly border?: "zeros" | "mirror";
}

/** The epsilon of every batch normalisation here. */
const EPSILON = 1e-5;

/** Collects nodes and constants; the order of calls is the order of execution. */
export class GraphBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxTensor[] = [];
  readonly #state: StateDict;

  constructor(state: StateDict) {
    this.#state = state;
  }

  /** Adds a node with one output, whose name is `name` or a new one. */
  node(
    opType: string,
    input: readonly Value[],
    settings: Readonly<Record<string, Setting>> = {},
    name = `${opType.toLowerCase()}_${this.nodes.length}`,
  ): Value {
    const attribute = Object.entries(settings).map(([key, value]) => attributeOf(key, value));
    this.nodes.push({ name, opType, input, output: [name], attribute });
    return name;
  }

  /** A float32 constant. */
  floats(values: ArrayLike<number>, dims: readonly number[], name?: string): Value {
    return this.#constant(Float32Array.from(values), dims, DATA_TYPE.float, name);
  }

  /** An int64 constant of one axis, or a scalar. */
  integers(values: readonly number[] | number): Value {
    const list = typeof values === "number" ? [values] : values;
    const dims = typeof values === "number" ? [] : [list.length];
    return this.#constant(BigInt64Array.from(list, BigInt), dims, DATA_TYPE.int64);
  }

  #constant(
    values: Float32Array | BigInt64Array,
    dims: readonly number[],
    dataType: number,
    name = `constant_${this.constants.length}`,
  ): Value {
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.constants.push({ name, dims, dataType, rawData });
    return name;
  }

  /** @throws {CheckpointError} when the checkpoint has no tensor of that name. */
  weights(name: string): StateTensor {
    const tensor = this.#state.get(name);
    if (tensor) return tensor;
    throw new CheckpointError(
      `Cannot export the network: expected "${name}" in the checkpoint, got nothing; ` +
        "use the configuration it was saved with",
    );
  }

  /** A convolution that keeps the size at stride 1, in one node but for a mirrored border. */
  convolution(x: Value, { name, norm, stride = 1, border = "zeros" }: Convolution): Value {
    const { shape, data } = this.weights(`${name}.weight`);
    const bias = this.#state.get(`${name}.bias`)?.data;
    const folded = norm === undefined
      ? { weight: data, bias }
      : this.#fold(data, shape[0], norm, bias);
    const pad = (shape[2] - 1) / 2;
    if (border === "mirror" && pad > 0) {
      x = this.node("Pad", [x, this.integers([0, 0, pad, pad, 0, 0, pad, pad])], {
        mode: "reflect",
      });
    }
    const inside = border === "mirror" ? 0 : pad;
    const input = [x, this.floats(folded.weight, shape, `${name}.weight`)];
    if (folded.bias) input.push(this.floats(folded.bias, [shape[0]], `${name}.bias`));
    return this.node("Conv", input, {
      kernel_shape: [shape[2], shape[3]],
      strides: [stride, stride],
      pads: [inside, inside, inside, inside],
    });
  }

  /** Weights and offset of a convolution and the batch normalisation by running statistics after it. */
  #fold(data: ArrayLike<number>, outputs: number, norm: string, bias?: ArrayLike<number>) {
    const [scale, offset, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
      .map((part) => this.weights(`${norm}.${part}`).data);
    const gains = Float64Array.from(scale, (s, o) => s / Math.sqrt(variance[o] + EPSILON));
    const each = data.length / outputs;
    return {
      weight: Float32Array.from(data, (w, i) => w * gains[Math.floor(i / each)]),
      bias: Float32Array.from(gains, (gain, o) => offset[o] + ((bias?.[o] ?? 0) - mean[o]) * gain),
    };
  }

  relu(x: Value): Value {
    return this.node("Relu", [x]);
  }

  /** Twice as many rows and columns, each pixel repeated. */
  double(x: Value): Value {
    return this.node("Resize", [x, "", this.floats([1, 1, 2, 2], [4])], {
      mode: "nearest",
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
    });
  }

  /** `factor` times as many rows and columns, pixels being areas that are blended. */
  enlarge(x: Value, factor: number): Value {
    if (factor === 1) return x;
    return this.node("Resize", [x, "", this.floats([1, 1, factor, factor], [4])], {
      mode: "linear",
      coordinate_transformation_mode: "half_pixel",
    });
  }

  /** Each pixel's channels brought to unit length; zeros stay. */
  unitLength(x: Value, name?: string): Value {
    const squares = this.node("ReduceSum", [this.node("Mul", [x, x]), this.integers([1])]);
    const length = this.node("Sqrt", [this.node("Add", [squares, this.floats([1e-12], [])])]);
    return this.node("Div", [x, length], {}, name);
  }
}

function attributeOf(name: string, value: Setting): OnnxAttribute {
  if (typeof value === "number") return { name, type: ATTRIBUTE_TYPE.int, i: value };
  if (typeof value === "string") {
    return { name, type: ATTRIBUTE_TYPE.string, s: new TextEncoder().encode(value) };
  }
  if ("float" in value) return { name, type: ATTRIBUTE_TYPE.float, f: value.float };
  return { name, type: ATTRIBUTE_TYPE.ints, ints: value };
}
