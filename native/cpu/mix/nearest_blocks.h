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

/* NaN, which is never in front and never behind, is passed over. */
inline float lesser(float a, float b) { return b < a ? b : a; }
inline float greater(float a, float b) { return b > a ? b : a; }

/* The least and the largest values of one block of up to 16 x 16; a lane for each column until the end. */
inline void extremes_of_block(const float* values, int64_t stride, int rows, int columns, float* least, float* most) {
  float low[kBlock], high[kBlock];
  std::fill_n(low, kBlock, std::numeric_limits<float>::infinity());
  std::fill_n(high, kBlock, -std::numeric_limits<float>::infinity());
  for (int y = 0; y < rows; y++) {
    const float* const row = values + y * stride;
    if (columns == kBlock) {
      for (int x = 0; x < kBlock; x++) low[x] = lesser(low[x], row[x]), high[x] = greater(high[x], row[x]);
    } else {
      for (int x = 0; x < columns; x++) low[x] = lesser(low[x], row[x]), high[x] = greater(high[x], row[x]);
    }
  }
  for (int half = kBlock / 2; half > 0; half /= 2) {
    for (int x = 0; x < half; x++) low[x] = lesser(low[x], low[x + half]), high[x] = greater(high[x], high[x + half]);
  }
  *least = low[0];
  *most = high[0];
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
