/*
 * log sum exp over rows of scores, tile by tile: what Sinkhorn's iterations and the softmax of the prototype loss come
 * to in the log domain. A thread folds every fourth column of a row, four threads and all parts of y are merged in
 * a fixed order, so that the result has the same bytes every time.
 */
#ifndef CPCDR_SCORE_FOLDS_H
#define CPCDR_SCORE_FOLDS_H

#include "score_tiles.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kRowThreads = kTileThreads / kTile;

/* sum exp(value) as sum * exp(top); nothing yet: top -infinity, sum 0. */
struct LogSum {
  float top, sum;

  CPCDR_SHARED static LogSum nothing() { return {-INFINITY, 0}; }
  CPCDR_SHARED void add(const LogSum& other) {
    if (other.sum == 0) return;
    if (other.top <= top) {
      sum += other.sum * expf(other.top - top);
    } else {
      sum = other.sum + (sum == 0 ? 0 : sum * expf(top - other.top));
      top = other.top;
    }
  }
  CPCDR_SHARED void add(float value) {
    if (value > -INFINITY) add(LogSum{value, 1});
  }
  CPCDR_SHARED float log() const { return sum == 0 ? -INFINITY : top + logf(sum); }
};

/* The first largest of some scores. */
struct Nearest {
  float score;
  int32_t index;

  CPCDR_SHARED void add(const Nearest& other) {
    if (other.score > score || (other.score == score && other.index < index)) *this = other;
  }
};

/* Folds scale * score + offsets[y] over y. */
struct FoldScores {
  static constexpr int kPhases = 1;
  struct Shared {
    LogSum sums[kTileThreads];
    Nearest nearest[kTileThreads];
  };
  struct Local {
    LogSum sum;
    Nearest nearest;
  };

  const float* offsets; /* [y] or null */
  float scale;
  int64_t x_count, y_count;
  LogSum* folded;   /* [parts, x] */
  int32_t* nearest; /* [x] or null; then there is one part */

  CPCDR_SHARED int64_t planes() const { return 1; }
  CPCDR_SHARED void begin(const Sweep&, int64_t, int, Shared&, Local& local) const {
    local = {LogSum::nothing(), {-INFINITY, 0}};
  }
  template <bool kTensor>
  CPCDR_SHARED void take(int, const Sweep& sweep, int64_t, int thread, TileShared& tiles, Shared&, Local& local) const {
    const float* const row = tiles.tile[thread / kRowThreads];
    for (int column = thread % kRowThreads; column < kTile; column += kRowThreads) {
      const int64_t y = sweep.y + column;
      if (y >= y_count) break;
      local.sum.add(scale * row[column] + (offsets ? offsets[y] : 0));
      if (nearest) local.nearest.add({row[column], static_cast<int32_t>(y)});
    }
  }
  CPCDR_SHARED bool end(int p, const Sweep& sweep, int64_t, int thread, Shared& shared, Local& local) const {
    if (p == 0) {
      shared.sums[thread] = local.sum;
      shared.nearest[thread] = local.nearest;
      return true;
    }
    const int64_t x = sweep.x + thread / kRowThreads;
    if (thread % kRowThreads != 0 || x >= x_count) return false;
    for (int k = 1; k < kRowThreads; k++) {
      local.sum.add(shared.sums[thread + k]);
      local.nearest.add(shared.nearest[thread + k]);
    }
    folded[sweep.part * x_count + x] = local.sum;
    if (nearest) nearest[x] = local.nearest.index;
    return false;
  }
};

/*
 * Merges the parts: out[x] = sign * log sum, or -infinity where there is nothing to balance, as in rows that take
 * no part (groups below 0).
 */
struct EndFold {
  static constexpr int kThreads = 256;
  typedef Nothing Shared;
  typedef Nothing Local;

  const LogSum* folded; /* [parts, count] */
  const int32_t* groups; /* [count] or null */
  float* out;            /* [count] */
  int64_t count, parts;
  float sign;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t x = where.index(kThreads);
    if (x >= count) return false;
    LogSum sum = LogSum::nothing();
    for (int64_t part = 0; part < parts; part++) sum.add(folded[part * count + x]);
    const bool empty = sum.sum == 0 || (groups && groups[x] < 0);
    out[x] = empty ? -INFINITY : sign * sum.log();
    return false;
  }
};

/* Factors of rows before the first iteration: log 1 where a row takes part, else log 0. */
struct BeginFactors {
  static constexpr int kThreads = 256;
  typedef Nothing Shared;
  typedef Nothing Local;

  const int32_t* groups;
  float* factors;
  int64_t count;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t i = where.index(kThreads);
    if (i < count) factors[i] = groups[i] < 0 ? -INFINITY : 0;
    return false;
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
