/* Colour augmentation of planes in 0..1: lib/mix/colour.ts is the definition. */
#ifndef CPCDR_MIX_COLOUR_H
#define CPCDR_MIX_COLOUR_H

#include <cmath>

#include "planes.h"

namespace cpcdr {
namespace CPCDR_ISA {

inline Vec clamp01(Vec values) { return larger_of(Vec{}, smaller_of(splat(1), values)); }

/* Moves every value by the factor, from the grey g of which `still` is g * (1 - factor). */
inline Colours stretch(const Colours& p, Vec still, float factor) {
  return {clamp01(p.red * factor + still), clamp01(p.green * factor + still), clamp01(p.blue * factor + still)};
}

inline Colours saturate(const Colours& p, float factor) {
  return stretch(p, luma(p) * (1 - factor), factor);
}

/* A turn of the hue by a share of the circle in sixths, 0 <= t < 6, as it is added to where a channel begins. */
inline float sixths_of(float turn) {
  const float sixths = 6 * turn;
  return sixths - 6 * std::floor(sixths * (1.0f / 6));
}

/* The channel that begins at `first`, 0 <= first < 6 sixths of the circle; the hue is given times the chroma. */
inline Vec channel_of_hue(float first, Vec hue, Vec value, Vec chroma) {
  const Vec along = hue + first * chroma, round = 6 * chroma;
  const Vec k = along >= round ? along - round : along;
  return value - larger_of(Vec{}, smaller_of(smaller_of(k, 4 * chroma - k), chroma));
}

/*
 * Turns the hue by so many sixths of the circle, 0 <= sixths < 6, in HSV. The hue lies in [-1, 5]; it is kept times
 * the chroma, so that nothing is divided.
 */
inline Colours shift_hue(const Colours& p, float sixths) {
  const Vec value = larger_of(p.red, larger_of(p.green, p.blue));
  const Vec chroma = value - smaller_of(p.red, smaller_of(p.green, p.blue));
  const Vec from_green = value == p.green ? 2 * chroma + (p.blue - p.red) : 4 * chroma + (p.red - p.green);
  const Vec hue = value == p.red ? p.green - p.blue : from_green;
  const auto channel = [&](float first) {
    const float begin = first + sixths;
    return channel_of_hue(begin < 6 ? begin : begin - 6, hue, value, chroma);
  };
  return {channel(5), channel(3), channel(1)};
}

/*
 * CPCDR_COLOUR_STEPS pairs of step and amount, applied in order. A contrast step wants the mean grey of all pixels
 * before it: while waits(), changed() goes as far as that step, and meet() tells the mean.
 */
class Recolour {
 public:
  explicit Recolour(const double* steps) {
    for (int s = 0; s < CPCDR_COLOUR_STEPS; s++) {
      kinds_[s] = static_cast<int>(steps[2 * s]);
      const float amount = static_cast<float>(steps[2 * s + 1]);
      amounts_[s] = kinds_[s] == CPCDR_HUE ? sixths_of(amount) : amount;
    }
    end_ = next_contrast(0);
  }

  bool waits() const { return end_ < CPCDR_COLOUR_STEPS; }

  Colours changed(Colours colours) const {
    if (contrasts_) colours = stretch(colours, splat(still_), amounts_[begin_ - 1]);
    for (int s = begin_; s < end_; s++) colours = changed(colours, kinds_[s], amounts_[s]);
    return colours;
  }

  void meet(double mean_grey) {
    const float grey = static_cast<float>(mean_grey);
    contrasts_ = true;
    still_ = grey - grey * amounts_[end_];
    begin_ = end_ + 1;
    end_ = next_contrast(begin_);
  }

 private:
  static Colours changed(const Colours& colours, int kind, float amount) {
    switch (kind) {
      case CPCDR_BRIGHTEN:
        return stretch(colours, Vec{}, amount);
      case CPCDR_SATURATE:
        return saturate(colours, amount);
      case CPCDR_HUE:
        return amount == 0 ? colours : shift_hue(colours, amount);
      default:
        return colours;
    }
  }

  int next_contrast(int from) const {
    while (from < CPCDR_COLOUR_STEPS && kinds_[from] != CPCDR_CONTRAST) from++;
    return from;
  }

  int kinds_[CPCDR_COLOUR_STEPS];
  float amounts_[CPCDR_COLOUR_STEPS];
  bool contrasts_ = false; /* whether the step before begin_ is one whose mean is known */
  float still_ = 0;
  int begin_ = 0, end_ = 0;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
