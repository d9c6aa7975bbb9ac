/* Colours of a canvas in 16 bits a channel: 1 / 256 of the steps of the 8 bits that sources have. */
#ifndef CPCDR_CANVAS_COLOUR_H
#define CPCDR_CANVAS_COLOUR_H

#include <cmath>

#include "../half.h"
#include "../launch.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Of two numbers; one instruction on a GPU. */
CPCDR_SHARED float most(float a, float b) {
#if defined(__CUDA_ARCH__)
  return fmaxf(a, b);
#else
  return a < b ? b : a;
#endif
}
CPCDR_SHARED float least(float a, float b) {
#if defined(__CUDA_ARCH__)
  return fminf(a, b);
#else
  return b < a ? b : a;
#endif
}

/* Red, green and blue of 0..1 times 65535, from the lowest bits on; one access. */
typedef uint64_t CanvasColour;

CPCDR_SHARED uint32_t canvas_channel(float value) {
  return bits_of_float(fused(most(0, least(value, 1)), 65535.0f, kWhole)) - kWholeBits;
}

CPCDR_SHARED CanvasColour canvas_colour(const float* rgb) {
  const uint32_t low = canvas_channel(rgb[0]) | canvas_channel(rgb[1]) << 16;
  return low | uint64_t{canvas_channel(rgb[2])} << 32;
}

/* kWhole plus each channel times 65535. */
CPCDR_SHARED void raised_channels(CanvasColour colour, float* channels) {
  const uint32_t low = static_cast<uint32_t>(colour), high = static_cast<uint32_t>(colour >> 32);
  channels[0] = raised(low, false);
  channels[1] = raised(low, true);
  channels[2] = raised(high, false);
}

/* Between pixels (row, column) of a canvas and those behind and below, which may be any memory where shares are 0. */
CPCDR_SHARED void mix_canvas(const CanvasColour* at, int width, float right, float below, float* rgb) {
  float corners[4][3];
  raised_channels(at[0], corners[0]);
  raised_channels(at[1], corners[1]);
  raised_channels(at[width], corners[2]);
  raised_channels(at[width + 1], corners[3]);
  for (int c = 0; c < 3; c++) {
    const float top = fused(corners[1][c] - corners[0][c], right, corners[0][c] - kWhole);
    const float bottom = fused(corners[3][c] - corners[2][c], right, corners[2][c] - kWhole);
    rgb[c] = fused(bottom - top, below, top) * (1 / 65535.0f);
  }
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
