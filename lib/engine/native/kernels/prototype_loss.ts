/**
 * Swapped prediction over groups, with its gradients.
 *
 * @module
 */

import type { KernelCall, NativeKernel } from "../kernel.ts";

/** What the kernel is told beside its tensors, see lib/pretrain/prototype_loss.ts. */
interface Attributes {
  readonly samples: {
    readonly groups: Int32Array<ArrayBuffer>;
    readonly groupCount: number;
    readonly perImage: number;
  };
  readonly epsilon: number;
  readonly iterations: number;
  readonly temperature: number;
}

/** `PrototypeLoss`, a kernel of this project: loss and entropy, nearest prototypes, both gradients. */
export function prototypeLossKernels(): NativeKernel[] {
  const sizes = new Int32Array(6);
  return [{ name: "PrototypeLoss", run: (call) => prototypeLoss(call, sizes) }];
}

function prototypeLoss(
  { inputs: { features, prototypes }, attrs, backend }: KernelCall,
  sizes: Int32Array<ArrayBuffer>,
) {
  const { samples, epsilon, iterations, temperature } = attrs as unknown as Attributes;
  const [rows, depth] = features.shape, count = prototypes.shape[0];
  sizes.set([rows, count, depth, samples.groupCount, iterations, samples.perImage]);
  const result = backend.output([2]);
  const nearest = backend.words([rows], "int32");
  const dfeatures = backend.output(features.shape);
  const dprototypes = backend.output(prototypes.shape);
  backend.library.check(backend.library.symbols.cpcdr_prototype_loss(
    backend.floats(features),
    backend.floats(prototypes),
    samples.groups,
    result.values,
    nearest.values,
    dfeatures.values,
    dprototypes.values,
    sizes,
    epsilon,
    temperature,
  ));
  return [result.info, nearest.info, dfeatures.info, dprototypes.info];
}
