/**
 * A GPU program as plain data. Kernels make these; pipelines.ts compiles them and queue.ts runs them.
 *
 * @module
 */

/** Type of a uniform: one word. */
export type Scalar = "f32" | "i32" | "u32";

/** What a program is compiled from. */
export interface Source {
  /**
   * Storage buffers in the order of the program's tensors: name and element type, such as "f32" or
   * "vec4<f32>".
   */
  readonly reads: Readonly<Record<string, string>>;
  readonly writes: Readonly<Record<string, string>>;
  /** Seen by the code as `u.<name>`. */
  readonly uniforms: Readonly<Record<string, Scalar>>;
  /** Functions and the entry point `main`. */
  readonly code: string;
  /** Whether the code has float16, which not every device knows. */
  readonly half?: boolean;
}

/** What tells one variant of a shader from another. */
export type Variant = Readonly<Record<string, string | number | boolean>>;

/** Makes the source of each variant. The name and the variant together stand for the source. */
export interface Shader<V extends Variant = Variant> {
  readonly name: string;
  source(variant: V): Source;
}

/** A shader's variant and all that one run of it needs. */
export interface Program<T, V extends Variant = Variant> {
  readonly shader: Shader<V>;
  readonly variant: V;
  /** In the order of {@linkcode Source.reads} and {@linkcode Source.writes}. */
  readonly reads: readonly T[];
  readonly writes: readonly T[];
  readonly uniforms: Readonly<Record<string, number>>;
  /** Workgroups to run in all directions. */
  readonly groups: Extent;
  /**
   * Loop iterations of its busiest invocation, all its loops together, where tensors say how many those are; see
   * {@link SOFTWARE_ITERATIONS}.
   */
  readonly iterations?: number;
}

/** Counts in x, y and z. */
export type Extent = readonly [number, number, number];

/** The WGSL text of a source. */
export function wgsl({ reads, writes, uniforms, code, half }: Source): string {
  const lines = [...half ? ["enable f16;"] : [], "struct Uniforms {"];
  for (const [name, type] of Object.entries(uniforms)) lines.push(`  ${name}: ${type},`);
  lines.push("}", "@group(0) @binding(0) var<uniform> u: Uniforms;");
  let binding = 1;
  for (const [access, buffers] of [["read", reads], ["read_write", writes]] as const) {
    for (const [name, type] of Object.entries(buffers)) {
      lines.push(
        `@group(0) @binding(${binding++}) var<storage, ${access}> ${name}: array<${type}>;`,
      );
    }
  }
  return [...lines, code, ""].join("\n");
}

/**
 * The entry point of a program that walks a flat array: `body` runs for each `i` below `u.count`,
 * which the source must declare as u32.
 */
export function flatMain(workgroup: number, body: string): string {
  return `
@compute @workgroup_size(${workgroup})
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let i = (workgroup.y * workgroups.x + workgroup.x) * ${workgroup}u + local;
  if (i >= u.count) { return; }
  ${body}
}`;
}

/** Workgroups in x and y for `count` invocations of {@linkcode flatMain}. */
export function flatGroups(count: number, workgroup: number): Extent {
  const groups = Math.ceil(count / workgroup);
  const rows = Math.ceil(groups / WORKGROUPS_PER_DIMENSION);
  return [Math.ceil(groups / rows), rows, 1];
}

/**
 * Loop iterations of an invocation that a software adapter is trusted with: after 65,535 of them, over all its
 * loops, llvmpipe ends every loop without an error (Mesa's LP_MAX_TGSI_LOOP_ITERATIONS). The rest is for loops that
 * programs do not count.
 */
export const SOFTWARE_ITERATIONS = 65000;

/** What every WebGPU device runs in one direction; larger grids go to a second one. */
export const WORKGROUPS_PER_DIMENSION = 65535;
