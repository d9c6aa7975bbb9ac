/*
 * Where the pixels along one axis of an image come from. Positions are computed in double in the order of
 * lib/mix, without fused multiplication, so that the nearest source pixel is the same one.
 */
#ifndef CPCDR_RESAMPLE_H
#define CPCDR_RESAMPLE_H

#include <algorithm>
#include <cmath>

#include "dispatch.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* a * b + c, rounded twice as in JavaScript. */
inline double multiply_add(double a, double b, double c) {
  volatile double product = a * b;
  return product + c;
}

/* JavaScript's Math.round, within 0..size-1. */
inline int32_t nearest_index(double position, int size) {
  const double floor = std::floor(position), rounded = position - floor >= 0.5 ? floor + 1 : floor;
  return rounded > 0 ? rounded < size - 1 ? static_cast<int32_t>(rounded) : size - 1 : 0;
}

/* A share of a sample: source index and weight. */
struct Tap {
  int32_t index;
  float weight;
};

/* The two source pixels of a linear sample. */
inline void linear_taps(double position, int size, float weight, Tap* taps) {
  const double bounded = std::min(size - 1.0, std::max(0.0, position));
  const int first = static_cast<int>(bounded);
  const float share = static_cast<float>(bounded - first);
  taps[0] = {first, weight * (1 - share)};
  taps[1] = {std::min(size - 1, first + 1), weight * share};
}

/* Samples averaged along each axis: one where a piece grows, enough to cover the footprint where it shrinks. */
inline int samples_of(double scale) { return scale >= 1 ? 1 : static_cast<int>(std::ceil(1 / scale)); }

/* The 2 * samples taps of one output pixel. */
inline void footprint_taps(double position, int size, int samples, double scale, Tap* taps) {
  for (int i = 0; i < samples; i++) {
    const double shift = samples > 1 ? ((i + 0.5) / samples - 0.5) / scale : 0;
    linear_taps(position + shift, size, 1.0f / static_cast<float>(samples), taps + 2 * i);
  }
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
