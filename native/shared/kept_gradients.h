/*
 * Gradients of the prototype loss from scores that are kept: a block for each group forms the group's target, its part
 * of the loss, and the gradient of its scores, which takes the scores' place. Products with prototypes and features
 * are left to product_tiles.h.
 */
#ifndef CPCDR_KEPT_GRADIENTS_H
#define CPCDR_KEPT_GRADIENTS_H

#include "kept_scores.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Gradients of scores, within -1 and 1, are kept as they are, or as half precision of so many times themselves. */
template <typename Kept>
constexpr float kGradientScale = sizeof(Kept) == 2 ? 32768 : 1;

CPCDR_SHARED void write_gradients(uint16_t* to, const float (&gradients)[8]) {
  Words words;
  CPCDR_UNROLL
  for (int w = 0; w < 4; w++) {
    words.at[w] = pair_of(half_bits(gradients[2 * w] * kGradientScale<uint16_t>),
                          half_bits(gradients[2 * w + 1] * kGradientScale<uint16_t>));
  }
  write_words(to, words);
}
CPCDR_SHARED void write_gradients(float* to, const float (&gradients)[8]) {
  write_four(to, gradients, 1);
  write_four(to + 4, gradients + 4, 1);
}

template <typename Kept>
struct GroupGradients {
  static constexpr int kThreads = kColumnThreads, kTogether = 4; /* rows read at a time */
  struct Shared {
    double losses[kThreads], entropies[kThreads];
  };
  typedef Nothing Local;

  KeptScores<Kept> scores;
  const float *f, *g, *logarithms;
  const int32_t* bounds; /* [groups + 1] rows, of which the first that is kept is `base` */
  int64_t base, limit;   /* rows of features below the limit count for the entropy */
  double *losses, *entropies; /* [groups] */

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    const int thread = where.thread;
    if (p == 0) {
      float loss = 0, entropy = 0;
      const int column = thread * kOwnColumns;
      if (column < scores.k) differentiate(where.block, column, loss, entropy);
      shared.losses[thread] = static_cast<double>(loss);
      shared.entropies[thread] = static_cast<double>(entropy);
      return true;
    }
    const int half = kThreads >> p;
    if (thread < half) {
      shared.losses[thread] += shared.losses[thread + half];
      shared.entropies[thread] += shared.entropies[thread + half];
    }
    if (half > 1) return true;
    if (thread == 0) {
      losses[where.block] = shared.losses[0];
      entropies[where.block] = shared.entropies[0];
    }
    return false;
  }

  /* Eight columns of the rows of a group; every thread reads and writes its own columns alone. */
  CPCDR_SHARED void differentiate(int32_t group, int column, float& loss, float& entropy) const {
    const int64_t begin = bounds[group] - base, end = bounds[group + 1] - base;
    float offsets[kOwnColumns], target[kOwnColumns];
    CPCDR_UNROLL
    for (int e = 0; e < kOwnColumns; e++) {
      offsets[e] = column + e < scores.k ? g[column + e] : -INFINITY;
      target[e] = 0;
    }
    for (int64_t row = begin; row < end; row += kTogether) {
      Eight<Kept> words[kTogether];
      read(row, end, column, words);
      CPCDR_UNROLL
      for (int r = 0; r < kTogether; r++) {
        if (row + r >= end) continue;
        const bool counts = scores.order[row + r] < limit;
        const float own = f[row + r];
        float own_scores[8];
        scores_of(words[r], own_scores);
        CPCDR_UNROLL
        for (int e = 0; e < kOwnColumns; e++) {
          const float exponent = add_product(scores.assign, own_scores[e], offsets[e] + own);
          const float q = power_of_two(exponent);
          target[e] += q;
          if (counts && q > 0) entropy -= q * (exponent * kLog2);
        }
      }
    }
    const float share = 1 / static_cast<float>(end - begin);
    CPCDR_UNROLL
    for (int e = 0; e < kOwnColumns; e++) target[e] *= share;
    for (int64_t row = begin; row < end; row += kTogether) {
      Eight<Kept> words[kTogether];
      read(row, end, column, words);
      CPCDR_UNROLL
      for (int r = 0; r < kTogether; r++) {
        if (row + r >= end) continue;
        const float own = logarithms[row + r];
        float own_scores[8];
        scores_of(words[r], own_scores);
        float gradients[kOwnColumns];
        CPCDR_UNROLL
        for (int e = 0; e < kOwnColumns; e++) {
          const float logarithm = add_product(scores.predict, own_scores[e], -own);
          const float gradient = power_of_two(logarithm) - target[e];
          loss -= target[e] * (logarithm * kLog2);
          gradients[e] = column + e < scores.k ? gradient : 0;
        }
        write_gradients(scores.values + (row + r) * scores.stride + column, gradients);
      }
    }
  }

  CPCDR_SHARED void read(int64_t row, int64_t end, int column, Eight<Kept> (&words)[kTogether]) const {
    CPCDR_UNROLL
    for (int r = 0; r < kTogether; r++) {
      words[r] = row + r < end ? scores.read(row + r, column) : Eight<Kept>::zero();
    }
  }
};

/* Gradients of scores as factors of products. */
struct HalfGradients : HalfFactors {
  static HalfGradients of(const KeptScores<uint16_t>& scores) {
    return {{scores.values, scores.counted, scores.stride}};
  }
};
struct ExactGradients : FloatFactors<float> {
  static ExactGradients of(const KeptScores<float>& scores) {
    return {{scores.values, nullptr, scores.counted, static_cast<int>(scores.stride), 1}};
  }
};

/* Of a product: sums times `factor` go to rows of `out`. */
struct WriteGradients {
  float* out;           /* [parts, rows, depth] */
  const int32_t* order; /* [rows] or null */
  int64_t rows, depth;
  float factor;
  bool adds; /* to what is there */

  template <int kCount>
  CPCDR_SHARED void put(const ProductPlace& place, int64_t row, int64_t column, const float (&some)[kCount]) const {
    if (row >= rows) return;
    float* const to = out + (place.part * rows + (order ? order[row] : row)) * depth + column;
    if (!adds && depth % 4 == 0 && reinterpret_cast<uintptr_t>(out) % sizeof(Words) == 0) {
      CPCDR_UNROLL
      for (int e = 0; e < kCount; e += 4) {
        if (column + e < depth) write_four(to + e, some + e, factor);
      }
      return;
    }
    CPCDR_UNROLL
    for (int e = 0; e < kCount; e++) {
      if (column + e < depth) to[e] = some[e] * factor + (adds ? to[e] : 0);
    }
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
