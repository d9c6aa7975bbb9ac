/*
 * Scores kept as a matrix, so that the passes of Sinkhorn's iterations read them rather than form them again: as they
 * are (Kept float), or in 16 bits (uint16_t), as steps of bound / 32767 above and below 0, where bound is at least
 * every |score|.
 *
 * All is in the log domain to base 2: exponents come out of scores by one multiplication. Rows lie in the order of
 * their groups, those of none last.
 */
#ifndef CPCDR_KEPT_SCORES_H
#define CPCDR_KEPT_SCORES_H

#include "half_products.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kMostKept = 1024; /* columns */
constexpr int kSteps = 32767, kZero = 32768;
constexpr float kLog2 = 0.693147180559945f;

/* Eight neighbours as they lie in memory. */
template <typename Kept>
struct Eight {
  Words words[sizeof(Kept) / 2];

  CPCDR_SHARED static Eight zero() {
    Eight all;
    CPCDR_UNROLL
    for (Words& words : all.words) words = Words{{0, 0, 0, 0}};
    return all;
  }
  CPCDR_SHARED static Eight read(const Kept* from) {
    Eight all;
    CPCDR_UNROLL
    for (Words& words : all.words) {
      words = read_words(from);
      from += sizeof(Words) / sizeof(Kept);
    }
    return all;
  }
};

/* A matrix of scores, later of gradients, and what its numbers mean. */
template <typename Kept>
struct KeptScores {
  Kept* values;            /* [n, stride] */
  int64_t n, stride;       /* a multiple of 16 */
  int64_t counted;         /* rows of a group, which come first */
  int k;
  float assign, predict;   /* exponents of 2 for a score of 1, or for one step: 1 / epsilon and 1 / temperature */
  const int32_t* order;    /* [n] rows of features */
  bool squares;            /* assign == 2 * predict */

  CPCDR_SHARED Eight<Kept> read(int64_t row, int column) const {
    return Eight<Kept>::read(values + row * stride + column);
  }
};

/* What raised() makes of no steps. */
constexpr float kStepBase = kWhole + kZero;

/* The scores of eight neighbours, in steps where they are kept so. */
CPCDR_SHARED void scores_of(const Eight<uint16_t>& all, float (&scores)[8]) {
  CPCDR_UNROLL
  for (int e = 0; e < 8; e++) scores[e] = raised(all.words[0].at[e / 2], e % 2) - kStepBase;
}
CPCDR_SHARED void scores_of(const Eight<float>& all, float (&scores)[8]) {
  CPCDR_UNROLL
  for (int e = 0; e < 8; e++) scores[e] = float_of_bits(all.words[e / 4].at[e % 4]);
}

/*
 * factor * score. Of steps, the product is exact until kStepBase has been taken from it; that times the factor is
 * rounded, which adds the same number to all scores.
 */
CPCDR_SHARED void exponents_of(const Eight<uint16_t>& all, float factor, float (&exponents)[8]) {
  const float base = factor * kStepBase;
  CPCDR_UNROLL
  for (int e = 0; e < 8; e++) exponents[e] = fmaf(factor, raised(all.words[0].at[e / 2], e % 2), -base);
}
CPCDR_SHARED void exponents_of(const Eight<float>& all, float factor, float (&exponents)[8]) {
  scores_of(all, exponents);
  CPCDR_UNROLL
  for (int e = 0; e < 8; e++) exponents[e] *= factor;
}

/*
 * Which eight neighbours hold the best score of a row: a number above 0 that is larger for a larger score, and for the
 * first of equal ones, of the `count` that exist from `column` on, 1 at least.
 */
CPCDR_SHARED uint32_t best_of(const Eight<uint16_t>& all, int column, int count) {
  uint32_t best = 0;
  CPCDR_UNROLL
  for (int e = 0; e < 8; e += 2) {
    const uint32_t mask = e + 1 < count ? ~0u : e < count ? 0xFFFFu : 0;
    best = larger_halves(best, all.words[0].at[e / 2] & mask);
  }
  return larger(best & 0xFFFF0000u, best << 16) | (0xFFFFu - static_cast<uint32_t>(column));
}
CPCDR_SHARED uint64_t best_of(const Eight<float>& all, int column, int count) {
  float scores[8];
  scores_of(all, scores);
  float top = scores[0];
  CPCDR_UNROLL
  for (int e = 1; e < 8; e++) top = e < count ? larger(top, scores[e]) : top;
  const uint32_t bits = bits_of_float(top + 0.0f);
  const uint32_t level = bits >> 31 ? ~bits : bits | 0x80000000u;
  return static_cast<uint64_t>(level) << 32 | ~static_cast<uint32_t>(column);
}
template <typename Kept>
using Best = decltype(best_of(Eight<Kept>(), 0, 0));

CPCDR_SHARED int first_column(uint32_t best) { return static_cast<int>(0xFFFF - (best & 0xFFFF)); }
CPCDR_SHARED int first_column(uint64_t best) { return static_cast<int>(~static_cast<uint32_t>(best)); }

/* The column of a row's best score. */
template <typename Kept>
CPCDR_SHARED int32_t best_column(const KeptScores<Kept>& kept, int64_t row, Best<Kept> best) {
  const int first = first_column(best);
  float scores[8], top = -INFINITY;
  scores_of(kept.read(row, first), scores);
  int32_t column = first;
  CPCDR_UNROLL
  for (int e = 0; e < 8; e++) {
    if (first + e >= kept.k || !(scores[e] > top)) continue;
    top = scores[e];
    column = first + e;
  }
  return column;
}

CPCDR_SHARED uint16_t step_bits(float steps) {
  const float inside = smaller(larger(steps, static_cast<float>(-kSteps)), static_cast<float>(kSteps));
  return static_cast<uint16_t>(static_cast<int>(floorf(inside + 0.5f)) + kZero);
}

template <int kCount>
CPCDR_SHARED void write_scores(float* to, const float (&scores)[kCount], float factor) {
  CPCDR_UNROLL
  for (int e = 0; e < kCount; e += 4) write_four(to + e, scores + e, factor);
}
template <int kCount>
CPCDR_SHARED void write_scores(uint16_t* to, const float (&scores)[kCount], float factor) {
  CPCDR_UNROLL
  for (int e = 0; e < kCount; e += 2) {
    write_pair(to + e, step_bits(scores[e] * factor), step_bits(scores[e + 1] * factor));
  }
}

/* Of a product: sums times `factor` become scores. */
template <typename Kept>
struct KeepScores {
  Kept* values; /* [rows, stride] */
  int64_t rows, stride;
  float factor;

  template <int kCount>
  CPCDR_SHARED void put(const ProductPlace&, int64_t row, int64_t column, const float (&some)[kCount]) const {
    if (row < rows && column < stride) write_scores(values + row * stride + column, some, factor);
  }
};

/*
 * Of a product of halves: sums times `factor` become steps, and 2^(assign * step) is summed over the rows of each tile
 * that are of a group. The memory of the block takes the tile first, so that what goes out is whole rows of it.
 */
struct StepScores {
  static constexpr int kPieces = kProductTile / 8, kTogether = kProductThreads / kPieces; /* rows at a time */
  struct Shared {
    alignas(16) uint16_t steps[kProductTile * kProductTile];
    float sums[kTogether][kProductTile];
  };

  KeptScores<uint16_t> scores;
  float factor;
  float* parts; /* [tiles of rows, k] */

  /* Pieces of eight are exchanged as those of HalfTile are. */
  CPCDR_SHARED static int place(int row, int piece) { return (row * kPieces + (piece ^ row % 8)) * 8; }
  /* 2^23 + kZero + steps, rounded to the nearest by the sum, of which the low bits are what is kept. */
  CPCDR_SHARED uint16_t step_of(float sum) const {
    const float steps = fused(sum, factor, kStepBase);
    const float inside = smaller(larger(steps, kStepBase - kSteps), kStepBase + kSteps);
    return static_cast<uint16_t>(bits_of_float(inside));
  }

  template <typename Sums>
  CPCDR_SHARED bool finish(int p, const ProductPlace& at, int thread, const Sums& sums, Shared& shared) const {
    if (p == 0) {
      sums.each(thread, [&](int row, int column, const auto& pairs) {
        CPCDR_UNROLL
        for (int i = 0; i < Sums::kPairs; i++) {
          const int own = column + i * Sums::kApart;
          write_pair(shared.steps + place(row, own / 8) + own % 8, step_of(pairs[i][0]), step_of(pairs[i][1]));
        }
      });
      return true;
    }
    if (p == 1) {
      write(at, thread, shared);
      return true;
    }
    if (thread < kProductTile && at.column + thread < scores.k) {
      float sum = 0;
      CPCDR_UNROLL
      for (int i = 0; i < kTogether; i++) sum += shared.sums[i][thread];
      parts[at.row / kProductTile * scores.k + at.column + thread] = sum;
    }
    return false;
  }

  CPCDR_SHARED void write(const ProductPlace& at, int thread, Shared& shared) const {
    const int piece = thread % kPieces, first = thread / kPieces;
    const int64_t column = at.column + piece * 8;
    float columns[8];
    CPCDR_UNROLL
    for (float& sum : columns) sum = 0;
    uint16_t* to = scores.values + (at.row + first) * scores.stride + column;
    const int32_t rows = static_cast<int32_t>(smaller<int64_t>(kProductTile, scores.n - at.row));
    const int32_t counted = static_cast<int32_t>(smaller<int64_t>(kProductTile, scores.counted - at.row));
    for (int row = first; row < rows && column < scores.stride; row += kTogether, to += kTogether * scores.stride) {
      const Eight<uint16_t> eight{{read_words(shared.steps + place(row, piece))}};
      write_words(to, eight.words[0]);
      if (row >= counted) continue;
      float exponents[8];
      exponents_of(eight, scores.assign, exponents);
      CPCDR_UNROLL
      for (int e = 0; e < 8; e++) columns[e] += power_of_two(exponents[e]);
    }
    write_four(shared.sums[first] + piece * 8, columns, 1);
    write_four(shared.sums[first] + piece * 8 + 4, columns + 4, 1);
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif

