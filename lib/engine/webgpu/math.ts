/**
 * WGSL functions that several kernel families need: what the language leaves out or leaves undefined.
 *
 * @module
 */

/** WGSL that asks `x` for NaN by its bits, since compilers may take floats for finite. @param bits Type of as many u32. */
export function isNan(x: string, bits: "u32" | "vec4<u32>" = "u32"): string {
  return `(bitcast<${bits}>(${x}) & ${bits}(0x7fffffffu)) > ${bits}(0x7f800000u)`;
}

/** Function `is_nan`, see {@linkcode isNan}. */
export const IS_NAN = `fn is_nan(x: f32) -> bool { return ${isNan("x")}; }`;

/**
 * {@linkcode IS_NAN} and `is_inf` by their bits, and the values, which
 * WGSL has no literals for.
 */
export const FLOAT_BITS = `
${IS_NAN}
fn is_inf(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u; }
fn float_of(bits: u32) -> f32 { return bitcast<f32>(bits); }
fn nan() -> f32 { return float_of(0x7fc00000u + u.zero); }
fn infinity() -> f32 { return float_of(0x7f800000u + u.zero); }
`;

/** The uniform that keeps compilers from evaluating {@linkcode FLOAT_BITS}' values: always 0. */
export const ZERO = { zero: "u32" } as const;
