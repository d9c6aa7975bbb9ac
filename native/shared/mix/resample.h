/*
 * Where the pixels along one axis of an image come from. Positions are computed in double in the order of
 * lib/mix, without fused multiplication, so that the nearest source pixel is the same one.
 */
#ifndef CPCDR_RESAMPLE_H
#define CPCDR_RESAMPLE_H

#include <cmath>

#include "../shared.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* a * b + c, rounded twice as in JavaScript. */
CPCDR_SHARED double multiply_add(double a, double b, double c) {
#if defined(__CUDA_ARCH__)
  return __dadd_rn(__dmul_rn(a, b), c);
#else
  volatile double product = a * b;
  return product + c;
#endif
}

/* JavaScript's Math.round, within 0..size-1. */
CPCDR_SHARED int32_t nearest_index(double position, int size) {
  const double whole = floor(position), rounded = position - whole >= 0.5 ? whole + 1 : whole;
  return rounded > 0 ? rounded < size - 1 ? static_cast<int32_t>(rounded) : size - 1 : 0;
}

/* A share of a sample: source index and weight. */
struct Tap {
  int32_t index;
  float weight;
};

/* The two source pixels of a linear sample. */
CPCDR_SHARED void linear_taps(double position, int size, float weight, Tap* taps) {
  const double last = size - 1.0, low = position > 0 ? position : 0, bounded = low < last ? low : last;
  const int first = static_cast<int>(bounded);
  const float share = static_cast<float>(bounded - first);
  taps[0] = {first, weight * (1 - share)};
  taps[1] = {first + 1 < size ? first + 1 : size - 1, weight * share};
}

/* A position along an axis: the pixel of the image that is nearest, and how far beside that one it lies. */
struct alignas(8) Along {
  int32_t nearest;
  float beside;

  CPCDR_SHARED static Along at(double position, int size) {
    const int32_t nearest = nearest_index(position, size);
    return {nearest, static_cast<float>(position - nearest)};
  }
};

/* The first of the two pixels of a linear sample and the share of the second; 0 on the last pixel and outside. */
struct alignas(8) LinearSample {
  int32_t first;
  float share;
};

/* The sample `shift` beside a position: colours want no more than float has. */
CPCDR_SHARED LinearSample linear_sample(const Along& at, float shift, int size) {
  const float beside = at.beside + shift, whole = floorf(beside);
  const int32_t first = at.nearest + static_cast<int32_t>(whole);
  if (first < 0) return {0, 0};
  if (first >= size - 1) return {size - 1, 0};
  return {first, beside - whole};
}

/* Samples averaged along each axis: one where a piece grows, enough to cover the footprint where it shrinks. */
CPCDR_SHARED int samples_of(double scale) { return scale >= 1 ? 1 : static_cast<int>(ceil(1 / scale)); }

/* Where the i-th sample of a footprint lies beside its centre. */
CPCDR_SHARED double sample_shift(int i, int samples, double scale) {
  return samples > 1 ? ((i + 0.5) / samples - 0.5) / scale : 0;
}

/* The 2 * samples taps of one output pixel. */
CPCDR_SHARED void footprint_taps(double position, int size, int samples, double scale, Tap* taps) {
  for (int i = 0; i < samples; i++) {
    linear_taps(position + sample_shift(i, samples, scale), size, 1.0f / static_cast<float>(samples), taps + 2 * i);
  }
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
