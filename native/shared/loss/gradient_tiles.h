/*
 * Gradients of the prototype loss. ds = factor * (softmax - target) of a tile of scores, times the rows of y that the
 * tile belongs to, is added up to the gradient of the block's rows of x: once with features as x and prototypes as y,
 * once the other way round, when parts of y keep their sums apart and AddParts adds them up in order.
 */
#ifndef CPCDR_GRADIENT_TILES_H
#define CPCDR_GRADIENT_TILES_H

#include "target_tiles.h"

namespace cpcdr {
namespace CPCDR_ISA {

template <bool kSwapped, bool kTensor>
struct GradientTile {
  /* ds, then two halves of the rows of y: load, multiply, load, multiply. */
  static constexpr int kPhases = 5;
  struct Shared {
    double losses[kTileThreads];
    alignas(32) float lanes[256 * (kTileThreads / kWarp)];
  };
  struct Local {
    WideSums<kTensor> sums;
    double loss;
  };

  GroupChunk chunk;
  Rows y;
  const float* logarithms; /* [n] log sum exp(score / temperature) of rows of features */
  const float* targets;    /* [groups of the chunk, k] */
  float scale, factor;     /* 1 / temperature; what softmax - target is multiplied by */
  int k, depth;
  float* out;     /* of features [n, depth]; of prototypes [parts, k, depth], added to what is there */
  double* losses; /* [blocks] of features */

  /* A plane is 128 columns of the gradient. */
  CPCDR_SHARED int64_t planes() const { return blocks_for(depth, kWide); }
  CPCDR_SHARED void begin(const Sweep&, int64_t, int, Shared&, Local& local) const {
    local.sums.clear();
    local.loss = 0;
  }

  template <bool kSame>
  CPCDR_SHARED void take(int p, const Sweep& sweep, int64_t plane, int thread, TileShared& tiles, Shared&,
                         Local& local) const {
    static_assert(kSame == kTensor, "one precision");
    const int half = (p - 1) / 2 * kDepthStep;
    if (p == 0) differentiate(sweep, thread, tiles, local);
    else if (p % 2 == 1) load(sweep.y + half, plane, thread, tiles);
    else local.sums.add(thread, tiles.tile[0], half, tiles.wide[0]);
  }

  /* The tile becomes ds, 0 beyond the rows of x and y. */
  CPCDR_SHARED void differentiate(const Sweep& sweep, int thread, TileShared& tiles, Local& local) const {
    const int64_t x = sweep.x + thread / kRowThreads;
    float* const values = tiles.tile[thread / kRowThreads];
    for (int column = thread % kRowThreads; column < kTile; column += kRowThreads) {
      const int64_t at = sweep.y + column, i = kSwapped ? at : x, c = kSwapped ? x : at;
      if (i >= chunk.rows || c >= k) {
        values[column] = 0;
        continue;
      }
      const float target = targets[int64_t{chunk.group_at(i) - chunk.first_group} * k + c];
      const float logarithm = scale * values[column] - logarithms[chunk.order[i]];
      if (!kSwapped) local.loss -= static_cast<double>(target * logarithm);
      const float gradient = factor * (expf(logarithm) - target);
      values[column] = kTensor ? round_to_tf32(gradient) : gradient;
    }
  }

  CPCDR_SHARED void load(int64_t from, int64_t plane, int thread, TileShared& tiles) const {
    for (int q = thread; q < kDepthStep * kWide; q += kTileThreads) {
      tiles.wide[q / kWide][q % kWide] =
          element_of<kTensor>(y, from + q / kWide, static_cast<int>(plane) * kWide + q % kWide);
    }
  }

  CPCDR_SHARED bool end(int p, const Sweep& sweep, int64_t plane, int thread, Shared& shared, Local& local) const {
    if (p == 0) {
      shared.losses[thread] = local.loss;
      local.sums.each(thread, shared.lanes, [&](int row, int column, float sum) {
        const int64_t x = sweep.x + row, c = plane * kWide + column;
        if (x >= (kSwapped ? int64_t{k} : chunk.rows) || c >= depth) return;
        if (kSwapped) out[(sweep.part * k + x) * depth + c] += sum;
        else out[int64_t{chunk.order[x]} * depth + c] = sum;
      });
      return !kSwapped;
    }
    const int half = kTileThreads >> p;
    if (thread < half) shared.losses[thread] += shared.losses[thread + half];
    if (half > 1) return true;
    if (thread == 0 && plane == 0) losses[sweep.block] = shared.losses[0];
    return false;
  }
};

/* out[i] = sum over parts of values[part, i] */
struct AddParts {
  static constexpr int kThreads = 256;
  typedef Nothing Shared;
  typedef Nothing Local;

  const float* values;
  float* out;
  int64_t count, parts;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t i = where.index(kThreads);
    if (i >= count) return false;
    float sum = 0;
    for (int64_t part = 0; part < parts; part++) sum += values[part * count + i];
    out[i] = sum;
    return false;
  }
};

/* One block: result[0] and result[1] become the sums of losses and entropies times their factors. */
struct EndLoss {
  static constexpr int kThreads = 256;
  typedef Nothing Local;
  struct Shared {
    double sums[2][kThreads];
  };

  const double *losses, *entropies; /* [count] */
  int64_t count;
  double loss_factor, entropy_factor;
  float* result;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    if (p == 0) {
      double loss = 0, entropy = 0;
      for (int64_t i = where.thread; i < count; i += kThreads) {
        loss += losses[i];
        entropy += entropies[i];
      }
      shared.sums[0][where.thread] = loss;
      shared.sums[1][where.thread] = entropy;
      return true;
    }
    const int half = kThreads >> p;
    for (int s = 0; s < 2 && where.thread < half; s++) shared.sums[s][where.thread] += shared.sums[s][where.thread + half];
    if (half > 1) return true;
    if (where.thread == 0) {
      result[0] = static_cast<float>(shared.sums[0][0] * loss_factor);
      result[1] = static_cast<float>(shared.sums[1][0] * entropy_factor);
    }
    return false;
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
