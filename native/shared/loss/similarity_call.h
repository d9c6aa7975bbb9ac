/*
 * Similarity of rows: dot products, or cosines. Rows are brought to a length of about 1 by a power of two first: for
 * cosines, so that floats hold products of any of them, and on tensor cores, so that halves hold them.
 */
#ifndef CPCDR_SIMILARITY_CALL_H
#define CPCDR_SIMILARITY_CALL_H

#include <cmath>

#include "../../include/cpcdr_hot.h"
#include "half_products.h"

namespace cpcdr {
namespace CPCDR_ISA {

/*
 * What each row is multiplied by, a power of two that brings its length below 1, and what its sums are in turn; of
 * cosines by 1 / length as well, 0 for a row of zeros. 32 threads for each of 8 rows.
 */
struct MeasureRows {
  static constexpr int kThreads = 256, kRows = kThreads / kWarp, kPhases = 2;
  typedef Nothing Local;
  struct Shared {
    double squares[kThreads];
  };

  const float* rows; /* [count, depth] */
  int64_t count;
  int depth;
  bool cosines;
  float* before; /* [count] */
  float* after;  /* [count] */

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    const int64_t i = int64_t{where.block} * kRows + where.thread / kWarp;
    if (p == 0) {
      double sum = 0;
      for (int c = where.thread % kWarp; i < count && c < depth; c += kWarp) {
        const double value = static_cast<double>(rows[i * depth + c]);
        sum += value * value;
      }
      shared.squares[where.thread] = sum;
      return true;
    }
    if (where.thread % kWarp != 0 || i >= count) return false;
    double sum = 0;
    for (int k = 0; k < kWarp; k++) sum += shared.squares[where.thread + k];
    write(i, sqrt(sum));
    return false;
  }

  CPCDR_SHARED void write(int64_t i, double length) const {
    int exponent = 0;
    if (length > 0 && length < 1e300) frexp(length, &exponent);
    /* Within what float32 has, products of two that are passed on among it. */
    const int most = cosines ? 126 : 100;
    exponent = smaller(larger(exponent, -most), most);
    before[i] = static_cast<float>(ldexp(1.0, -exponent));
    const double back = ldexp(1.0, exponent);
    after[i] = static_cast<float>(!cosines ? back : length > 0 ? back / length : 0);
  }
};

/* Rows of float32, each times a number. */
struct ScaledFactors {
  FloatFactors rows;
  const float* scales; /* [count] */

  CPCDR_SHARED void read(int64_t row, int64_t column, float (&out)[FloatFactors::kEach]) const {
    rows.read(row, column, out);
    const float scale = row < rows.count ? scales[row] : 0;
    CPCDR_UNROLL
    for (int e = 0; e < FloatFactors::kEach; e++) out[e] *= scale;
  }
};

/* Of a product: sums times the factors of their row and their column. */
struct WriteSimilarities {
  typedef Nothing Shared;

  float* out; /* [rows, columns] */
  int64_t rows, columns;
  const float *row_factors, *column_factors; /* both or none */

  CPCDR_SHARED bool together(int count) const {
    return columns % count == 0 && reinterpret_cast<uintptr_t>(out) % (count * sizeof(float)) == 0;
  }
  /* `kCount` neighbours from a column on. */
  template <int kCount>
  CPCDR_SHARED void write(int64_t row, int64_t column, const float* sums) const {
    float scaled[kCount];
    CPCDR_UNROLL
    for (int e = 0; e < kCount; e++) {
      const bool there = column + e < columns;
      scaled[e] = row_factors && there ? sums[e] * (row_factors[row] * column_factors[column + e]) : sums[e];
    }
    float* const to = out + row * columns + column;
    if (together(kCount)) {
      if (column >= columns) return;
      if constexpr (kCount == 4) write_four(to, scaled, 1);
      else write_two(to, scaled[0], scaled[1]);
      return;
    }
    CPCDR_UNROLL
    for (int e = 0; e < kCount; e++) {
      if (column + e < columns) to[e] = scaled[e];
    }
  }

  CPCDR_SHARED void put(const ProductPlace&, int64_t row, int64_t column, const float (&four)[4]) const {
    if (row < rows) write<4>(row, column, four);
  }
  template <typename Sums>
  CPCDR_SHARED bool finish(int, const ProductPlace& place, int thread, const Sums& sums, Shared&) const {
    sums.each(thread, [&](int row, int column, const auto& pairs) {
      if (place.row + row >= rows) return;
      CPCDR_UNROLL
      for (int i = 0; i < Sums::kPairs; i++) {
        write<2>(place.row + row, place.column + column + i * Sums::kApart, pairs[i]);
      }
    });
    return false;
  }
};

/* The arguments of cpcdr_similarity. */
struct SimilarityArguments {
  const float *a, *b;
  float* out;
  int n, k, d;
  bool cosines;
};

/* Measures the rows of a, then those of b. */
template <typename Device>
void measure_rows_on(Device& device, const SimilarityArguments& all, float* before, float* after) {
  device.launch(blocks_for(all.n, MeasureRows::kRows), MeasureRows{all.a, all.n, all.d, all.cosines, before, after});
  device.launch(blocks_for(all.k, MeasureRows::kRows),
                MeasureRows{all.b, all.k, all.d, all.cosines, before + all.n, after + all.n});
}

template <typename Device>
int32_t exact_similarity_on(Device& device, const SimilarityArguments& all) {
  const FloatFactors a{all.a, nullptr, all.n, all.d}, b{all.b, nullptr, all.k, all.d};
  if (!all.cosines) {
    multiply_on(device, Factor<false>{a}, Factor<false>{b}, WriteSimilarities{all.out, all.n, all.k, nullptr, nullptr},
                all.n, all.k, all.d);
    return CPCDR_OK;
  }
  const int64_t rows = int64_t{all.n} + all.k;
  float* const before = device.template memory<float>(rows);
  float* const after = device.template memory<float>(rows);
  if (!before || !after) return device.fail(CPCDR_OUT_OF_MEMORY, "similarity: no memory for lengths");
  measure_rows_on(device, all, before, after);
  multiply_on(device, Factor<false, ScaledFactors>{{a, before}}, Factor<false, ScaledFactors>{{b, before + all.n}},
              WriteSimilarities{all.out, all.n, all.k, after, after + all.n}, all.n, all.k, all.d);
  return CPCDR_OK;
}

template <typename Device>
int32_t rounded_similarity_on(Device& device, const SimilarityArguments& all) {
  const int64_t rows = int64_t{all.n} + all.k, stride = blocks_for(all.d, 8) * 8;
  const int32_t wide = static_cast<int32_t>(stride);
  float* const before = device.template memory<float>(rows);
  float* const after = device.template memory<float>(rows);
  uint16_t* const halves = device.template memory<uint16_t>(rows * stride);
  if (!before || !after || !halves) {
    return device.fail(CPCDR_OUT_OF_MEMORY, "similarity: no memory for rounded rows");
  }
  uint16_t* const halves_b = halves + all.n * stride;
  measure_rows_on(device, all, before, after);
  const RoundRows round{{{all.a, nullptr, halves, all.n, 1, before},
                         {all.b, nullptr, halves_b, all.k, 1, before + all.n}}, all.d, wide};
  device.launch(round.blocks(), round);
  multiply_halves_on<false, false>(device, HalfFactors{halves, all.n, wide}, HalfFactors{halves_b, all.k, wide},
                                   WriteSimilarities{all.out, all.n, all.k, after, after + all.n}, all.n, all.k,
                                   stride);
  return CPCDR_OK;
}

/* cpcdr_similarity */
template <typename Device>
int32_t similarity_on(Device& device, const float* a, const float* b, float* out, const int32_t* sizes) {
  if (!sizes) return device.fail(CPCDR_INVALID_ARGUMENT, "similarity: null pointer");
  const int n = sizes[0], k = sizes[1], d = sizes[2];
  if (n < 0 || k < 0 || d < 0) return device.fail(CPCDR_INVALID_ARGUMENT, "similarity: negative size");
  /* An array of no elements may be null. */
  if (n == 0 || k == 0) return CPCDR_OK;
  if (!a || !b || !out) return device.fail(CPCDR_INVALID_ARGUMENT, "similarity: null pointer");
  const SimilarityArguments all{a, b, out, n, k, d, sizes[3] != 0};
  return device.tensor_cores() && d > 0 ? rounded_similarity_on(device, all) : exact_similarity_on(device, all);
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
