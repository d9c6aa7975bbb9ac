/**
 * Padding of images: constant and mirrored. Tensors of other ranks, or padded in batch or channels,
 * fall back.
 *
 * @module
 */

import { areFloats, type KernelCall, type NativeKernel } from "../kernel.ts";

const MIRROR_MODES: Readonly<Record<string, number>> = { reflect: 1, symmetric: 2 };

/** `PadV2` and `MirrorPad`. */
export function padKernels(): NativeKernel[] {
  const sizes = new Int32Array(9);
  return [
    { name: "PadV2", run: (call) => pad(call, 0, call.attrs.constantValue as number, sizes) },
    {
      name: "MirrorPad",
      run: (call) => pad(call, MIRROR_MODES[call.attrs.mode as string], 0, sizes),
    },
  ];
}

function pad(
  { inputs: { x }, attrs, backend }: KernelCall,
  mode: number,
  value: number,
  sizes: Int32Array<ArrayBuffer>,
) {
  if (!areFloats(x) || x.shape.length !== 4) return undefined;
  const [batch, rows, columns, channels] = attrs.paddings as [number, number][];
  if ([...batch, ...channels].some((extent) => extent !== 0)) return undefined;
  const shape = [
    x.shape[0],
    rows[0] + x.shape[1] + rows[1],
    columns[0] + x.shape[2] + columns[1],
    x.shape[3],
  ];
  const output = backend.output(shape);
  sizes.set([...x.shape, ...rows, ...columns, mode]);
  const { library } = backend;
  library.check(library.symbols.cpcdr_pad(backend.floats(x), output.values, sizes, value));
  return output.info;
}
