/* Colour augmentation of planes in 0..1: lib/mix/colour.ts is the definition. */
#ifndef CPCDR_COLOUR_H
#define CPCDR_COLOUR_H

#include "planes.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* In the order in which it is one instruction each. */
inline float clamp01(float value) { return std::max(0.0f, std::min(1.0f, value)); }

/* ITU-R 601 grey. */
inline float luma(float red, float green, float blue) { return 0.299f * red + 0.587f * green + 0.114f * blue; }

/* Moves every value from `grey` by the factor. */
CPCDR_APART void stretch(float* values, int64_t count, float grey, float factor) {
  const float still = grey - grey * factor;
  for (int64_t i = 0; i < count; i++) values[i] = clamp01(values[i] * factor + still);
}

inline void stretch(const Planes& pixels, int64_t count, float grey, float factor) {
  stretch(pixels.red, count, grey, factor);
  stretch(pixels.green, count, grey, factor);
  stretch(pixels.blue, count, grey, factor);
}

/* The sum of the greys of the first `count` pixels of a row of whole steps. */
CPCDR_APART double sum_of_greys(const Planes& pixels, int count) {
  float sums[kStep] = {};
  int i = 0;
  for (; i + kStep <= count; i += kStep) {
    for (int k = 0; k < kStep; k++) sums[k] += luma(pixels.red[i + k], pixels.green[i + k], pixels.blue[i + k]);
  }
  for (int k = 0; k < kStep && i < count; k++) {
    const float grey = luma(pixels.red[i + k], pixels.green[i + k], pixels.blue[i + k]);
    sums[k] += i + k < count ? grey : 0;
  }
  double sum = 0;
  for (int k = 0; k < kStep; k++) sum += static_cast<double>(sums[k]);
  return sum;
}

CPCDR_APART void saturate(const Planes& pixels, int64_t count, float factor) {
  float *__restrict const red = pixels.red, *__restrict const green = pixels.green;
  float* __restrict const blue = pixels.blue;
  for (int64_t i = 0; i < count; i++) {
    const float still = luma(red[i], green[i], blue[i]) * (1 - factor);
    red[i] = clamp01(red[i] * factor + still);
    green[i] = clamp01(green[i] * factor + still);
    blue[i] = clamp01(blue[i] * factor + still);
  }
}

/* The channel that `first` (5, 3, 1 for red, green, blue) stands for. */
inline float channel_of_hue(float first, float hue, float value, float chroma) {
  const float shifted = first + hue, turns = shifted * (1.0f / 6);
  const float whole = static_cast<float>(static_cast<int>(turns)), floor = whole > turns ? whole - 1 : whole;
  const float k = shifted - 6 * floor;
  return value - chroma * std::max(0.0f, std::min(std::min(k, 4 - k), 1.0f));
}

/* Turns the hue by a share of the circle, in HSV; without branches, so that the loop vectorises. */
CPCDR_APART void shift_hue(const Planes& pixels, int64_t count, float turn) {
  if (turn == 0) return;
  float *__restrict const red = pixels.red, *__restrict const green = pixels.green;
  float* __restrict const blue = pixels.blue;
  for (int64_t i = 0; i < count; i++) {
    const float r = red[i], g = green[i], b = blue[i];
    const float value = std::max(r, std::max(g, b)), chroma = value - std::min(r, std::min(g, b));
    const float inverse = 1 / (chroma == 0 ? 1.0f : chroma);
    const float from_green = value == g ? 2 + (b - r) * inverse : 4 + (r - g) * inverse;
    const float hue = (value == r ? (g - b) * inverse : from_green) + 6 * turn;
    red[i] = channel_of_hue(5, hue, value, chroma);
    green[i] = channel_of_hue(3, hue, value, chroma);
    blue[i] = channel_of_hue(1, hue, value, chroma);
  }
}

/*
 * CPCDR_COLOUR_STEPS pairs of step and amount, applied in order. A contrast step wants the mean grey of all pixels
 * before it: while waits(), apply() goes as far as that step, and meet() tells the mean.
 */
class Recolour {
 public:
  explicit Recolour(const double* steps) : steps_(steps) { end_ = next_contrast(0); }

  bool waits() const { return end_ < CPCDR_COLOUR_STEPS; }

  CPCDR_APART void apply(const Planes& pixels, int64_t count) const {
    if (contrasts_) stretch(pixels, count, grey_, amount(begin_ - 1));
    for (int s = begin_; s < end_; s++) {
      switch (kind(s)) {
        case CPCDR_BRIGHTEN:
          stretch(pixels, count, 0, amount(s));
          break;
        case CPCDR_SATURATE:
          saturate(pixels, count, amount(s));
          break;
        case CPCDR_HUE:
          shift_hue(pixels, count, amount(s));
          break;
      }
    }
  }

  void meet(double mean_grey) {
    contrasts_ = true;
    grey_ = static_cast<float>(mean_grey);
    begin_ = end_ + 1;
    end_ = next_contrast(begin_);
  }

 private:
  int kind(int s) const { return static_cast<int>(steps_[2 * s]); }
  float amount(int s) const { return static_cast<float>(steps_[2 * s + 1]); }
  int next_contrast(int from) const {
    while (from < CPCDR_COLOUR_STEPS && kind(from) != CPCDR_CONTRAST) from++;
    return from;
  }

  const double* steps_;
  bool contrasts_ = false;
  float grey_ = 0;
  int begin_ = 0, end_ = 0;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
