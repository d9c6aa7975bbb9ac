/**
 * The activations that matrix products and convolutions apply on the way out.
 *
 * @module
 */

const CODES: Readonly<Record<string, number>> = {
  linear: 0,
  relu: 1,
  relu6: 2,
  elu: 3,
  sigmoid: 4,
  leakyrelu: 5,
};

/** The library's code of a tfjs activation; undefined where the library does not have it. */
export function activationCode(name: string | null | undefined): number | undefined {
  return CODES[name ?? "linear"];
}
