/* Colour augmentation of one pixel in 0..1: lib/mix/colour.ts is the definition, cpu/mix/colour.h does whole images. */
#ifndef CPCDR_PIXEL_H
#define CPCDR_PIXEL_H

#include <cmath>

#include "../../include/cpcdr_hot.h"
#include "canvas_colour.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* CPCDR_COLOUR_STEPS steps in order. */
struct ColourSteps {
  uint32_t kinds;                    /* four bits each */
  float amounts[CPCDR_COLOUR_STEPS]; /* of hues in sixths of the circle, 0 <= amount < 6 */

  /* From pairs of doubles of the host. */
  static ColourSteps from(const double* pairs) {
    ColourSteps steps;
    steps.kinds = 0;
    for (int s = 0; s < CPCDR_COLOUR_STEPS; s++) {
      const int kind = static_cast<int>(pairs[2 * s]);
      if (kind >= CPCDR_BRIGHTEN && kind <= CPCDR_HUE) steps.kinds |= static_cast<uint32_t>(kind) << 4 * s;
      const float amount = static_cast<float>(pairs[2 * s + 1]);
      steps.amounts[s] = kind == CPCDR_HUE ? 6 * amount - 6 * std::floor(amount) : amount;
    }
    return steps;
  }
  CPCDR_SHARED int kind(int step) const { return static_cast<int>(kinds >> 4 * step & 15); }
};

CPCDR_SHARED float between_0_and_1(float value) {
#if defined(__CUDA_ARCH__)
  return __saturatef(value);
#else
  return value < 0 ? 0 : value > 1 ? 1 : value;
#endif
}

/* ITU-R 601 grey. */
CPCDR_SHARED float grey_of(const float* pixel) {
  return fused(0.114f, pixel[2], fused(0.587f, pixel[1], 0.299f * pixel[0]));
}

/* Moves every channel from `grey` by the factor. */
CPCDR_SHARED void stretch_pixel(float* pixel, float grey, float factor) {
  CPCDR_UNROLL
  for (int c = 0; c < 3; c++) pixel[c] = between_0_and_1(fused(pixel[c] - grey, factor, grey));
}

/*
 * Turns the hue in HSV. begins [3] are where the channels begin, (5, 3, 1) plus the turn modulo 6, in sixths of the
 * circle. The hue is kept times the chroma, so that nothing is divided.
 */
CPCDR_SHARED void turn_pixel(float* pixel, const float* begins) {
  const float r = pixel[0], g = pixel[1], b = pixel[2];
  const float value = most(r, most(g, b)), chroma = value - least(r, least(g, b)), round = 6 * chroma;
  const float from_green = value == g ? fused(2, chroma, b - r) : fused(4, chroma, r - g);
  const float hue = value == r ? g - b : from_green;
  CPCDR_UNROLL
  for (int c = 0; c < 3; c++) {
    const float along = fused(begins[c], chroma, hue), k = along >= round ? along - round : along;
    pixel[c] = value - most(0, least(least(k, fused(4, chroma, -k)), chroma));
  }
}

/* Has a value read by here: compilers put reads off to the branch that wants them, one wait after the other. */
CPCDR_SHARED void await(float& value) {
#if defined(__CUDA_ARCH__)
  asm volatile("" : "+f"(value));
#else
  (void)value;
#endif
}

/* Steps and the mean greys of all pixels before each contrast step, in registers. */
struct HeldSteps {
  ColourSteps steps;
  float greys[CPCDR_COLOUR_STEPS];

  CPCDR_SHARED HeldSteps(const ColourSteps& from, const float* means) : steps(from) {
    CPCDR_UNROLL
    for (int s = 0; s < CPCDR_COLOUR_STEPS; s++) {
      greys[s] = means[s];
      await(greys[s]);
      await(steps.amounts[s]);
    }
  }
};

/* The first `count` steps on some pixels. */
template <int kPixels>
CPCDR_SHARED void change_pixels(float (&pixels)[kPixels][3], const HeldSteps& held, int count) {
  CPCDR_UNROLL
  for (int s = 0; s < CPCDR_COLOUR_STEPS; s++) {
    if (s >= count) return;
    const int kind = held.steps.kind(s);
    const float amount = held.steps.amounts[s];
    /* Three kinds differ by their grey alone: choosing it is cheaper than branching to each. */
    if (kind == CPCDR_BRIGHTEN || kind == CPCDR_CONTRAST || kind == CPCDR_SATURATE) {
      const float common = kind == CPCDR_CONTRAST ? held.greys[s] : 0;
      CPCDR_UNROLL
      for (int k = 0; k < kPixels; k++) {
        stretch_pixel(pixels[k], kind == CPCDR_SATURATE ? grey_of(pixels[k]) : common, amount);
      }
    } else if (kind == CPCDR_HUE && amount != 0) {
      float begins[3];
      CPCDR_UNROLL
      for (int c = 0; c < 3; c++) {
        const float begin = static_cast<float>(5 - 2 * c) + amount;
        begins[c] = begin < 6 ? begin : begin - 6;
      }
      CPCDR_UNROLL
      for (int k = 0; k < kPixels; k++) turn_pixel(pixels[k], begins);
    }
  }
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
