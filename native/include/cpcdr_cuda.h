/*
 * cpcdr_cuda.h: what the CUDA library has beside the hot kernels of cpcdr_hot.h: devices, handles and memory.
 *
 * A handle owns a stream and a workspace on one device; its calls are queued on the stream in order. Each thread
 * says with cpcdr_cuda_use() which handle the hot kernels run on. A handle may be used by several threads, one call
 * at a time, so that threads that are to run side by side take one each.
 *
 * The library loads without a driver: cpcdr_cuda_devices() then answers CPCDR_NO_DRIVER.
 */
#ifndef CPCDR_CUDA_H
#define CPCDR_CUDA_H

#include "cpcdr_hot.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CPCDR_CUDA_ABI_VERSION 2

typedef struct cpcdr_cuda cpcdr_cuda;

/* How products of matrices are formed. */
enum cpcdr_cuda_precision {
  CPCDR_FP32 = 0, /* as they are: the default */
  CPCDR_TF32 = 1, /* factors rounded to 10 bits of mantissa, on tensor cores: compute capability 8.0 */
};

/* Numbers that cpcdr_cuda_device() answers. */
enum cpcdr_cuda_fact {
  CPCDR_CUDA_MAJOR = 0, /* compute capability */
  CPCDR_CUDA_MINOR = 1,
  CPCDR_CUDA_TOTAL_BYTES = 2,
  CPCDR_CUDA_MULTIPROCESSORS = 3,
  CPCDR_CUDA_BYTES_A_SECOND = 4, /* of its memory at peak; 0 where the driver does not tell */
  CPCDR_CUDA_FACTS = 5,
};

/* ---- devices: cuda/device.cu ---- */

CPCDR_API int32_t cpcdr_cuda_abi_version(void);
/* Of the CUDA runtime in the library and of the driver, 1000 * major + 10 * minor; 0 where there is no driver. */
CPCDR_API int32_t cpcdr_cuda_runtime_version(void);
CPCDR_API int32_t cpcdr_cuda_driver_version(void);
/* How many devices there are. CPCDR_NO_DRIVER, CPCDR_OLD_DRIVER or CPCDR_NO_DEVICE say why there is none. */
CPCDR_API int32_t cpcdr_cuda_devices(int32_t* count);
/* name gets up to name_bytes with the closing zero, facts [CPCDR_CUDA_FACTS] what the enum says. */
CPCDR_API int32_t cpcdr_cuda_device(int32_t device, char* name, int32_t name_bytes, int64_t* facts);

/* ---- handles and memory: cuda/handle.cu ---- */

CPCDR_API int32_t cpcdr_cuda_create(int32_t device, cpcdr_cuda** handle);
/* Waits for the stream. No thread may use the handle afterwards; memory of cpcdr_cuda_alloc() stays. */
CPCDR_API int32_t cpcdr_cuda_destroy(cpcdr_cuda* handle);
/* The hot kernels of this thread run on the handle from here on; null: on none. */
CPCDR_API int32_t cpcdr_cuda_use(cpcdr_cuda* handle);
/* CPCDR_INVALID_ARGUMENT where the device cannot do it. */
CPCDR_API int32_t cpcdr_cuda_set_precision(cpcdr_cuda* handle, int32_t precision);

CPCDR_API int32_t cpcdr_cuda_alloc(cpcdr_cuda* handle, int64_t bytes, void** memory);
/* Waits for the stream first, so that nothing that runs still reads the memory. */
CPCDR_API int32_t cpcdr_cuda_free(cpcdr_cuda* handle, void* memory);
/*
 * Copies are queued on the stream. Memory of the process that is not pinned may be changed once an upload has
 * returned, and a download into it is done when it returns.
 */
CPCDR_API int32_t cpcdr_cuda_upload(cpcdr_cuda* handle, void* to, const void* from, int64_t bytes);
/* Uploads of `count` arrays at once, which is faster than one after the other; addresses as numbers, sizes in bytes. */
CPCDR_API int32_t cpcdr_cuda_upload_all(cpcdr_cuda* handle, const uint64_t* to, const uint64_t* from,
                                        const int64_t* bytes, int32_t count);
CPCDR_API int32_t cpcdr_cuda_download(cpcdr_cuda* handle, void* to, const void* from, int64_t bytes);
CPCDR_API int32_t cpcdr_cuda_copy(cpcdr_cuda* handle, void* to, const void* from, int64_t bytes);
/* Waits for all that was queued; answers the first failure of it. */
CPCDR_API int32_t cpcdr_cuda_synchronize(cpcdr_cuda* handle);
/* Milliseconds on the device between two marks (0 or 1) that cpcdr_cuda_mark() queued; waits for them. */
CPCDR_API int32_t cpcdr_cuda_mark(cpcdr_cuda* handle, int32_t mark);
CPCDR_API int32_t cpcdr_cuda_elapsed(cpcdr_cuda* handle, float* milliseconds);

#ifdef __cplusplus
}
#endif
#endif
