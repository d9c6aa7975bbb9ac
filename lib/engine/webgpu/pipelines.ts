/**
 * Compiled programs, kept by what they were compiled from.
 *
 * @module
 */

import type { OpenedDevice } from "./device.ts";
import { type Program, type Scalar, wgsl } from "./program.ts";

/** A compiled program. */
export interface Pipeline {
  readonly handle: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Unlike that of a layout with other bindings. */
  readonly layoutKey: string;
  readonly uniforms: readonly (readonly [string, Scalar])[];
}

/** See the module's comment. */
export class PipelineCache {
  readonly #device: OpenedDevice;
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();

  constructor(device: OpenedDevice) {
    this.#device = device;
  }

  /** Compiles a program unless that was done before; an error in its code comes out of `check`. */
  get({ shader, variant }: Pick<Program<unknown>, "shader" | "variant">): Pipeline {
    const key = shader.name + JSON.stringify(variant);
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) this.#pipelines.set(key, pipeline = this.#compile(key, shader.source(variant)));
    return pipeline;
  }

  #compile(label: string, source: ReturnType<Program<unknown>["shader"]["source"]>): Pipeline {
    const reads = Object.keys(source.reads).length;
    const layoutKey = "r".repeat(reads) + "w".repeat(Object.keys(source.writes).length);
    const layout = this.#layout(layoutKey);
    const { handle: device } = this.#device;
    const handle = this.#device.guard(`compile ${label}`, () =>
      device.createComputePipeline({
        label,
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module: device.createShaderModule({ label, code: wgsl(source) }) },
      }));
    return { handle, layout, layoutKey, uniforms: Object.entries(source.uniforms) };
  }

  /** Binding 0 is a slot of the uniforms; then what is read (r) and what is written (w). */
  #layout(key: string): GPUBindGroupLayout {
    let layout = this.#layouts.get(key);
    if (layout) return layout;
    const buffers: GPUBufferBindingLayout[] = [
      { type: "uniform", hasDynamicOffset: true },
      ...[...key].map((access): GPUBufferBindingLayout => ({
        type: access === "r" ? "read-only-storage" : "storage",
      })),
    ];
    layout = this.#device.handle.createBindGroupLayout({
      entries: buffers.map((buffer, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer,
      })),
    });
    this.#layouts.set(key, layout);
    return layout;
  }
}
