/*
 * Sinkhorn's iterations over scores that are kept: each pass reads them once. Factors of columns, 2^g, come out of sums
 * that blocks leave in parts; those of rows are formed where they are needed.
 */
#ifndef CPCDR_BALANCE_PASSES_H
#define CPCDR_BALANCE_PASSES_H

#include "kept_scores.h"

namespace cpcdr {
namespace CPCDR_ISA {

/*
 * What the passes share: blocks take tiles of 8 rows in turn, and a thread eight columns of four rows. Sums of columns
 * stay in registers until the block is done; those of rows go through the memory of the block. A pass goes backwards
 * when the one before went forwards, so that it meets what that left in the cache.
 */
constexpr int kPassRows = 8, kOwnRows = kPassRows / 2, kOwnColumns = 8, kPassThreads = 256;
constexpr int kColumnThreads = kPassThreads / 2, kPassStride = kColumnThreads + 16, kPassBlocks = 396;
static_assert(kColumnThreads * kOwnColumns == kMostKept, "one sweep over the columns");

CPCDR_SHARED int32_t pass_blocks(int64_t rows) {
  return static_cast<int32_t>(smaller<int64_t>(kPassBlocks, blocks_for(rows, kPassRows)));
}

template <typename Kept>
struct Pass {
  int32_t row;  /* of the thread's first, of the tile whose scores were read */
  int32_t tile; /* the next to be read */
  float columns[kOwnColumns];
  Eight<Kept> words[kOwnRows];

  CPCDR_SHARED static int column(int thread) { return thread % kColumnThreads * kOwnColumns; }
  CPCDR_SHARED static int half(int thread) { return thread / kColumnThreads; }
  /* Where the thread's row r has its slot. */
  CPCDR_SHARED static int slot(int thread, int r) {
    return (half(thread) * kOwnRows + r) * kPassStride + thread % kColumnThreads;
  }
  CPCDR_SHARED void begin(const Where& where) {
    tile = where.block;
    CPCDR_UNROLL
    for (float& sum : columns) sum = 0;
  }
  /* Reads the rows of the next tile that are of a group; answers false when there is no tile left. */
  CPCDR_SHARED bool read(const KeptScores<Kept>& scores, int32_t blocks, bool backwards, int thread) {
    const int32_t tiles = static_cast<int32_t>(blocks_for(scores.counted, kPassRows));
    if (tile >= tiles) return false;
    row = (backwards ? tiles - 1 - tile : tile) * kPassRows + half(thread) * kOwnRows;
    tile += blocks;
    CPCDR_UNROLL
    for (int r = 0; r < kOwnRows; r++) {
      words[r] = Eight<Kept>::zero();
      if (row + r < scores.counted && column(thread) < scores.k) words[r] = scores.read(row + r, column(thread));
    }
    return true;
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

/* The first sums of columns, of scores that are not formed from halves. */
template <typename Kept>
struct SumColumns {
  static constexpr int kThreads = kPassThreads, kResident = 2;
  typedef Nothing Shared;
  typedef Pass<Kept> Local;

  KeptScores<Kept> scores;
  float* parts; /* [2 * blocks, k] */
  int32_t blocks;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local& local) const {
    local.begin(where);
    while (local.read(scores, blocks, false, where.thread)) {
      CPCDR_UNROLL
      for (int r = 0; r < kOwnRows; r++) {
        if (local.row + r >= scores.counted) continue;
        float own[8];
        scores_of(local.words[r], own);
        CPCDR_UNROLL
        for (int e = 0; e < kOwnColumns; e++) local.columns[e] += power_of_two(scores.assign * own[e]);
      }
    }
    local.end(where, scores.k, parts);
    return false;
  }
};

/*
 * With f = -log2 sum over columns 2^(assign * score + g), the sums over rows 2^(assign * score + f + g) / 2^g. The next
 * tile is on its way while sums of one go through the memory of the block.
 */
template <typename Kept>
struct BalanceRows {
  static constexpr int kThreads = kPassThreads, kResident = sizeof(Kept) == 2 ? 3 : 2;
  static constexpr int kLanes = 16; /* that share the sum of a row */
  struct Shared {
    float sums[kPassRows * kPassStride];
    float row_sums[kPassRows * kLanes];
    float weights[kPassRows]; /* 2^f */
    alignas(16) float offsets[kPassThreads][kOwnColumns]; /* g, each thread's own */
  };
  struct Local : Pass<Kept> {
    float powers[kOwnRows][kOwnColumns]; /* 2^(assign * score + g) */
    int32_t taken;                       /* first row of the tile that these are of */
    bool last;
  };

  KeptScores<Kept> scores;
  const float* g; /* [k] */
  float* parts;   /* [2 * blocks, k] of 2^g times what the columns sum up to */
  int32_t blocks;
  bool backwards;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    const int thread = where.thread;
    if (p == 0) begin(where, shared, local);
    if (p % 3 == 0) {
      if (p > 0) add_columns(thread, shared, local);
      if (local.last) {
        local.end(where, scores.k, parts);
        return false;
      }
      take(thread, shared, local);
      local.taken = local.row - Local::half(thread) * kOwnRows;
      local.last = !local.read(scores, blocks, backwards, thread);
    } else if (p % 3 == 1) {
      const int row = thread / kLanes, lane = thread % kLanes;
      if (row >= kPassRows) return true;
      float sum = 0;
      CPCDR_UNROLL
      for (int i = 0; i < kColumnThreads; i += kLanes) sum += shared.sums[row * kPassStride + lane + i];
      shared.row_sums[thread] = sum;
    } else if (thread < kPassRows) {
      float sum = 0;
      CPCDR_UNROLL
      for (int i = 0; i < kLanes; i++) sum += shared.row_sums[thread * kLanes + i];
      shared.weights[thread] = local.taken + thread < scores.counted && sum > 0 ? 1 / sum : 0;
    }
    return true;
  }

  CPCDR_SHARED void begin(const Where& where, Shared& shared, Local& local) const {
    local.Pass<Kept>::begin(where);
    const int column = Local::column(where.thread);
    CPCDR_UNROLL
    for (int e = 0; e < kOwnColumns; e++) {
      shared.offsets[where.thread][e] = column + e < scores.k ? g[column + e] : -INFINITY;
    }
    local.last = !local.read(scores, blocks, backwards, where.thread);
  }

  CPCDR_SHARED void take(int thread, Shared& shared, Local& local) const {
    const Words offsets[2] = {read_words(shared.offsets[thread]), read_words(shared.offsets[thread] + 4)};
    CPCDR_UNROLL
    for (int r = 0; r < kOwnRows; r++) {
      float sum = 0, own[8];
      scores_of(local.words[r], own);
      CPCDR_UNROLL
      for (int e = 0; e < kOwnColumns; e++) {
        local.powers[r][e] = power_of_two(fused(scores.assign, own[e], float_of_bits(offsets[e / 4].at[e % 4])));
        sum += local.powers[r][e];
      }
      shared.sums[Local::slot(thread, r)] = sum;
    }
  }

  CPCDR_SHARED static void add_columns(int thread, const Shared& shared, Local& local) {
    CPCDR_UNROLL
    for (int r = 0; r < kOwnRows; r++) {
      const float weight = shared.weights[Local::half(thread) * kOwnRows + r];
      CPCDR_UNROLL
      for (int e = 0; e < kOwnColumns; e++) {
        local.columns[e] = fused(weight, local.powers[r][e], local.columns[e]);
      }
    }
  }
};

/* g = before - log2 of the sums of parts, -infinity where nothing takes part. */
struct BalanceColumns {
  static constexpr int kThreads = 1024, kColumns = 32;
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

/* The nearest prototypes of the rows of no group; a block for each. */
template <typename Kept>
struct NearestOfRest {
  static constexpr int kThreads = kColumnThreads, kSums = 16;
  typedef Nothing Local;
  struct Shared {
    Best<Kept> best[kThreads];
  };

  KeptScores<Kept> scores;
  int32_t* nearest; /* [n] of rows of features */

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    const int64_t row = scores.counted + where.block;
    const int thread = where.thread, column = thread * kOwnColumns;
    if (p == 0) {
      const int count = smaller(kOwnColumns, scores.k - column);
      shared.best[thread] = count > 0 ? best_of(scores.read(row, column), column, count) : 0;
      return true;
    }
    if (p == 1) {
      for (int i = thread + kSums; thread < kSums && i < kThreads; i += kSums) {
        shared.best[thread] = larger(shared.best[thread], shared.best[i]);
      }
      return true;
    }
    if (thread != 0) return false;
    Best<Kept> best = 0;
    for (int i = 0; i < kSums; i++) best = larger(best, shared.best[i]);
    nearest[scores.order[row]] = best_column(scores, row, best);
    return false;
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
