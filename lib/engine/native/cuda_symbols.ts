/**
 * The C ABI of native/include/cpcdr_cuda.h and cpcdr_hot.h as Deno sees it. Handles and memory of the device
 * are addresses (`usize`, bigint); arrays of the process are `buffer`s.
 *
 * @module
 */

/** Version of the ABI that this table was written for. */
export const CUDA_ABI_VERSION = 2;

const status = "i32" as const;
const address = "usize" as const;
const buffer = "buffer" as const;
const i32 = "i32" as const;
const i64 = "i64" as const;
const f32 = "f32" as const;
const f64 = "f64" as const;

/** Devices, handles and memory. */
export const cudaLibrarySymbols = {
  cpcdr_cuda_abi_version: { parameters: [], result: i32 },
  cpcdr_cuda_runtime_version: { parameters: [], result: i32 },
  cpcdr_cuda_driver_version: { parameters: [], result: i32 },
  cpcdr_last_error: { parameters: [], result: "pointer" },
  cpcdr_workspace_bytes: { parameters: [], result: i64 },
  cpcdr_cuda_devices: { parameters: [buffer], result: status },
  cpcdr_cuda_device: { parameters: [i32, buffer, i32, buffer], result: status },
  cpcdr_cuda_create: { parameters: [i32, buffer], result: status },
  cpcdr_cuda_destroy: { parameters: [address], result: status },
  cpcdr_cuda_use: { parameters: [address], result: status },
  cpcdr_cuda_set_precision: { parameters: [address, i32], result: status },
  cpcdr_cuda_alloc: { parameters: [address, i64, buffer], result: status },
  cpcdr_cuda_free: { parameters: [address, address], result: status },
  cpcdr_cuda_upload: { parameters: [address, address, buffer, i64], result: status },
  cpcdr_cuda_upload_all: { parameters: [address, buffer, buffer, buffer, i32], result: status },
  cpcdr_cuda_download: { parameters: [address, buffer, address, i64], result: status },
  cpcdr_cuda_copy: { parameters: [address, address, address, i64], result: status },
  cpcdr_cuda_synchronize: { parameters: [address], result: status },
  cpcdr_cuda_mark: { parameters: [address, i32], result: status },
  cpcdr_cuda_elapsed: { parameters: [address, buffer], result: status },
} as const;

/** Kernels on memory of the device. */
export const cudaKernelSymbols = {
  cpcdr_label: { parameters: [address, address, address, buffer, f64, f32], result: status },
  cpcdr_label_surfaces: {
    parameters: [address, address, address, address, address, address, buffer, f64, f64, f64, f64],
    result: status,
  },
  cpcdr_label_statistics: {
    parameters: [address, address, address, address, address, address, address, buffer],
    result: status,
  },
  cpcdr_composite: {
    parameters: [buffer, buffer, buffer, buffer, address, address, address, address, buffer],
    result: status,
  },
  cpcdr_similarity: { parameters: [address, address, address, buffer], result: status },
  cpcdr_prototype_loss: {
    parameters: [address, address, address, address, address, address, address, buffer, f32, f32],
    result: status,
  },
} as const;

/** The functions that the library exports. */
export const cudaExports = { ...cudaLibrarySymbols, ...cudaKernelSymbols };

/** The opened functions. */
export type CudaSymbols = Deno.DynamicLibrary<typeof cudaExports>["symbols"];
