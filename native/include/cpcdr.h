/*
 * cpcdr.h: the one C ABI of cpcdr's native libraries.
 *
 * Every function returns a status, 0 for success; cpcdr_last_error() says more about the last failure
 * on the calling thread. Tensors are dense float32, row-major, NHWC for images and HWIO for filters.
 * Pointers belong to the caller and live where the library computes; nothing is kept after a call but
 * workspaces, which cpcdr_workspace_bytes() counts. Calls are safe from several threads: one of them
 * uses the thread pool at a time, the others run on their own thread meanwhile.
 *
 * Sizes come as one int32 array per call where there are many, in the order that the comment gives.
 */
#ifndef CPCDR_H
#define CPCDR_H

#include <stdint.h>

#if defined(_WIN32)
#define CPCDR_API __declspec(dllexport)
#else
#define CPCDR_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define CPCDR_ABI_VERSION 1

enum cpcdr_status {
  CPCDR_OK = 0,
  CPCDR_INVALID_ARGUMENT = 1,
  CPCDR_OUT_OF_MEMORY = 2,
};

/* What is applied to a result on its way to memory. */
enum cpcdr_activation {
  CPCDR_LINEAR = 0,
  CPCDR_RELU = 1,
  CPCDR_RELU6 = 2,
  CPCDR_ELU = 3,
  CPCDR_SIGMOID = 4,
  CPCDR_LEAKY_RELU = 5,
};

/* ---- library ---- */

CPCDR_API int32_t cpcdr_abi_version(void);
/* The instruction set in use: "baseline", "avx2" or "avx512". CPCDR_ISA in the environment lowers it. */
CPCDR_API const char* cpcdr_isa(void);
/* Threads of the pool; count < 1 asks for CPCDR_THREADS or all cores. Answers the number in use. */
CPCDR_API int32_t cpcdr_set_threads(int32_t count);
CPCDR_API int32_t cpcdr_threads(void);
/* Message of the last failure on this thread, "" if there was none. Valid until the next call. */
CPCDR_API const char* cpcdr_last_error(void);
CPCDR_API int64_t cpcdr_workspace_bytes(void);

/* ---- matrix product: kernels/gemm.cpp ---- */

/*
 * out[b] = activation(op(a[b % batchA]) * op(b[b % batchB]) + bias), op transposes when asked.
 * sizes: batch, m, n, k, transposeA, transposeB, batchStrideA, batchStrideB (in floats, 0 broadcasts),
 * activation. bias is [n] or null. alpha is the slope of CPCDR_LEAKY_RELU.
 */
CPCDR_API int32_t cpcdr_matmul(const float* a, const float* b, const float* bias, float* out,
                               const int32_t* sizes, float alpha);

/* ---- convolution: kernels/conv.cpp ---- */

/*
 * sizes of all three: batch, inHeight, inWidth, inChannels, filterHeight, filterWidth, outHeight,
 * outWidth, outChannels, strideHeight, strideWidth, dilationHeight, dilationWidth, padTop, padLeft,
 * activation (of the forward pass; 0 elsewhere).
 */
CPCDR_API int32_t cpcdr_conv2d(const float* x, const float* filter, const float* bias, float* y,
                               const int32_t* sizes, float alpha);
CPCDR_API int32_t cpcdr_conv2d_input_grad(const float* dy, const float* filter, float* dx,
                                          const int32_t* sizes);
CPCDR_API int32_t cpcdr_conv2d_filter_grad(const float* x, const float* dy, float* dfilter,
                                           const int32_t* sizes);

#ifdef __cplusplus
}
#endif
#endif
