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

#include "product_tiles.h"

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
};

/* A matrix of scores, later of gradients, and what its numbers mean. */
template <typename Kept>
struct KeptScores {
  Kept* values;            /* [n, stride] */
  int64_t n, stride;       /* a multiple of 8 */
  int64_t counted;         /* rows of a group, which come first */
  int k;
  float assign, predict;   /* exponents of 2 for a score of 1, or for one step: 1 / epsilon and 1 / temperature */
  const int32_t* order;    /* [n] rows of features */

  CPCDR_SHARED Eight<Kept> read(int64_t row, int column) const {
    Eight<Kept> all;
    CPCDR_UNROLL
    for (int w = 0; w < static_cast<int>(sizeof(Kept) / 2); w++) {
      all.words[w] = read_words(values + row * stride + column + w * static_cast<int>(sizeof(Words) / sizeof(Kept)));
    }
    return all;
  }
};

/* The scores of eight neighbours, in steps where they are kept so. */
CPCDR_SHARED void scores_of(const Eight<uint16_t>& all, float (&scores)[8]) {
  /* 2^23 + u as bits, so that no conversion is needed. */
  constexpr uint32_t kBase = 0x4B000000u;
  constexpr float kShift = 8388608.0f + kZero;
  CPCDR_UNROLL
  for (int w = 0; w < 4; w++) {
    scores[2 * w] = float_of_bits(kBase | (all.words[0].at[w] & 0xFFFFu)) - kShift;
    scores[2 * w + 1] = float_of_bits(kBase | all.words[0].at[w] >> 16) - kShift;
  }
}
CPCDR_SHARED void scores_of(const Eight<float>& all, float (&scores)[8]) {
  CPCDR_UNROLL
  for (int e = 0; e < 8; e++) scores[e] = float_of_bits(all.words[e / 4].at[e % 4]);
}

/* A number above 0 that is larger for a larger score, and for the first of equal ones. */
CPCDR_SHARED uint64_t rank_of(float score, int column) {
  const uint32_t bits = bits_of_float(score + 0.0f);
  const uint32_t level = bits >> 31 ? ~bits : bits | 0x80000000u;
  return static_cast<uint64_t>(level) << 32 | ~static_cast<uint32_t>(column);
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
 * What the passes below share: blocks take tiles of 16 rows in turn, and a thread eight columns of eight rows. Sums of
 * columns stay in registers until the block is done; those of rows go through the memory of the block.
 */
constexpr int kPassRows = 16, kOwnRows = 8, kOwnColumns = 8, kPassThreads = 256;
constexpr int kColumnThreads = kPassThreads / 2, kPassStride = kColumnThreads + 16, kPassBlocks = 264;
static_assert(kColumnThreads * kOwnColumns == kMostKept, "one sweep over the columns");

CPCDR_SHARED int64_t pass_blocks(int64_t rows) { return smaller<int64_t>(kPassBlocks, blocks_for(rows, kPassRows)); }

struct Pass {
  int64_t row;           /* of the thread's first */
  int64_t next;          /* first row of the next tile */
  float columns[kOwnColumns];

  CPCDR_SHARED static int column(int thread) { return thread % kColumnThreads * kOwnColumns; }
  CPCDR_SHARED static int half(int thread) { return thread / kColumnThreads; }
  /* Where the thread's row r has its slot. */
  CPCDR_SHARED static int slot(int thread, int r) {
    return (half(thread) * kOwnRows + r) * kPassStride + thread % kColumnThreads;
  }
  CPCDR_SHARED void begin(const Where& where) {
    next = int64_t{where.block} * kPassRows;
    for (float& sum : columns) sum = 0;
  }
  CPCDR_SHARED void advance(int64_t blocks, int thread) {
    row = next + half(thread) * kOwnRows;
    next += blocks * kPassRows;
  }
  /* parts is [2 * blocks, k]. */
  CPCDR_SHARED void end(const Where& where, int k, float* parts) const {
    const int first = column(where.thread);
    float* const to = parts + (2 * int64_t{where.block} + half(where.thread)) * k + first;
    CPCDR_UNROLL
    for (int e = 0; e < kOwnColumns; e++) {
      if (first + e < k) to[e] = columns[e];
    }
  }
};

/* Nearest prototypes, logarithms of softmax, and the first sums of columns. */
template <typename Kept>
struct BeginBalance {
  static constexpr int kThreads = kPassThreads, kResident = 2;
  struct Shared {
    float sums[kPassRows * kPassStride];
    uint64_t best[kPassRows * kPassStride];
    float row_sums[kPassThreads];
    uint64_t row_best[kPassThreads];
  };
  typedef Pass Local;

  KeptScores<Kept> scores;
  int32_t* nearest;  /* [n] of rows of features */
  float* logarithms; /* [n] log2 sum 2^(predict * score) */
  float* parts;      /* [2 * blocks, k] */
  int64_t blocks;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    const int thread = where.thread, lane = thread % kPassRows, own = thread / kPassRows;
    if (p == 0) local.begin(where);
    if (p % 3 == 0) {
      if (local.next >= scores.n) {
        local.end(where, scores.k, parts);
        return false;
      }
      local.advance(blocks, thread);
      take(thread, shared, local);
    } else if (p % 3 == 1) {
      float sum = 0;
      uint64_t best = 0;
      for (int i = lane; i < kColumnThreads; i += kPassRows) {
        sum += shared.sums[own * kPassStride + i];
        best = larger(best, shared.best[own * kPassStride + i]);
      }
      shared.row_sums[thread] = sum;
      shared.row_best[thread] = best;
    } else if (thread < kPassRows) {
      const int64_t row = local.row + thread;
      if (row >= scores.n) return true;
      float sum = 0;
      uint64_t best = 0;
      for (int i = 0; i < kPassRows; i++) {
        sum += shared.row_sums[thread * kPassRows + i];
        best = larger(best, shared.row_best[thread * kPassRows + i]);
      }
      logarithms[row] = log2f(sum);
      nearest[scores.order[row]] = static_cast<int32_t>(~static_cast<uint32_t>(best));
    }
    return true;
  }

  CPCDR_SHARED void take(int thread, Shared& shared, Local& local) const {
    const int column = Pass::column(thread);
    Eight<Kept> words[kOwnRows];
    CPCDR_UNROLL
    for (int r = 0; r < kOwnRows; r++) {
      if (local.row + r < scores.n && column < scores.k) words[r] = scores.read(local.row + r, column);
    }
    CPCDR_UNROLL
    for (int r = 0; r < kOwnRows; r++) {
      float sum = 0, top = -INFINITY;
      int which = column;
      if (local.row + r < scores.n && column < scores.k) {
        const bool takes_part = local.row + r < scores.counted;
        float own[8];
        scores_of(words[r], own);
        CPCDR_UNROLL
        for (int e = 0; e < kOwnColumns; e++) {
          if (column + e >= scores.k) continue;
          if (own[e] > top) {
            top = own[e];
            which = column + e;
          }
          sum += power_of_two(scores.predict * own[e]);
          if (takes_part) local.columns[e] += power_of_two(scores.assign * own[e]);
        }
      }
      shared.sums[Pass::slot(thread, r)] = sum;
      shared.best[Pass::slot(thread, r)] = column < scores.k ? rank_of(top, which) : 0;
    }
  }
};

/* f = -log2 sum over columns 2^(assign * score + g), then the sums over rows 2^(assign * score + f + g) / 2^g. */
template <typename Kept>
struct BalanceRows {
  static constexpr int kThreads = kPassThreads, kResident = 2;
  struct Shared {
    float sums[kPassRows * kPassStride];
    float row_sums[kPassThreads];
    float weights[kPassRows]; /* 2^f */
  };
  struct Local : Pass {
    float offsets[kOwnColumns];
    float powers[kOwnRows][kOwnColumns]; /* 2^(assign * score + g) */
  };

  KeptScores<Kept> scores;
  const float* g; /* [k] */
  float* f;       /* [n], up to scores.counted */
  float* parts;   /* [2 * blocks, k] of 2^g times what the columns sum up to */
  int64_t blocks;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    const int thread = where.thread, lane = thread % kPassRows, own = thread / kPassRows;
    if (p == 0) begin(where, local);
    if (p % 3 == 0) {
      if (p > 0) add_columns(thread, shared, local);
      if (local.next >= scores.counted) {
        local.end(where, scores.k, parts);
        return false;
      }
      local.advance(blocks, thread);
      take(thread, shared, local);
    } else if (p % 3 == 1) {
      float sum = 0;
      for (int i = lane; i < kColumnThreads; i += kPassRows) sum += shared.sums[own * kPassStride + i];
      shared.row_sums[thread] = sum;
    } else if (thread < kPassRows) {
      const int64_t row = local.row + thread;
      float sum = 0;
      for (int i = 0; i < kPassRows; i++) sum += shared.row_sums[thread * kPassRows + i];
      shared.weights[thread] = row < scores.counted && sum > 0 ? 1 / sum : 0;
      if (row < scores.counted) f[row] = sum > 0 ? -log2f(sum) : -INFINITY;
    }
    return true;
  }

  CPCDR_SHARED void begin(const Where& where, Local& local) const {
    local.Pass::begin(where);
    const int column = Pass::column(where.thread);
    CPCDR_UNROLL
    for (int e = 0; e < kOwnColumns; e++) local.offsets[e] = column + e < scores.k ? g[column + e] : -INFINITY;
  }

  CPCDR_SHARED void take(int thread, Shared& shared, Local& local) const {
    const int column = Pass::column(thread);
    Eight<Kept> words[kOwnRows];
    CPCDR_UNROLL
    for (int r = 0; r < kOwnRows; r++) {
      words[r] = Eight<Kept>::zero();
      if (local.row + r < scores.counted && column < scores.k) words[r] = scores.read(local.row + r, column);
    }
    CPCDR_UNROLL
    for (int r = 0; r < kOwnRows; r++) {
      float sum = 0, own[8];
      scores_of(words[r], own);
      CPCDR_UNROLL
      for (int e = 0; e < kOwnColumns; e++) {
        local.powers[r][e] = power_of_two(add_product(scores.assign, own[e], local.offsets[e]));
        sum += local.powers[r][e];
      }
      shared.sums[Pass::slot(thread, r)] = sum;
    }
  }

  CPCDR_SHARED static void add_columns(int thread, const Shared& shared, Local& local) {
    CPCDR_UNROLL
    for (int r = 0; r < kOwnRows; r++) {
      const float weight = shared.weights[Pass::half(thread) * kOwnRows + r];
      CPCDR_UNROLL
      for (int e = 0; e < kOwnColumns; e++) {
        local.columns[e] = add_product(weight, local.powers[r][e], local.columns[e]);
      }
    }
  }
};

/* g = before - log2 of the sums of parts, -infinity where nothing takes part. */
struct BalanceColumns {
  static constexpr int kThreads = 256, kColumns = 32;
  typedef Nothing Local;
  struct Shared {
    float sums[kThreads];
  };

  const float* parts; /* [count, k] */
  float* g;           /* [k] */
  int64_t count;
  int k;
  bool adds; /* to the g of before */

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    const int64_t column = int64_t{where.block} * kColumns + where.thread % kColumns;
    if (p == 0) {
      float sum = 0;
      for (int64_t part = where.thread / kColumns; column < k && part < count; part += kThreads / kColumns) {
        sum += parts[part * k + column];
      }
      shared.sums[where.thread] = sum;
      return true;
    }
    if (where.thread >= kColumns || column >= k) return false;
    float sum = 0;
    for (int i = where.thread; i < kThreads; i += kColumns) sum += shared.sums[i];
    g[column] = sum > 0 ? (adds ? g[column] : 0) - log2f(sum) : -INFINITY;
    return false;
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
