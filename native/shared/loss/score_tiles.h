/*
 * Products of the rows of two matrices in tiles of 64 x 64, the ground that the prototype loss without kept scores stands
 * on. A block owns 64 rows of x and sweeps over rows of y; a Consumer takes each tile as it is done, so that no
 * matrix of all scores is ever kept. Factors are added up 32 elements of a row at a time from the memory of a block.
 *
 * With kTensor, factors are rounded to TF32 and multiplied on tensor cores (16 x 16 x 8); the CPU multiplies the same
 * rounded factors in a loop.
 */
#ifndef CPCDR_SCORE_TILES_H
#define CPCDR_SCORE_TILES_H

#include <cmath>

#include "tensor_cores.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Rows of `depth` elements, taken in an order or as they are. */
struct Rows {
  const float* values;
  const int32_t* order; /* [count] or null */
  int64_t count;
  int depth;

  CPCDR_SHARED int64_t at(int64_t i) const { return order ? order[i] : i; }
  CPCDR_SHARED int64_t tiles() const { return blocks_for(count, kTile); }
};

template <bool kTensor>
CPCDR_SHARED float element_of(const Rows& rows, int64_t i, int c) {
  const float value = i < rows.count && c < rows.depth ? rows.values[rows.at(i) * rows.depth + c] : 0;
  return kTensor ? round_to_tf32(value) : value;
}

/* Memory of a block. The tile has one row for each row of x. */
struct alignas(32) TileShared {
  union {
    struct {
      float left[kDepthStep][kStride], right[kDepthStep][kStride]; /* [element][row] of x and of y */
    };
    float wide[kDepthStep][kWideStride]; /* rows of y, for a second product */
  };
  float tile[kTile][kStride];
};

/* Where a sweep is. */
struct Sweep {
  int64_t x, y;       /* first rows of the tile */
  int64_t block, part; /* of x; of the parts of y */
};

/*
 * Launched for x.tiles() * parts * consumer.planes() blocks; each part sweeps over a stretch of y, and a plane is
 * the consumer's business. A Consumer has kPhases, Shared, Local, begin(sweep, ...) and take(phase, sweep, ...)
 * between barriers for every tile, and end(phase, ...), which answers whether it wants another phase.
 */
template <typename Consumer, bool kTensor>
struct ScoreSweep {
  static constexpr int kThreads = kTileThreads;
  struct Shared {
    TileShared tiles;
    typename Consumer::Shared own;
  };
  struct Local {
    TileSums<kTensor> sums;
    typename Consumer::Local own;
    Sweep sweep;
    int plane, tile, last, step; /* tiles of y to come, and what is next to do for the one at hand */
  };

  Rows x, y;
  int64_t parts;
  Consumer consumer;

  CPCDR_SHARED int depth_steps() const { return static_cast<int>(blocks_for(x.depth, kDepthStep)); }

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    if (p == 0) begin(where, shared, local);
    const Sweep sweep = local.sweep;
    const int step = local.step++, steps = 2 * depth_steps();
    if (local.tile >= local.last) {
      return consumer.end(step, sweep, local.plane, where.thread, shared.own, local.own);
    }
    if (step == 0) local.sums.clear();
    if (step < steps && step % 2 == 0) load(sweep, step / 2 * kDepthStep, where.thread, shared.tiles);
    else if (step < steps) multiply(where.thread, shared.tiles, local.sums);
    else if (step == steps) local.sums.write(where.thread, shared.tiles.tile[0]);
    else consumer.template take<kTensor>(step - steps - 1, sweep, local.plane, where.thread, shared.tiles, shared.own, local.own);
    if (step == steps + Consumer::kPhases) {
      local.step = 0;
      local.tile++;
      local.sweep.y += kTile;
    }
    return true;
  }

  CPCDR_SHARED void begin(const Where& where, Shared& shared, Local& local) const {
    const int owned = remainder(where.block, x.tiles()), rest = quotient(where.block, x.tiles());
    const int part = remainder(rest, parts);
    local.plane = quotient(rest, parts);
    local.tile = static_cast<int>(y.tiles() * part / parts);
    local.last = static_cast<int>(y.tiles() * (part + 1) / parts);
    local.step = 0;
    local.sweep = {int64_t{owned} * kTile, int64_t{local.tile} * kTile, owned, part};
    consumer.begin(local.sweep, local.plane, where.thread, shared.own, local.own);
  }

  /* Neighbouring threads read neighbouring elements of a row. */
  CPCDR_SHARED void load(const Sweep& sweep, int from, int thread, TileShared& tiles) const {
    const int k = thread % kDepthStep;
    for (int row = thread / kDepthStep; row < kTile; row += kThreads / kDepthStep) {
      tiles.left[k][row] = element_of<kTensor>(x, sweep.x + row, from + k);
      tiles.right[k][row] = element_of<kTensor>(y, sweep.y + row, from + k);
    }
  }

  CPCDR_SHARED static void multiply(int thread, const TileShared& tiles, TileSums<kTensor>& sums) {
    sums.add(thread, tiles.left[0], tiles.right[0]);
  }
};

/* Launches a sweep in the device's precision. */
template <typename Device, typename Consumer>
void sweep_on(Device& device, const Rows& x, const Rows& y, int64_t parts, const Consumer& consumer) {
  const int64_t blocks = x.tiles() * parts * consumer.planes();
  if (device.tensor_cores()) device.launch(blocks, ScoreSweep<Consumer, true>{x, y, parts, consumer});
  else device.launch(blocks, ScoreSweep<Consumer, false>{x, y, parts, consumer});
}

/* Parts of y by which few rows of x make enough blocks for a device. */
CPCDR_SHARED int64_t parts_for(const Rows& x, const Rows& y) {
  constexpr int64_t kWantedBlocks = 1024;
  return larger<int64_t>(1, smaller<int64_t>(kWantedBlocks / larger<int64_t>(1, x.tiles()), y.tiles()));
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
