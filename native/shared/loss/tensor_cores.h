/*
 * What a thread adds up of a 64 x 64 tile (TileSums) and of a 64 x 128 one (WideSums): its own 4 x 4 and 4 x 8 sums
 * in float32, or its share of a warp's fragments on tensor cores.
 */
#ifndef CPCDR_TENSOR_CORES_H
#define CPCDR_TENSOR_CORES_H

#include <cstring>

#include "../launch.h"

#if defined(__CUDACC__)
#include <mma.h>
#endif

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kTileThreads = 256;
constexpr int kTile = 64, kDepthStep = 32, kWide = 128;
/* Rows in memory are a little longer than they need to be, so that threads of a warp meet in few banks. */
constexpr int kStride = kTile + 4, kWideStride = kWide + 4;

/* To the nearest value of 10 bits of mantissa, ties to even; infinities and NaN stay. */
CPCDR_SHARED float round_to_tf32(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7F800000u) != 0x7F800000u) bits = (bits + 0xFFFu + (bits >> 13 & 1)) & ~0x1FFFu;
  float rounded;
  memcpy(&rounded, &bits, sizeof rounded);
  return rounded;
}

/* Sums of kRows x kColumns neighbours. Threads lie 16 x 16 over a tile. */
template <int kRows, int kColumns>
struct PlainSums {
  float sums[kRows][kColumns];

  CPCDR_SHARED void clear() {
    for (int i = 0; i < kRows; i++) {
      for (int j = 0; j < kColumns; j++) sums[i][j] = 0;
    }
  }
  CPCDR_SHARED static int row(int thread) { return thread / 16 * kRows; }
  /* Columns lie in groups of four, so that neighbouring threads read neighbouring groups. */
  CPCDR_SHARED static int column(int thread, int j) { return j / 4 * kTile + thread % 16 * 4 + j % 4; }

  CPCDR_SHARED void add_products(const float (&a)[kRows], const float (&b)[kColumns]) {
    CPCDR_UNROLL
    for (int i = 0; i < kRows; i++) {
      CPCDR_UNROLL
      for (int j = 0; j < kColumns; j++) sums[i][j] = fused(a[i], b[j], sums[i][j]);
    }
  }
};

template <bool kTensor>
struct TileSums : PlainSums<4, 4> {
  /* left and right are [kDepthStep][kStride]. */
  CPCDR_SHARED void add(int thread, const float* left, const float* right) {
    for (int k = 0; k < kDepthStep; k++) {
      float a[4], b[4];
      for (int i = 0; i < 4; i++) a[i] = left[k * kStride + row(thread) + i];
      for (int j = 0; j < 4; j++) b[j] = right[k * kStride + column(thread, j)];
      add_products(a, b);
    }
  }
  CPCDR_SHARED void write(int thread, float* tile) const {
    for (int i = 0; i < 4; i++) {
      for (int j = 0; j < 4; j++) tile[(row(thread) + i) * kStride + column(thread, j)] = sums[i][j];
    }
  }
};

template <bool kTensor>
struct WideSums : PlainSums<4, 8> {
  /* Adds tile[:, from..from+31] [64, 32] times wide [32, 128]. */
  CPCDR_SHARED void add(int thread, const float* tile, int from, const float* wide) {
    for (int k = 0; k < kDepthStep; k++) {
      float a[4], b[8];
      for (int i = 0; i < 4; i++) a[i] = tile[(row(thread) + i) * kStride + from + k];
      for (int j = 0; j < 8; j++) b[j] = wide[k * kWideStride + column(thread, j)];
      add_products(a, b);
    }
  }
  /* Calls put(row, column, sum) for the thread's sums; on tensor cores by way of `memory` [256 floats a warp]. */
  template <typename Put>
  CPCDR_SHARED void each(int thread, float*, const Put& put) const {
    for (int i = 0; i < 4; i++) {
      for (int j = 0; j < 8; j++) put(row(thread) + i, column(thread, j), sums[i][j]);
    }
  }
};

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
typedef nvcuda::wmma::precision::tf32 Tf32;
typedef nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, 8, float> SumFragment;

/* Eight warps lie 4 x 2 over the tile: 16 rows and 32 columns each. */
template <>
struct TileSums<true> {
  SumFragment sums[2];

  __device__ void clear() {
    for (SumFragment& sum : sums) nvcuda::wmma::fill_fragment(sum, 0.0f);
  }
  __device__ void add(int thread, const float* left, const float* right) {
    using namespace nvcuda::wmma;
    const int warp = thread / kWarp, top = warp / 2 * 16, first = warp % 2 * 32;
    for (int k = 0; k < kDepthStep; k += 8) {
      fragment<matrix_a, 16, 16, 8, Tf32, col_major> a;
      load_matrix_sync(a, left + k * kStride + top, kStride);
      for (int j = 0; j < 2; j++) {
        fragment<matrix_b, 16, 16, 8, Tf32, row_major> b;
        load_matrix_sync(b, right + k * kStride + first + 16 * j, kStride);
        mma_sync(sums[j], a, b, sums[j]);
      }
    }
  }
  __device__ void write(int thread, float* tile) const {
    const int warp = thread / kWarp, top = warp / 2 * 16, first = warp % 2 * 32;
    for (int j = 0; j < 2; j++) {
      nvcuda::wmma::store_matrix_sync(tile + top * kStride + first + 16 * j, sums[j], kStride,
                                      nvcuda::wmma::mem_row_major);
    }
  }
};

/* 16 rows and 64 columns for each warp. */
template <>
struct WideSums<true> {
  SumFragment sums[4];

  __device__ void clear() {
    for (SumFragment& sum : sums) nvcuda::wmma::fill_fragment(sum, 0.0f);
  }
  __device__ void add(int thread, const float* tile, int from, const float* wide) {
    using namespace nvcuda::wmma;
    const int warp = thread / kWarp, top = warp / 2 * 16, first = warp % 2 * 64;
    for (int k = 0; k < kDepthStep; k += 8) {
      fragment<matrix_a, 16, 16, 8, Tf32, row_major> a;
      load_matrix_sync(a, tile + top * kStride + from + k, kStride);
      for (int j = 0; j < 4; j++) {
        fragment<matrix_b, 16, 16, 8, Tf32, row_major> b;
        load_matrix_sync(b, wide + k * kWideStride + first + 16 * j, kWideStride);
        mma_sync(sums[j], a, b, sums[j]);
      }
    }
  }
  template <typename Put>
  __device__ void each(int thread, float* memory, const Put& put) const {
    const int warp = thread / kWarp, top = warp / 2 * 16, first = warp % 2 * 64;
    float* const own = memory + 256 * warp;
    for (int j = 0; j < 4; j++) {
      nvcuda::wmma::store_matrix_sync(own, sums[j], 16, nvcuda::wmma::mem_row_major);
      __syncwarp();
      for (int e = thread % kWarp; e < 256; e += kWarp) put(top + e / 16, first + 16 * j + e % 16, own[e]);
      __syncwarp();
    }
  }
};
#endif

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
