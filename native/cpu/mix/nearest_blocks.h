/* Extremes of disparities in blocks of 16 x 16 pixels, by which whole blocks need no test of what is in front. */
#ifndef CPCDR_MIX_NEAREST_BLOCKS_H
#define CPCDR_MIX_NEAREST_BLOCKS_H

#include <algorithm>
#include <limits>

#include "../vec.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kBlock = 16;
constexpr int blocks_along(int size) { return (size + kBlock - 1) / kBlock; }
constexpr int64_t blocks_of(int height, int width) { return int64_t{blocks_along(height)} * blocks_along(width); }

/* Lane by lane, each one instruction; the second where either is NaN. */
inline Vec smaller_of(Vec a, Vec b) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  return reinterpret_cast<Vec>(_mm512_maskz_min_ps(0xFFFF, a, b));
#elif defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
  return reinterpret_cast<Vec>(_mm256_min_ps(a, b));
#else
  return a < b ? a : b;
#endif
}

inline Vec larger_of(Vec a, Vec b) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  return reinterpret_cast<Vec>(_mm512_maskz_max_ps(0xFFFF, a, b));
#elif defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
  return reinterpret_cast<Vec>(_mm256_max_ps(a, b));
#else
  return a > b ? a : b;
#endif
}

/* NaN, which is never in front and never behind, is passed over. */
inline float lesser(float a, float b) { return b < a ? b : a; }
inline float greater(float a, float b) { return b > a ? b : a; }

/* The least and the largest values of one block of up to 16 x 16. */
inline void extremes_of_block(const float* values, int64_t stride, int rows, int columns, float* least, float* most) {
  constexpr int kVectors = kBlock / kLanes;
  const float infinity = std::numeric_limits<float>::infinity();
  float lows[kBlock], highs[kBlock];
  if (columns == kBlock) {
    Vec low[kVectors], high[kVectors];
    for (int v = 0; v < kVectors; v++) low[v] = splat(infinity), high[v] = splat(-infinity);
    for (int y = 0; y < rows; y++) {
      for (int v = 0; v < kVectors; v++) {
        const Vec row = load(values + y * stride + v * kLanes);
        low[v] = smaller_of(row, low[v]);
        high[v] = larger_of(row, high[v]);
      }
    }
    for (int v = 0; v < kVectors; v++) store(lows + v * kLanes, low[v]), store(highs + v * kLanes, high[v]);
  } else {
    std::fill_n(lows, kBlock, infinity);
    std::fill_n(highs, kBlock, -infinity);
    for (int y = 0; y < rows; y++) {
      const float* const row = values + y * stride;
      for (int x = 0; x < columns; x++) lows[x] = lesser(lows[x], row[x]), highs[x] = greater(highs[x], row[x]);
    }
  }
  for (int half = kBlock / 2; half > 0; half /= 2) {
    for (int x = 0; x < half; x++) {
      lows[x] = lesser(lows[x], lows[x + half]);
      highs[x] = greater(highs[x], highs[x + half]);
    }
  }
  *least = lows[0];
  *most = highs[0];
}

/* Of a map [height, width], row of blocks by row of blocks. */
inline void extremes_of_blocks(const float* values, int height, int width, float* least, float* most) {
  const int across = blocks_along(width);
  for (int y = 0; y < blocks_along(height); y++) {
    for (int x = 0; x < across; x++) {
      extremes_of_block(values + int64_t{y} * kBlock * width + x * kBlock, width, std::min(kBlock, height - y * kBlock),
                        std::min(kBlock, width - x * kBlock), least + y * across + x, most + y * across + x);
    }
  }
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
