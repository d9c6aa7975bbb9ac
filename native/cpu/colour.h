/* Colour augmentation of [count, 3] pixels in 0..1: lib/mix/colour.ts is the definition. */
#ifndef CPCDR_COLOUR_H
#define CPCDR_COLOUR_H

#include <algorithm>

#include "dispatch.h"

namespace cpcdr {
namespace CPCDR_ISA {

inline float clamp01(float value) { return value < 0 ? 0 : value > 1 ? 1 : value; }

/* ITU-R 601 grey. */
inline float luma(const float* pixel) { return 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2]; }

/* Moves every value from `grey` by the factor. */
inline void stretch(float* pixels, int64_t values, float grey, float factor) {
  for (int64_t i = 0; i < values; i++) pixels[i] = clamp01(grey + (pixels[i] - grey) * factor);
}

inline float mean_grey(const float* pixels, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += static_cast<double>(luma(pixels + 3 * i));
  return static_cast<float>(sum / static_cast<double>(count));
}

inline void saturate(float* pixels, int64_t count, float factor) {
  for (int64_t i = 0; i < count; i++) {
    float* const pixel = pixels + 3 * i;
    const float grey = luma(pixel);
    for (int c = 0; c < 3; c++) pixel[c] = clamp01(grey + (pixel[c] - grey) * factor);
  }
}

/* Turns the hue by a share of the circle, in HSV; without branches, so that the loop vectorises. */
inline void shift_hue(float* pixels, int64_t count, float turn) {
  if (turn == 0) return;
  for (int64_t i = 0; i < count; i++) {
    float* const pixel = pixels + 3 * i;
    const float r = pixel[0], g = pixel[1], b = pixel[2];
    const float value = std::max(r, std::max(g, b)), chroma = value - std::min(r, std::min(g, b));
    const float inverse = 1 / (chroma == 0 ? 1.0f : chroma);
    const float from_green = value == g ? 2 + (b - r) * inverse : 4 + (r - g) * inverse;
    const float hue = (value == r ? (g - b) * inverse : from_green) + 6 * turn;
    for (int c = 0; c < 3; c++) {
      /* k = (5, 3, 1)[c] + hue, modulo 6. */
      const float shifted = static_cast<float>(5 - 2 * c) + hue, turns = shifted * (1.0f / 6);
      const float whole = static_cast<float>(static_cast<int>(turns)), floor = whole > turns ? whole - 1 : whole;
      const float k = shifted - 6 * floor;
      pixel[c] = value - chroma * std::max(0.0f, std::min(std::min(k, 4 - k), 1.0f));
    }
  }
}

/* Applies CPCDR_COLOUR_STEPS pairs of step and amount in order. */
inline void change_colours(float* pixels, int64_t count, const double* steps) {
  for (int s = 0; s < CPCDR_COLOUR_STEPS; s++) {
    const float amount = static_cast<float>(steps[2 * s + 1]);
    switch (static_cast<int>(steps[2 * s])) {
      case CPCDR_BRIGHTEN:
        stretch(pixels, 3 * count, 0, amount);
        break;
      case CPCDR_CONTRAST:
        stretch(pixels, 3 * count, mean_grey(pixels, count), amount);
        break;
      case CPCDR_SATURATE:
        saturate(pixels, count, amount);
        break;
      case CPCDR_HUE:
        shift_hue(pixels, count, amount);
        break;
    }
  }
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
