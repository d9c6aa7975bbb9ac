/*
 * Targets of the prototype loss: the mean of the assignments q of the rows of each group. Rows come sorted by group,
 * so that a group is a stretch of rows; where it reaches over blocks of 64 rows, each block keeps its share apart and
 * SpanTargets adds the shares up in order.
 */
#ifndef CPCDR_TARGET_TILES_H
#define CPCDR_TARGET_TILES_H

#include "score_folds.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Some groups, and their rows: sorted rows bounds[first_group] .. bounds[first_group + groups] - 1. */
struct GroupChunk {
  const int32_t* order;     /* [rows] rows of features, of this chunk */
  const int32_t* groups;    /* [n] of rows of features */
  const int32_t* bounds;    /* [group_count + 1] */
  int64_t first_row, rows;
  int32_t first_group, group_count; /* of the chunk */

  CPCDR_SHARED int32_t group_at(int64_t i) const { return groups[order[i]]; }
};

/* q = exp(scale * score + row factor + column factor), all in the log domain. */
struct Assignment {
  const float* row_factors;    /* [n] */
  const float* column_factors; /* [k] */
  float scale;

  CPCDR_SHARED float at(float score, int64_t row, int64_t column) const {
    return expf(scale * score + row_factors[row] + column_factors[column]);
  }
};

/* A thread walks down one column of a tile; entropies of rows below `counted` are added up on the way. */
struct TargetTile {
  static constexpr int kPhases = 2;
  struct Shared {
    double entropies[kTileThreads];
    int32_t groups[kTile], begins[kTile], ends[kTile]; /* of rows; where their groups begin and end in the chunk */
  };
  struct Local {
    double entropy;
  };

  GroupChunk chunk;
  Assignment assignment;
  int64_t counted;
  int k;
  float* targets;    /* [groups of the chunk, k] */
  float* shares;     /* [blocks, 2, k] of the group that began before the block, and of the one that goes on after it */
  double* entropies; /* [blocks] */

  CPCDR_SHARED int64_t planes() const { return 1; }
  CPCDR_SHARED void begin(const Sweep& sweep, int64_t, int thread, Shared& shared, Local& local) const {
    local.entropy = 0;
    const int64_t i = sweep.x + thread;
    if (thread >= kTile) return;
    shared.groups[thread] = -1;
    if (i >= chunk.rows) return;
    const int32_t group = chunk.group_at(i);
    shared.groups[thread] = group;
    shared.begins[thread] = static_cast<int32_t>(chunk.bounds[group] - chunk.first_row);
    shared.ends[thread] = static_cast<int32_t>(chunk.bounds[group + 1] - chunk.first_row);
  }

  template <bool kTensor>
  CPCDR_SHARED void take(int p, const Sweep& sweep, int64_t, int thread, TileShared& tiles, Shared& shared,
                         Local& local) const {
    if (p == 0) assign(sweep, thread, tiles, local);
    else if (thread < kTile && sweep.y + thread < k) walk(sweep, thread, tiles, shared);
  }

  /* The tile becomes q. */
  CPCDR_SHARED void assign(const Sweep& sweep, int thread, TileShared& tiles, Local& local) const {
    const int64_t i = sweep.x + thread / kRowThreads;
    if (i >= chunk.rows) return;
    const int64_t row = chunk.order[i];
    float* const values = tiles.tile[thread / kRowThreads];
    for (int column = thread % kRowThreads; column < kTile && sweep.y + column < k; column += kRowThreads) {
      const float q = assignment.at(values[column], row, sweep.y + column);
      values[column] = q;
      if (row < counted) local.entropy -= static_cast<double>(q * logf(q + 1e-12f));
    }
  }

  CPCDR_SHARED void walk(const Sweep& sweep, int column, const TileShared& tiles, const Shared& shared) const {
    const int64_t y = sweep.y + column;
    float sum = 0;
    for (int r = 0; r < kTile && shared.groups[r] >= 0; r++) {
      sum += tiles.tile[r][column];
      if (r + 1 < kTile && shared.groups[r + 1] == shared.groups[r]) continue;
      const int32_t begin = shared.begins[r], end = shared.ends[r];
      if (begin < sweep.x) shares[2 * sweep.block * k + y] = sum;
      else if (end > sweep.x + kTile) shares[(2 * sweep.block + 1) * k + y] = sum;
      else targets[int64_t{shared.groups[r] - chunk.first_group} * k + y] = sum / static_cast<float>(end - begin);
      sum = 0;
    }
  }

  CPCDR_SHARED bool end(int p, const Sweep& sweep, int64_t, int thread, Shared& shared, Local& local) const {
    if (p == 0) {
      shared.entropies[thread] = local.entropy;
      return true;
    }
    const int half = kTileThreads >> p;
    if (thread < half) shared.entropies[thread] += shared.entropies[thread + half];
    if (half > 1) return true;
    if (thread == 0) entropies[sweep.block] = shared.entropies[0];
    return false;
  }
};

/* A thread for each group and column: the targets of groups that reach over several blocks. */
struct SpanTargets {
  static constexpr int kThreads = 256;
  typedef Nothing Shared;
  typedef Nothing Local;

  GroupChunk chunk;
  int k;
  const float* shares;
  float* targets;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t at = where.index(kThreads), group = at / k, y = at - group * k;
    if (group >= chunk.group_count) return false;
    const int64_t begin = chunk.bounds[chunk.first_group + group] - chunk.first_row;
    const int64_t end = chunk.bounds[chunk.first_group + group + 1] - chunk.first_row;
    const int64_t first = begin / kTile, last = (end - 1) / kTile;
    if (begin == end || first == last) return false;
    float sum = shares[(2 * first + 1) * k + y];
    for (int64_t block = first + 1; block <= last; block++) sum += shares[2 * block * k + y];
    targets[group * k + y] = sum / static_cast<float>(end - begin);
    return false;
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
