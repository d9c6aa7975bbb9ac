/* Colour augmentation of planes in 0..1: lib/mix/colour.ts is the definition. */
#ifndef CPCDR_MIX_COLOUR_H
#define CPCDR_MIX_COLOUR_H

#include "planes.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* ITU-R 601 grey. */
template <typename T>
inline T luma(T red, T green, T blue) {
  return 0.299f * red + 0.587f * green + 0.114f * blue;
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

/* The colours of as many pixels as a register has lanes. */
struct Colours {
  Vec red, green, blue;
};

inline Vec clamp01(Vec values) { return larger_of(Vec{}, smaller_of(splat(1), values)); }

/* Moves every value by the factor, from the grey g of which `still` is g * (1 - factor). */
inline Colours stretch(const Colours& p, Vec still, float factor) {
  return {clamp01(p.red * factor + still), clamp01(p.green * factor + still), clamp01(p.blue * factor + still)};
}

inline Colours saturate(const Colours& p, float factor) {
  return stretch(p, luma(p.red, p.green, p.blue) * (1 - factor), factor);
}

/* The channel that `first` (5, 3, 1 for red, green, blue) stands for. */
inline Vec channel_of_hue(float first, Vec hue, Vec value, Vec chroma) {
  const Vec shifted = first + hue, k = shifted - 6 * floor_of(shifted * (1.0f / 6));
  return value - chroma * larger_of(Vec{}, smaller_of(smaller_of(k, 4 - k), splat(1)));
}

/* Turns the hue by a share of the circle, in HSV. */
inline Colours shift_hue(const Colours& p, float turn) {
  const Vec value = larger_of(p.red, larger_of(p.green, p.blue));
  const Vec chroma = value - smaller_of(p.red, smaller_of(p.green, p.blue));
  const Vec inverse = 1 / (chroma == 0 ? splat(1) : chroma);
  const Vec from_green = value == p.green ? 2 + (p.blue - p.red) * inverse : 4 + (p.red - p.green) * inverse;
  const Vec hue = (value == p.red ? (p.green - p.blue) * inverse : from_green) + 6 * turn;
  return {channel_of_hue(5, hue, value, chroma), channel_of_hue(3, hue, value, chroma),
          channel_of_hue(1, hue, value, chroma)};
}

/*
 * CPCDR_COLOUR_STEPS pairs of step and amount, applied in order. A contrast step wants the mean grey of all pixels
 * before it: while waits(), apply() goes as far as that step, and meet() tells the mean.
 */
class Recolour {
 public:
  explicit Recolour(const double* steps) {
    for (int s = 0; s < CPCDR_COLOUR_STEPS; s++) {
      kinds_[s] = static_cast<int>(steps[2 * s]);
      amounts_[s] = static_cast<float>(steps[2 * s + 1]);
    }
    end_ = next_contrast(0);
  }

  bool waits() const { return end_ < CPCDR_COLOUR_STEPS; }

  /* Of whole steps of pixels, which pass through all their changes at once. */
  CPCDR_APART void apply(const Planes& pixels, int64_t count) const {
    if (!contrasts_ && begin_ == end_) return;
    for (int64_t i = 0; i < count; i += kLanes) {
      Colours colours{load(pixels.red + i), load(pixels.green + i), load(pixels.blue + i)};
      if (contrasts_) colours = stretch(colours, splat(still_), amounts_[begin_ - 1]);
      for (int s = begin_; s < end_; s++) colours = changed(colours, kinds_[s], amounts_[s]);
      store(pixels.red + i, colours.red);
      store(pixels.green + i, colours.green);
      store(pixels.blue + i, colours.blue);
    }
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
