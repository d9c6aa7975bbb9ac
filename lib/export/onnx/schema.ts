/**
 * The part of ONNX's protobuf schema that a network of ours needs (onnx.proto, IR version 8), as plain data.
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 *
 * @module
 */

import protobuf from "protobufjs/light";

/** One operation: names of what goes in and out. An empty name stands for an input that is left out. */
export interface OnnxNode {
  /** Unique in its model. */
  readonly name: string;
  /** The operator, such as `Conv`. */
  readonly opType: string;
  /** Names of what goes in, in the operator's order. */
  readonly input: readonly string[];
  /** Names of what comes out. */
  readonly output: readonly string[];
  /** Its settings. */
  readonly attribute: readonly OnnxAttribute[];
}

/** A setting of a node; which field holds it is told by `type`. */
export interface OnnxAttribute {
  /** As the operator calls it. */
  readonly name: string;
  /** Which field holds it: 1 `f`, 2 `i`, 3 `s`, 7 `ints`. */
  readonly type: number;
  /** A float32. */
  readonly f?: number;
  /** An integer. */
  readonly i?: number;
  /** A string in UTF-8. */
  readonly s?: Uint8Array;
  /** Integers. */
  readonly ints?: readonly number[];
}

/** A constant, little-endian in `rawData`. */
export interface OnnxTensor {
  /** What nodes call it. */
  readonly name: string;
  /** Length of each axis. */
  readonly dims: readonly number[];
  /** Type of its numbers: 1 float32, 7 int64. */
  readonly dataType: number;
  /** Its numbers, little-endian, the last axis fastest. */
  readonly rawData: Uint8Array;
}

/** An input or output of the graph: float32, sizes as numbers or as names of sizes that may vary. */
export interface OnnxValue {
  /** What callers and nodes call it. */
  readonly name: string;
  /** What it means, for people. */
  readonly docString: string;
  /** Length of each axis, or the name of one that may vary. */
  readonly dims: readonly (number | string)[];
}

/** A whole model. */
export interface OnnxModel {
  /** What the model does, for people. */
  readonly docString: string;
  /** Facts about it by name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Operations, each after those that it needs. */
  readonly nodes: readonly OnnxNode[];
  /** Weights and other constants. */
  readonly constants: readonly OnnxTensor[];
  /** What callers give. */
  readonly inputs: readonly OnnxValue[];
  /** What callers get. */
  readonly outputs: readonly OnnxValue[];
}

/** `TensorProto.DataType`. */
export const DATA_TYPE = { float: 1, int64: 7 } as const;

/** `AttributeProto.AttributeType`. */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, ints: 7 } as const;

const IR_VERSION = 8;
const OPSET = 17;

/** Fields of a message: [id, type] or [id, type, "repeated"]. */
type Fields = Record<string, readonly [number, string, "repeated"?]>;

const MESSAGES: Readonly<Record<string, Fields>> = {
  ModelProto: {
    irVersion: [1, "int64"],
    producerName: [2, "string"],
    docString: [6, "string"],
    graph: [7, "GraphProto"],
    opsetImport: [8, "OperatorSetIdProto", "repeated"],
    metadataProps: [14, "StringStringEntryProto", "repeated"],
  },
  OperatorSetIdProto: { domain: [1, "string"], version: [2, "int64"] },
  StringStringEntryProto: { key: [1, "string"], value: [2, "string"] },
  GraphProto: {
    node: [1, "NodeProto", "repeated"],
    name: [2, "string"],
    initializer: [5, "TensorProto", "repeated"],
    input: [11, "ValueInfoProto", "repeated"],
    output: [12, "ValueInfoProto", "repeated"],
  },
  NodeProto: {
    input: [1, "string", "repeated"],
    output: [2, "string", "repeated"],
    name: [3, "string"],
    opType: [4, "string"],
    attribute: [5, "AttributeProto", "repeated"],
  },
  AttributeProto: {
    name: [1, "string"],
    f: [2, "float"],
    i: [3, "int64"],
    s: [4, "bytes"],
    ints: [8, "int64", "repeated"],
    type: [20, "int32"],
  },
  TensorProto: {
    dims: [1, "int64", "repeated"],
    dataType: [2, "int32"],
    name: [8, "string"],
    rawData: [9, "bytes"],
  },
  ValueInfoProto: { name: [1, "string"], type: [2, "TypeProto"], docString: [3, "string"] },
  TypeProto: { tensorType: [1, "TensorTypeProto"] },
  TensorTypeProto: { elemType: [1, "int32"], shape: [2, "TensorShapeProto"] },
  TensorShapeProto: { dim: [1, "DimensionProto", "repeated"] },
  DimensionProto: { dimValue: [1, "int64"], dimParam: [2, "string"] },
};

/** The bytes of a model file of opset 17. */
export function encodeOnnx(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const nested = Object.fromEntries(
    Object.entries(MESSAGES).map(([message, fields]) => {
      const entries = Object.entries(fields).map(([name, [id, type, rule]]) =>
        [name, rule ? { id, type, rule } : { id, type }] as const
      );
      return [message, { fields: Object.fromEntries(entries) }];
    }),
  );
  const type = protobuf.Root.fromJSON({ nested }).lookupType("ModelProto");
  const message = {
    irVersion: IR_VERSION,
    producerName: "cpcdr",
    docString: model.docString,
    opsetImport: [{ domain: "", version: OPSET }],
    metadataProps: Object.entries(model.metadata).map(([key, value]) => ({ key, value })),
    graph: {
      name: "cpcdr",
      node: model.nodes,
      initializer: model.constants,
      input: model.inputs.map(valueInfo),
      output: model.outputs.map(valueInfo),
    },
  };
  return new Uint8Array(type.encode(type.create(message)).finish());
}

function valueInfo({ name, docString, dims }: OnnxValue) {
  const dim = dims.map((size) =>
    typeof size === "number" ? { dimValue: size } : { dimParam: size }
  );
  return { name, docString, type: { tensorType: { elemType: DATA_TYPE.float, shape: { dim } } } };
}
