/* Where the products that end the prototype loss leave its gradients. */
#ifndef CPCDR_WRITE_GRADIENTS_H
#define CPCDR_WRITE_GRADIENTS_H

#include "half_products.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Of a product: sums times `factor` go to rows of `out`. */
struct WriteGradients {
  typedef Nothing Shared;

  float* out;           /* [parts, rows, depth] */
  const int32_t* order; /* [rows] or null */
  int64_t rows, depth;
  float factor;
  bool adds; /* to what is there */

  CPCDR_SHARED float* start(const ProductPlace& place, int64_t row) const {
    return out + (place.part * rows + (order ? order[row] : row)) * depth;
  }
  /* Whether `count` neighbours may be written at once. */
  CPCDR_SHARED bool together(int count) const {
    return !adds && depth % count == 0 && reinterpret_cast<uintptr_t>(out) % (count * sizeof(float)) == 0;
  }

  CPCDR_SHARED void put(const ProductPlace& place, int64_t row, int64_t column, const float (&four)[4]) const {
    if (row >= rows) return;
    float* const to = start(place, row) + column;
    if (together(4)) {
      if (column < depth) write_four(to, four, factor);
      return;
    }
    CPCDR_UNROLL
    for (int e = 0; e < 4; e++) {
      if (column + e < depth) to[e] = four[e] * factor + (adds ? to[e] : 0);
    }
  }

  /* Of a HalfProduct, which adds nothing to what is there. */
  template <typename Sums>
  CPCDR_SHARED bool finish(int, const ProductPlace& place, int thread, const Sums& sums, Shared&) const {
    const bool pairwise = together(2);
    sums.each(thread, [&](int own, int first, const auto& pairs) {
      const int64_t row = place.row + own;
      if (row >= rows) return;
      const int64_t column = place.column + first;
      float* const to = start(place, row) + column;
      CPCDR_UNROLL
      for (int i = 0; i < Sums::kPairs; i++) {
        constexpr int kApart = Sums::kApart;
        const bool one = column + i * kApart < depth, two = column + i * kApart + 1 < depth;
        if (pairwise) {
          if (one) write_two(to + i * kApart, pairs[i][0] * factor, pairs[i][1] * factor);
        } else {
          if (one) to[i * kApart] = pairs[i][0] * factor;
          if (two) to[i * kApart + 1] = pairs[i][1] * factor;
        }
      }
    });
    return false;
  }
};

/* Zeros in the rows of no group. */
struct ClearRows {
  static constexpr int kThreads = 256;
  typedef Nothing Shared;
  typedef Nothing Local;

  const int32_t* order; /* [rows] */
  float* out;           /* [n, depth] */
  int64_t rows, depth;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t at = where.index(kThreads), row = at / depth;
    if (row < rows) out[order[row] * depth + (at - row * depth)] = 0;
    return false;
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
