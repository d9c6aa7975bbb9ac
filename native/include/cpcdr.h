/*
 * cpcdr.h: the one C ABI of cpcdr's native libraries. What the CUDA library has too, the hot kernels,
 * is declared in cpcdr_hot.h; what it alone has, in cpcdr_cuda.h.
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

#include "cpcdr_hot.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CPCDR_ABI_VERSION 6

/* What is applied to a result on its way to memory. */
enum cpcdr_activation {
  CPCDR_LINEAR = 0,
  CPCDR_RELU = 1,
  CPCDR_RELU6 = 2,
  CPCDR_ELU = 3,
  CPCDR_SIGMOID = 4,
  CPCDR_LEAKY_RELU = 5,
};

/* What the factors of products are rounded to. Tensors are float32, and so is the sum, whichever it is. */
enum cpcdr_precision {
  CPCDR_FLOAT32 = 0,
  CPCDR_BFLOAT16 = 1,
};

/* ---- library ---- */

CPCDR_API int32_t cpcdr_abi_version(void);
/* The instruction set in use: "baseline", "avx2" or "avx512", which CPCDR_ISA in the environment lowers; "neon" on ARM. */
CPCDR_API const char* cpcdr_isa(void);
/* 1 where CPCDR_BFLOAT16 can be asked for, since the processor multiplies it, else 0. */
CPCDR_API int32_t cpcdr_bfloat16(void);
/*
 * Processors that this process may use, where its host knows better than that all may: containers and batch queues
 * allow fewer. To be said before the first call that computes.
 */
CPCDR_API int32_t cpcdr_set_processors(int32_t count);
/* Threads of the pool; count < 1 asks for CPCDR_THREADS or one for each processor. Answers the number in use. */
CPCDR_API int32_t cpcdr_set_threads(int32_t count);
CPCDR_API int32_t cpcdr_threads(void);

/* ---- connected components of bytes: kernels/label.cpp ---- */

/* cpcdr_label (cpcdr_hot.h) of maps of bytes; no pixel equals a background outside 0..255. */
CPCDR_API int32_t cpcdr_label_bytes(const uint8_t* maps, int32_t* labels, int32_t* counts, const int32_t* sizes,
                                    double max_jump, double background);

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
 * activation (of the forward pass; 0 elsewhere), precision. Where there are few outputs factors stay float32.
 */
CPCDR_API int32_t cpcdr_conv2d(const float* x, const float* filter, const float* bias, float* y,
                               const int32_t* sizes, float alpha);
CPCDR_API int32_t cpcdr_conv2d_input_grad(const float* dy, const float* filter, float* dx,
                                          const int32_t* sizes);
CPCDR_API int32_t cpcdr_conv2d_filter_grad(const float* x, const float* dy, float* dfilter,
                                           const int32_t* sizes);

/* ---- training batch normalisation: kernels/batch_norm.cpp ---- */

/*
 * x, residual and y are [rows, channels]. mean and variance (biased) come out; y = relu?((x - mean) /
 * sqrt(variance + epsilon) * scale + offset + residual). residual may be null.
 */
CPCDR_API int32_t cpcdr_batch_norm(const float* x, const float* scale, const float* offset,
                                   const float* residual, float* y, float* mean, float* variance,
                                   int32_t rows, int32_t channels, float epsilon, int32_t relu);
/* y decides where the ReLU passed; dresidual may be null. */
CPCDR_API int32_t cpcdr_batch_norm_grad(const float* dy, const float* x, const float* y, const float* scale,
                                        const float* mean, const float* variance, float* dx, float* dscale,
                                        float* doffset, float* dresidual, int32_t rows, int32_t channels,
                                        float epsilon, int32_t relu);

/* ---- element-wise: kernels/elementwise.cpp ---- */

enum cpcdr_binary_op {
  CPCDR_ADD = 0,
  CPCDR_SUB = 1,
  CPCDR_MUL = 2,
  CPCDR_DIV = 3,
  CPCDR_MAXIMUM = 4,
  CPCDR_MINIMUM = 5,
  CPCDR_SQUARED_DIFFERENCE = 6,
  CPCDR_ELU_GRAD = 7, /* a = dy, b = y */
  CPCDR_GREATER = 8, /* from here on the result is one byte an element, 0 or 1 */
  CPCDR_GREATER_EQUAL = 9,
  CPCDR_LESS = 10,
  CPCDR_LESS_EQUAL = 11,
  CPCDR_EQUAL = 12,
  CPCDR_NOT_EQUAL = 13,
};

/* sizes: four output extents, then four strides of a, then four of b, in elements; 0 broadcasts. */
CPCDR_API int32_t cpcdr_binary(int32_t op, const float* a, const float* b, void* out, const int32_t* sizes);

enum cpcdr_unary_op {
  CPCDR_NEG = 0,
  CPCDR_ABS = 1,
  CPCDR_SQUARE = 2,
  CPCDR_SQRT = 3,
  CPCDR_RSQRT = 4,
  CPCDR_RECIPROCAL = 5,
  CPCDR_EXP = 6,
  CPCDR_LOG = 7,
  CPCDR_SIGMOID_OF = 8,
  CPCDR_RELU_OF = 9,
  CPCDR_RELU6_OF = 10,
  CPCDR_ELU_OF = 11,
  CPCDR_LEAKY_RELU_OF = 12, /* p = slope */
  CPCDR_CLIP = 13,          /* p..q */
  CPCDR_STEP = 14,          /* 1 above 0, p below, NaN stays */
  CPCDR_TANH = 15,
  CPCDR_LOG1P = 16,
  CPCDR_SOFTPLUS = 17,
  CPCDR_FLOOR = 18,
  CPCDR_CEIL = 19,
  CPCDR_SIGN = 20, /* 0 for NaN, as in tfjs */
};

CPCDR_API int32_t cpcdr_unary(int32_t op, const float* x, float* y, int64_t count, float p, float q);
/* out = condition ? a : b, element by element. */
CPCDR_API int32_t cpcdr_select(const uint8_t* condition, const float* a, const float* b, float* out,
                               int64_t count);

enum cpcdr_logical_op { CPCDR_AND = 0, CPCDR_OR = 1, CPCDR_NOT = 2 };

/* Bytes, of which any but 0 is true; NOT reads a alone, b is a then. */
CPCDR_API int32_t cpcdr_logical(int32_t op, const uint8_t* a, const uint8_t* b, uint8_t* out, int64_t count);

/* ---- reductions: kernels/reduce.cpp ---- */

enum cpcdr_reduction { CPCDR_SUM = 0, CPCDR_MEAN = 1, CPCDR_MAX = 2, CPCDR_MIN = 3 };

/* x [outer, extent, inner] over its middle axis. The order of summation does not depend on threads. */
CPCDR_API int32_t cpcdr_reduce(int32_t op, const float* x, float* y, int32_t outer, int32_t extent,
                               int32_t inner);

/* The index of the first largest element along the middle axis. */
CPCDR_API int32_t cpcdr_arg_max(const float* x, int32_t* y, int32_t outer, int32_t extent, int32_t inner);

/* ---- softmax: kernels/softmax.cpp ---- */

/* Along the last axis of [rows, columns]; logarithm != 0 answers the logarithm. */
CPCDR_API int32_t cpcdr_softmax(const float* x, float* y, int32_t rows, int32_t columns, int32_t logarithm);

/* ---- pooling: kernels/pool.cpp ---- */

/*
 * sizes: batch, inHeight, inWidth, channels, outHeight, outWidth, filterHeight, filterWidth, strideHeight,
 * strideWidth, dilationHeight, dilationWidth, padTop, padLeft. Averages count pixels of the image alone.
 */
/* NaN is passed over. */
CPCDR_API int32_t cpcdr_max_pool(const float* x, float* y, const int32_t* sizes);
/* The gradient goes to the first largest element of each window. */
CPCDR_API int32_t cpcdr_max_pool_grad(const float* dy, const float* x, float* dx, const int32_t* sizes);
CPCDR_API int32_t cpcdr_avg_pool(const float* x, float* y, const int32_t* sizes);
/* As tfjs-core defines it: a share is 1 / filter size, also of windows that hang over the border. */
CPCDR_API int32_t cpcdr_avg_pool_grad(const float* dy, float* dx, const int32_t* sizes);

/* ---- resizing: kernels/resize.cpp ---- */

/* sizes: batch, inHeight, inWidth, channels, outHeight, outWidth, alignCorners, halfPixelCenters. */
CPCDR_API int32_t cpcdr_resize_bilinear(const float* x, float* y, const int32_t* sizes);
CPCDR_API int32_t cpcdr_resize_bilinear_grad(const float* dy, float* dx, const int32_t* sizes);
CPCDR_API int32_t cpcdr_resize_nearest(const float* x, float* y, const int32_t* sizes);
CPCDR_API int32_t cpcdr_resize_nearest_grad(const float* dy, float* dx, const int32_t* sizes);

/* ---- grid sampling: kernels/grid_sample.cpp ---- */

/*
 * grid [batch, outHeight, outWidth, 2] holds pixel positions (x, y). sizes: batch, inHeight, inWidth,
 * channels, outHeight, outWidth, zeros (1: zero outside; 0: the border goes on).
 */
CPCDR_API int32_t cpcdr_grid_sample(const float* x, const float* grid, float* y, const int32_t* sizes);
/* dx or dgrid may be null where it is not wanted. */
CPCDR_API int32_t cpcdr_grid_sample_grad(const float* dy, const float* x, const float* grid, float* dx,
                                         float* dgrid, const int32_t* sizes);

/* ---- pixels in another view: kernels/project_pixels.cpp ---- */

/*
 * positions [batch, height, width, 2], (x, y) in pixels: the first two of projection [batch, 3, 4] times (x, y, 1, d),
 * over the third, which is at least `least`, for pixels of inverse depth d in disparity [batch, height, width].
 * sizes: batch, height, width.
 */
CPCDR_API int32_t cpcdr_project_pixels(const float* disparity, const float* projection, float* positions,
                                       const int32_t* sizes, float least);
/* ddisparity or dprojection may be null where it is not wanted. */
CPCDR_API int32_t cpcdr_project_pixels_grad(const float* dy, const float* disparity, const float* projection,
                                            float* ddisparity, float* dprojection, const int32_t* sizes, float least);

/* ---- photometric error: kernels/photometric_error.cpp ---- */

/*
 * Of images a[n] and b[n % targets], per pixel y [images of a, height, width]: ssim_weight * (1 - SSIM) / 2 +
 * (1 - ssim_weight) * |a - b|, the mean over channels, SSIM over 3x3 windows with a mirrored border.
 * sizes: images of a, targets (images of b), height, width (each at least 2), channels.
 */
CPCDR_API int32_t cpcdr_photometric_error(const float* a, const float* b, float* y, const int32_t* sizes,
                                          float ssim_weight);
CPCDR_API int32_t cpcdr_photometric_error_grad(const float* dy, const float* a, const float* b, float* da,
                                               const int32_t* sizes, float ssim_weight);

/* ---- direct alignment: kernels/alignment.cpp ---- */

/*
 * Gauss-Newton steps on the brightness of frames target and source [batch, height, width], the target's
 * inverse depths being known: camera [batch, 3, 3] in pixels, motion and out [batch, 12], a rotation
 * (row-major) and a translation. Weights are Huber's; damping is relative to the diagonal.
 * sizes: batch, height, width, iterations.
 */
CPCDR_API int32_t cpcdr_align_motion(const float* target, const float* source, const float* disparity,
                                     const float* camera, const float* motion, float* out, const int32_t* sizes,
                                     float huber, float damping);
/* out [batch]: Huber's loss, a mean over what falls inside the source. sizes: batch, height, width. */
CPCDR_API int32_t cpcdr_alignment_error(const float* target, const float* source, const float* disparity,
                                        const float* camera, const float* motion, float* out, const int32_t* sizes,
                                        float huber);

/* ---- moving elements of four bytes: kernels/movement.cpp ---- */

/*
 * y[y_offset + sum i_k * y_stride_k] = x[x_offset + sum i_k * x_stride_k] for all indices i.
 * sizes: rank (0 to 16), then extents, strides of x, strides of y, each [rank], in elements.
 */
CPCDR_API int32_t cpcdr_copy(const void* x, void* y, const int32_t* sizes, int32_t x_offset, int32_t y_offset);
/*
 * y[b, o, i] = x[b, o, indices[b, i]], rows of `inner` elements; indices [batch, count] within 0..extent-1.
 * sizes: batch, outer, extent, inner, count.
 */
CPCDR_API int32_t cpcdr_gather(const void* x, const int32_t* indices, void* y, const int32_t* sizes);
/*
 * y [count, inner]: sums, or means, of rows of x [., inner] by segment: row r of `rows` is x[indices[r]], or
 * x[r] where indices is null, and belongs to segments[r]; segments outside 0..count-1 are left out.
 * sizes: rows, inner, count, mean.
 */
CPCDR_API int32_t cpcdr_segment_sum(const float* x, const int32_t* indices, const int32_t* segments, float* y,
                                    const int32_t* sizes);

/* ---- depth regions: kernels/regions.cpp and superpixels.cpp ---- */

/* Doubles of one region: area, top, left, bottom, right (the last two exclusive), mean disparity. */
#define CPCDR_REGION_FIELDS 6

/*
 * lib/regions/depth_regions.ts from disparity [height, width] on, without superpixels: ids [height, width] in raster
 * order of first pixels, count [1] of them, and the first `capacity` regions. measured [height, width] is what mean
 * disparities are taken from, mostly the same array. draws [trials, 3] are random bits for the ground's plane.
 * sizes: height, width, trials, capacity. settings: fx, fy, cx, cy in image widths and heights, then maxJump's rule
 * (kerb, maxJump, minCosine, creaseCosine), groundHeight, groundUpright, skyDepth, least area in pixels, keepJump
 * (NaN: keep none), keepArea in pixels.
 */
CPCDR_API int32_t cpcdr_depth_regions(const float* disparity, const float* measured, const uint32_t* draws, int32_t* ids,
                                      double* regions, int32_t* count, const int32_t* sizes, const double* settings);
/*
 * lib/regions/superpixels.ts: ids [height, width] of rgb [height, width, 3]; linear [256] are the linear shares of
 * 8-bit sRGB. sizes: height, width, rows and columns of the first grid, reach, iterations.
 */
CPCDR_API int32_t cpcdr_superpixels(const uint8_t* rgb, const float* linear, int32_t* ids, const int32_t* sizes,
                                    double by_place);
/* out [pixels]: the upper median of the values of each pixel's id within 0..count-1. NaN sorts last. */
CPCDR_API int32_t cpcdr_segment_median(const float* values, const int32_t* ids, float* out, int32_t pixels,
                                       int32_t count);

/* ---- padding: kernels/pad.cpp ---- */

/* sizes: batch, height, width, channels, top, bottom, left, right, mode (0 constant, 1 reflect, 2 symmetric). */
CPCDR_API int32_t cpcdr_pad(const float* x, float* y, const int32_t* sizes, float value);
CPCDR_API int32_t cpcdr_pad_grad(const float* dy, float* dx, const int32_t* sizes);

/* ---- optimisers: kernels/optimizer.cpp ---- */

/* torch.optim.Adam: grad += decay * param; param, m and v change in place; step counts from 1. */
CPCDR_API int32_t cpcdr_adam(float* param, const float* grad, float* m, float* v, int64_t count, float rate,
                             float beta1, float beta2, float epsilon, float decay, int32_t step);
/* torch.optim.SGD without dampening; param and velocity change in place. */
CPCDR_API int32_t cpcdr_sgd(float* param, const float* grad, float* velocity, int64_t count, float rate,
                            float momentum, float decay, int32_t nesterov);

#ifdef __cplusplus
}
#endif
#endif
