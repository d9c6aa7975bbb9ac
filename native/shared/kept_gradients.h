/*
 * Gradients of the prototype loss from scores that are kept: a block for each group forms the group's target, its part
 * of the loss, and the gradient of its scores, which takes the scores' place. Products with prototypes and features
 * are left to half_product.h.
 */
#ifndef CPCDR_KEPT_GRADIENTS_H
#define CPCDR_KEPT_GRADIENTS_H

#include "kept_scores.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Gradients of scores, within -1 and 1, are kept as half precision of so many times themselves. */
constexpr float kGradientScale = 32768;

struct GroupGradients {
  static constexpr int kThreads = kColumnThreads, kTogether = 4; /* rows read at a time */
  struct Shared {
    double losses[kThreads], entropies[kThreads];
  };
  typedef Nothing Local;

  KeptScores scores;
  const float *f, *g, *logarithms;
  const int32_t* bounds; /* [groups + 1] rows */
  int64_t limit;         /* rows of features below it count for the entropy */
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
    const int64_t begin = bounds[group], end = bounds[group + 1];
    float offsets[kOwnColumns], target[kOwnColumns];
    CPCDR_UNROLL
    for (int e = 0; e < kOwnColumns; e++) {
      offsets[e] = column + e < scores.k ? g[column + e] : -INFINITY;
      target[e] = 0;
    }
    for (int64_t row = begin; row < end; row += kTogether) {
      Words words[kTogether];
      read(row, end, column, words);
      CPCDR_UNROLL
      for (int r = 0; r < kTogether; r++) {
        if (row + r >= end) continue;
        const bool counts = scores.order[row + r] < limit;
        const float own = f[row + r];
        float steps[8];
        steps_of(words[r], steps);
        CPCDR_UNROLL
        for (int e = 0; e < kOwnColumns; e++) {
          const float exponent = add_product(scores.assign, steps[e], offsets[e] + own);
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
      Words words[kTogether];
      read(row, end, column, words);
      CPCDR_UNROLL
      for (int r = 0; r < kTogether; r++) {
        if (row + r >= end) continue;
        const float own = logarithms[row + r];
        float steps[8];
        steps_of(words[r], steps);
        uint16_t gradients[kOwnColumns];
        CPCDR_UNROLL
        for (int e = 0; e < kOwnColumns; e++) {
          const float logarithm = add_product(scores.predict, steps[e], -own);
          const float gradient = power_of_two(logarithm) - target[e];
          loss -= target[e] * (logarithm * kLog2);
          gradients[e] = column + e < scores.k ? half_bits(gradient * kGradientScale) : uint16_t{0};
        }
        Words packed;
        CPCDR_UNROLL
        for (int w = 0; w < 4; w++) packed.at[w] = pair_of(gradients[2 * w], gradients[2 * w + 1]);
        write_words(scores.values + (row + r) * scores.stride + column, packed);
      }
    }
  }

  CPCDR_SHARED void read(int64_t row, int64_t end, int column, Words (&words)[kTogether]) const {
    CPCDR_UNROLL
    for (int r = 0; r < kTogether; r++) {
      words[r] = row + r < end ? scores.read(row + r, column) : Words{{0, 0, 0, 0}};
    }
  }
};

/* Of a product: sums times `factor` go to rows of `out`. */
struct WriteGradients {
  float* out;           /* [parts, rows, depth] */
  const int32_t* order; /* [rows] or null */
  int64_t rows, depth;
  float factor;

  CPCDR_SHARED void put(const HalfPlace& place, int64_t row, int64_t column, const float (&eight)[8]) const {
    if (row >= rows) return;
    float* const to = out + (place.part * rows + (order ? order[row] : row)) * depth + column;
    if (depth % 4 == 0 && reinterpret_cast<uintptr_t>(out) % sizeof(Words) == 0) {
      CPCDR_UNROLL
      for (int e = 0; e < 8; e += 4) {
        if (column + e < depth) write_four(to + e, eight + e);
      }
      return;
    }
    CPCDR_UNROLL
    for (int e = 0; e < 8; e++) {
      if (column + e < depth) to[e] = eight[e] * factor;
    }
  }
  CPCDR_SHARED void write_four(float* to, const float* from) const {
#if defined(__CUDA_ARCH__)
    *reinterpret_cast<float4*>(to) =
        make_float4(from[0] * factor, from[1] * factor, from[2] * factor, from[3] * factor);
#else
    for (int e = 0; e < 4; e++) to[e] = from[e] * factor;
#endif
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
