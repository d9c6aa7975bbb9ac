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

  template <int kCount>
  CPCDR_SHARED void put(const ProductPlace& place, int64_t row, int64_t column, const float (&some)[kCount]) const {
    if (row >= rows) return;
    float* const to = out + (place.part * rows + (order ? order[row] : row)) * depth + column;
    if (!adds && depth % kCount == 0 && reinterpret_cast<uintptr_t>(out) % (kCount * sizeof(float)) == 0) {
      if (column < depth) write_some(to, some);
      return;
    }
    CPCDR_UNROLL
    for (int e = 0; e < kCount; e++) {
      if (column + e < depth) to[e] = some[e] * factor + (adds ? to[e] : 0);
    }
  }
  CPCDR_SHARED void write_some(float* to, const float (&four)[4]) const { write_four(to, four, factor); }
  CPCDR_SHARED void write_some(float* to, const float (&two)[2]) const {
    write_two(to, two[0] * factor, two[1] * factor);
  }
  template <typename Sums>
  CPCDR_SHARED bool finish(int, const ProductPlace& place, int thread, const Sums& sums, Shared&) const {
    sums.each(thread, [&](int row, int column, const float (&two)[2]) {
      put(place, place.row + row, place.column + column, two);
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
