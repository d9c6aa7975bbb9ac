/* Sum and extremes of a row, lane by lane; the order is the same for every instruction set. */
#ifndef CPCDR_ROW_H
#define CPCDR_ROW_H

#include <limits>

#include "vec.h"

namespace cpcdr {
namespace CPCDR_ISA {

/*
 * Combines the elements of a row, 32 lanes at a time, then the lanes pairwise, then what is left over.
 * combine takes two floats or two vectors; start must be neutral, it is the result of an empty row.
 */
template <typename Combine>
inline float combine_row(const float* x, int64_t count, float start, const Combine& combine) {
  constexpr int64_t kSlots = 32, kVectors = kSlots / kLanes;
  float rest = start;
  int64_t i = 0;
  if (count >= kSlots) {
    Vec vectors[kVectors];
    for (int64_t v = 0; v < kVectors; v++) vectors[v] = load(x + v * kLanes);
    for (i = kSlots; i + kSlots <= count; i += kSlots) {
      for (int64_t v = 0; v < kVectors; v++) vectors[v] = combine(vectors[v], load(x + i + v * kLanes));
    }
    for (int64_t half = kVectors / 2; half > 0; half /= 2) {
      for (int64_t v = 0; v < half; v++) vectors[v] = combine(vectors[v], vectors[v + half]);
    }
    /* Lanes are brought together by loads at an offset; no branches, as comparisons of floats would be. */
    float lanes[2 * kLanes] = {};
    for (int half = kLanes / 2; half > 0; half /= 2) {
      store(lanes, vectors[0]);
      vectors[0] = combine(vectors[0], load(lanes + half));
    }
    rest = vectors[0][0];
  }
  for (; i < count; i++) rest = combine(rest, x[i]);
  return rest;
}

inline float row_sum(const float* x, int64_t count) {
  return combine_row(x, count, 0.0f, [](auto a, auto b) { return a + b; });
}

/* NaN is passed over. */
inline float row_max(const float* x, int64_t count) {
  const float start = -std::numeric_limits<float>::infinity();
  return combine_row(x, count, start, [](auto a, auto b) { return (b > a) | (a != a) ? b : a; });
}

/* The larger (or smaller) of two; NaN wins. */
template <bool kLarger, typename T>
inline T extreme(T a, T b) {
  if (kLarger) return (a == a) & ((b > a) | (b != b)) ? b : a;
  return (a == a) & ((b < a) | (b != b)) ? b : a;
}

/* NaN wins. */
template <bool kLarger>
inline float row_extreme(const float* x, int64_t count) {
  const float infinity = std::numeric_limits<float>::infinity();
  return combine_row(x, count, kLarger ? -infinity : infinity,
                     [](auto a, auto b) { return extreme<kLarger>(a, b); });
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
