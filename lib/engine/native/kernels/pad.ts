/**
 * Padding of images: constant and mirrored. Tensors of other ranks, or padded in batch or channels,
 * fall back.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";
import { areFloats, type KernelCall, type NativeKernel } from "../kernel.ts";

const MIRROR_MODES: Readonly<Record<string, number>> = { reflect: 1, symmetric: 2 };

/** `PadV2`, `MirrorPad`, and the project's own `MirrorPadGrad` (lib/ops/reflect_pad.ts). */
export function padKernels(): NativeKernel[] {
  const sizes = new Int32Array(9);
  return [
    { name: "PadV2", run: (call) => pad(call, 0, call.attrs.constantValue as number, sizes) },
    { name: "MirrorPad", run: (call) => pad(call, mirrorMode(call), 0, sizes) },
    { name: "MirrorPadGrad", run: (call) => mirrorPadGrad(call, sizes) },
  ];
}

function mirrorMode({ attrs }: KernelCall): number {
  return MIRROR_MODES[attrs.mode as string];
}

function pad(
  { inputs: { x }, attrs, backend }: KernelCall,
  mode: number,
  value: number,
  sizes: Int32Array<ArrayBuffer>,
): tf.TensorInfo | undefined {
  if (!areFloats(x) || x.shape.length !== 4) return undefined;
  const [batch, rows, columns, channels] = attrs.paddings as [number, number][];
  if ([...batch, ...channels].some((extent) => extent !== 0)) return undefined;
  const output = backend.output([
    x.shape[0],
    rows[0] + x.shape[1] + rows[1],
    columns[0] + x.shape[2] + columns[1],
    x.shape[3],
  ]);
  sizes.set([...x.shape, ...rows, ...columns, mode]);
  const { library } = backend;
  library.check(library.symbols.cpcdr_pad(backend.floats(x), output.values, sizes, value));
  return output.info;
}

/** dy `[B,top+H+bottom,left+W+right,C]` to dx `[B,H,W,C]`: what fell on the padding goes back. */
function mirrorPadGrad(call: KernelCall, sizes: Int32Array<ArrayBuffer>): tf.TensorInfo {
  const { inputs: { dy }, attrs, backend } = call;
  const [, rows, columns] = attrs.paddings as [number, number][];
  const [batch, height, width, channels] = dy.shape;
  const shape = [
    batch,
    height - rows[0] - rows[1],
    width - columns[0] - columns[1],
    channels,
  ];
  const dx = backend.output(shape);
  sizes.set([...shape, ...rows, ...columns, mirrorMode(call)]);
  const { library } = backend;
  library.check(library.symbols.cpcdr_pad_grad(backend.floats(dy), dx.values, sizes));
  return dx.info;
}
