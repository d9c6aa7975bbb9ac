/**
 * `export`: a run's networks for other programs.
 *
 * @module
 */

import { join } from "@std/path";
import { ENCODER } from "../../depth/trainer.ts";
import { CheckpointError, ConfigError } from "../../errors.ts";
import { disparityModel } from "../../export/onnx/disparity.ts";
import { featuresModel } from "../../export/onnx/features.ts";
import { encodeOnnx } from "../../export/onnx/schema.ts";
import { partOf, type StateDict } from "../../nn/parameters.ts";
import { BACKBONE } from "../../pretrain/encoder.ts";
import { writeAtomically } from "../storage/atomic.ts";
import { isCheckpoint } from "../storage/checkpoint.ts";
import { depthStateOfRun } from "../depth_stage.ts";
import { featureStateOfRun } from "../features.ts";
import { readRun, type RunConfig } from "../storage/run_folder.ts";
import { encodeSafetensors } from "../storage/safetensors.ts";
import type { Session } from "../session.ts";
import { textTable } from "../table.ts";
import { answer, type CommonOptions, inSession } from "./common.ts";

/** Options of `export`. */
export interface ExportOptions extends CommonOptions {
  readonly run: string;
  readonly format: "torchvision" | "onnx";
  readonly network?: "features" | "depth";
}

/** What is written, and what to say of it. */
interface Exported {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly backbone: string;
  /** Numbers that the file holds. */
  readonly parameters: number;
  readonly inputs?: Readonly<Record<string, readonly (number | string)[]>>;
  readonly outputs?: Readonly<Record<string, readonly (number | string)[]>>;
}

/** Width at which torchvision's own networks are built. */
const STANDARD_WIDTH = 64;

/** Runs the command. */
export async function exportRun(options: ExportOptions): Promise<void> {
  await inSession(options.run, options, async (session) => {
    const config = await readRun(options.run);
    const network = options.network ?? (config.command === "depth" ? "depth" : "features");
    const state = await stateOf(session, config, network);
    const exported = options.format === "onnx"
      ? onnx(state, config, network)
      : torchvision(session, state, config, network);
    const extension = options.format === "onnx" ? ".onnx" : "-backbone.safetensors";
    const out = options.out ?? join(options.run, `${network}${extension}`);
    if (isCheckpoint(out)) {
      throw new ConfigError(
        `Cannot export to ${out}: it has the name of a run's checkpoint; choose another --out`,
      );
    }
    await writeAtomically(out, exported.bytes);
    const { bytes, ...rest } = exported;
    const result = { run: options.run, network, format: options.format, out, ...rest };
    const shapes = { ...exported.inputs, ...exported.outputs };
    const rows = [
      ["file", `${out} (${(bytes.length / 1e6).toFixed(1)} MB)`],
      ["backbone", exported.backbone],
      ["numbers", String(exported.parameters)],
      ...Object.entries(shapes).map(([name, dims]) => [name, `[${dims.join(", ")}]`]),
    ];
    answer(options, result, textTable([`${network} as ${options.format}`, "value"], rows));
  });
}

/** The newest checkpoint of the stage. @throws {CheckpointError} when there is none. */
async function stateOf(
  session: Session,
  config: RunConfig,
  network: "features" | "depth",
): Promise<StateDict> {
  const { folder } = session;
  if (network === "depth") {
    if (config.depthRun) {
      throw new ConfigError(
        `Cannot export the depth network of ${folder}: it took that of ${config.depthRun}; name that with --run`,
      );
    }
    return await depthStateOfRun(folder, config, session.warn);
  }
  const state = config.command === "pretrain"
    ? await featureStateOfRun(folder, config, session.warn)
    : undefined;
  if (state) return state;
  throw new CheckpointError(
    `Cannot export the features of ${folder}: expected a checkpoint of pretrain, got none; run pretrain first, ` +
      "or use --network depth",
  );
}

function onnx(state: StateDict, { settings }: RunConfig, network: "features" | "depth"): Exported {
  const model = network === "depth"
    ? disparityModel(state, settings.depth)
    : featuresModel(state, settings.pretrain);
  const shapes = (values: typeof model.inputs) =>
    Object.fromEntries(values.map(({ name, dims }) => [name, dims]));
  return {
    bytes: encodeOnnx(model),
    backbone: model.metadata.network,
    parameters: model.constants.reduce((sum, { rawData }) => sum + rawData.length / 4, 0),
    inputs: shapes(model.inputs),
    outputs: shapes(model.outputs),
  };
}

function torchvision(
  session: Session,
  state: StateDict,
  { settings }: RunConfig,
  network: "features" | "depth",
): Exported {
  const { depth, width } = network === "depth" ? settings.depth : settings.pretrain;
  const tensors = partOf(state, network === "depth" ? ENCODER : `${BACKBONE}.`);
  if (width !== STANDARD_WIDTH) {
    session.warn(
      `this ResNet-${depth} has width ${width}: the names are torchvision's, but its resnet${depth} has ` +
        `width ${STANDARD_WIDTH}`,
    );
  }
  const backbone = `resnet${depth} width ${width}`;
  return {
    bytes: encodeSafetensors({ tensors, metadata: { format: "pt", network: backbone } }),
    backbone,
    parameters: [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0),
  };
}
