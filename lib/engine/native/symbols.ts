/**
 * The C ABI of native/include/cpcdr.h as Deno sees it. Tensors are `buffer`s, sizes one `buffer` of
 * int32 where there are many: with simple types alone V8 calls straight into the library.
 *
 * @module
 */

/** Version of the ABI that this table was written for. */
export const ABI_VERSION = 6;

const status = "i32" as const;
const buffer = "buffer" as const;
const i32 = "i32" as const;
const i64 = "i64" as const;
const f32 = "f32" as const;
const f64 = "f64" as const;

/** Functions of the library itself. */
export const librarySymbols = {
  cpcdr_abi_version: { parameters: [], result: i32 },
  cpcdr_isa: { parameters: [], result: "pointer" },
  cpcdr_bfloat16: { parameters: [], result: i32 },
  cpcdr_set_processors: { parameters: [i32], result: i32 },
  cpcdr_set_threads: { parameters: [i32], result: i32 },
  cpcdr_threads: { parameters: [], result: i32 },
  cpcdr_last_error: { parameters: [], result: "pointer" },
  cpcdr_workspace_bytes: { parameters: [], result: "i64" },
} as const;

/** Kernels; each answers a status, 0 for success. */
export const kernelSymbols = {
  cpcdr_matmul: { parameters: [buffer, buffer, buffer, buffer, buffer, f32], result: status },
  cpcdr_conv2d: { parameters: [buffer, buffer, buffer, buffer, buffer, f32], result: status },
  cpcdr_conv2d_input_grad: { parameters: [buffer, buffer, buffer, buffer], result: status },
  cpcdr_conv2d_filter_grad: { parameters: [buffer, buffer, buffer, buffer], result: status },
  cpcdr_batch_norm: {
    parameters: [buffer, buffer, buffer, buffer, buffer, buffer, buffer, i32, i32, f32, i32],
    result: status,
  },
  cpcdr_batch_norm_grad: {
    parameters: [
      buffer,
      buffer,
      buffer,
      buffer,
      buffer,
      buffer,
      buffer,
      buffer,
      buffer,
      buffer,
      i32,
      i32,
      f32,
      i32,
    ],
    result: status,
  },
  cpcdr_binary: { parameters: [i32, buffer, buffer, buffer, buffer], result: status },
  cpcdr_unary: { parameters: [i32, buffer, buffer, i64, f32, f32], result: status },
  cpcdr_select: { parameters: [buffer, buffer, buffer, buffer, i64], result: status },
  cpcdr_logical: { parameters: [i32, buffer, buffer, buffer, i64], result: status },
  cpcdr_reduce: { parameters: [i32, buffer, buffer, i32, i32, i32], result: status },
  cpcdr_arg_max: { parameters: [buffer, buffer, i32, i32, i32], result: status },
  cpcdr_softmax: { parameters: [buffer, buffer, i32, i32, i32], result: status },
  cpcdr_max_pool: { parameters: [buffer, buffer, buffer], result: status },
  cpcdr_max_pool_grad: { parameters: [buffer, buffer, buffer, buffer], result: status },
  cpcdr_avg_pool: { parameters: [buffer, buffer, buffer], result: status },
  cpcdr_avg_pool_grad: { parameters: [buffer, buffer, buffer], result: status },
  cpcdr_resize_bilinear: { parameters: [buffer, buffer, buffer], result: status },
  cpcdr_resize_bilinear_grad: { parameters: [buffer, buffer, buffer], result: status },
  cpcdr_resize_nearest: { parameters: [buffer, buffer, buffer], result: status },
  cpcdr_resize_nearest_grad: { parameters: [buffer, buffer, buffer], result: status },
  cpcdr_grid_sample: { parameters: [buffer, buffer, buffer, buffer], result: status },
  cpcdr_grid_sample_grad: {
    parameters: [buffer, buffer, buffer, buffer, buffer, buffer],
    result: status,
  },
  cpcdr_project_pixels: { parameters: [buffer, buffer, buffer, buffer, f32], result: status },
  cpcdr_project_pixels_grad: {
    parameters: [buffer, buffer, buffer, buffer, buffer, buffer, f32],
    result: status,
  },
  cpcdr_photometric_error: { parameters: [buffer, buffer, buffer, buffer, f32], result: status },
  cpcdr_photometric_error_grad: {
    parameters: [buffer, buffer, buffer, buffer, buffer, f32],
    result: status,
  },
  cpcdr_align_motion: {
    parameters: [buffer, buffer, buffer, buffer, buffer, buffer, buffer, f32, f32],
    result: status,
  },
  cpcdr_alignment_error: {
    parameters: [buffer, buffer, buffer, buffer, buffer, buffer, buffer, f32],
    result: status,
  },
  cpcdr_copy: { parameters: [buffer, buffer, buffer, i32, i32], result: status },
  cpcdr_gather: { parameters: [buffer, buffer, buffer, buffer], result: status },
  cpcdr_segment_sum: { parameters: [buffer, buffer, buffer, buffer, buffer], result: status },
  cpcdr_label: { parameters: [buffer, buffer, buffer, buffer, f64, f32], result: status },
  cpcdr_label_bytes: { parameters: [buffer, buffer, buffer, buffer, f64, f64], result: status },
  cpcdr_label_surfaces: {
    parameters: [buffer, buffer, buffer, buffer, buffer, buffer, buffer, f64, f64, f64, f64],
    result: status,
  },
  cpcdr_label_statistics: {
    parameters: [buffer, buffer, buffer, buffer, buffer, buffer, buffer, buffer],
    result: status,
  },
  cpcdr_depth_regions: {
    parameters: [buffer, buffer, buffer, buffer, buffer, buffer, buffer, buffer],
    result: status,
  },
  cpcdr_superpixels: { parameters: [buffer, buffer, buffer, buffer, f64], result: status },
  cpcdr_segment_median: { parameters: [buffer, buffer, buffer, i32, i32], result: status },
  cpcdr_composite: {
    parameters: [buffer, buffer, buffer, buffer, buffer, buffer, buffer, buffer, buffer],
    result: status,
  },
  cpcdr_similarity: { parameters: [buffer, buffer, buffer, buffer], result: status },
  cpcdr_prototype_loss: {
    parameters: [buffer, buffer, buffer, buffer, buffer, buffer, buffer, buffer, f32, f32],
    result: status,
  },
  cpcdr_pad: { parameters: [buffer, buffer, buffer, f32], result: status },
  cpcdr_pad_grad: { parameters: [buffer, buffer, buffer], result: status },
  cpcdr_adam: {
    parameters: [buffer, buffer, buffer, buffer, i64, f32, f32, f32, f32, f32, i32],
    result: status,
  },
  cpcdr_sgd: { parameters: [buffer, buffer, buffer, i64, f32, f32, f32, i32], result: status },
} as const;

/** The whole table for `Deno.dlopen`. */
export const symbolTable = { ...librarySymbols, ...kernelSymbols };

/** The opened functions. */
export type Symbols = Deno.DynamicLibrary<typeof symbolTable>["symbols"];
