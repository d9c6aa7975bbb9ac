/*
 * Products of two matrices of float32 in tiles of 128 x 128; of halves see half_products.h.
 *
 * While a block multiplies one step, the next waits in registers and goes to the other half of its memory.
 */
#ifndef CPCDR_PRODUCT_TILES_H
#define CPCDR_PRODUCT_TILES_H

#include "../half.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kProductTile = 128, kProductThreads = 256;

/*
 * How factors lie in the memory of a block: turned so that the sum runs over rows of both. Rows are longer than they
 * need to be, so that threads of a warp meet in few banks.
 */
constexpr int kProductStep = 16, kProductStride = kProductTile + 4, kProductCount = kProductStep * kProductStride;

/* Rows of float32, taken in an order or as they are. */
struct FloatFactors {
  /* By a thread in one step. */
  static constexpr int kEach = 4, kReads = kProductTile * kProductStep / (kEach * kProductThreads);
  struct Stage {
    float values[kReads][kEach];
  };

  const float* values;
  const int32_t* order; /* [count] or null */
  int64_t count;
  int depth;

  CPCDR_SHARED void read(int64_t row, int64_t column, float (&out)[kEach]) const {
    const bool inside = row < count;
    const float* const from = values + (inside ? order ? order[row] : row : 0) * depth;
    if (inside && depth % kEach == 0 && column < depth && reinterpret_cast<uintptr_t>(values) % sizeof(Words) == 0) {
      const Words words = read_words(from + column);
      CPCDR_UNROLL
      for (int e = 0; e < kEach; e++) out[e] = float_of_bits(words.at[e]);
      return;
    }
    CPCDR_UNROLL
    for (int e = 0; e < kEach; e++) out[e] = inside && column + e < depth ? from[column + e] : 0;
  }
};

/*
 * One factor of a product. Along: its rows are those of the tile, and the sum runs along them. Across: the sum runs
 * over its rows. A Source has read(row, column, out) as FloatFactors does.
 */
template <bool kAcross, typename Source = FloatFactors>
struct Factor {
  typedef FloatFactors::Stage Stage;
  static constexpr int kEach = FloatFactors::kEach;
  static constexpr int kRowThreads = (kAcross ? kProductTile : kProductStep) / kEach;

  Source source;

  CPCDR_SHARED static int row(int thread, int read) {
    return thread / kRowThreads + kProductThreads / kRowThreads * read;
  }
  CPCDR_SHARED static int column(int thread) { return thread % kRowThreads * kEach; }
  CPCDR_SHARED void read(int64_t first, int64_t from, int thread, Stage& stage) const {
    CPCDR_UNROLL
    for (int r = 0; r < FloatFactors::kReads; r++) {
      source.read((kAcross ? from : first) + row(thread, r), (kAcross ? first : from) + column(thread),
                  stage.values[r]);
    }
  }
  CPCDR_SHARED void write(const Stage& stage, int thread, float* memory) const {
    CPCDR_UNROLL
    for (int r = 0; r < FloatFactors::kReads; r++) {
      CPCDR_UNROLL
      for (int e = 0; e < kEach; e++) {
        const int along = column(thread) + e;
        memory[kAcross ? row(thread, r) * kProductStride + along : along * kProductStride + row(thread, r)] =
            stage.values[r][e];
      }
    }
  }
};

/* What a thread adds up: 8 x 8. Threads lie 16 x 16 over the tile. */
struct ProductSums {
  float sums[8][8];

  CPCDR_SHARED void clear() {
    CPCDR_UNROLL
    for (int i = 0; i < 8; i++) {
      CPCDR_UNROLL
      for (int j = 0; j < 8; j++) sums[i][j] = 0;
    }
  }
  CPCDR_SHARED static int row(int thread) { return thread / 16 * 8; }
  /* Columns lie in two groups of four, so that neighbouring threads read neighbouring groups. */
  CPCDR_SHARED static int column(int thread, int group) { return group * 64 + thread % 16 * 4; }
  CPCDR_SHARED void add(int thread, const float* left, const float* right) {
    CPCDR_UNROLL
    for (int k = 0; k < kProductStep; k++) {
      float a[8], b[8];
      CPCDR_UNROLL
      for (int group = 0; group < 2; group++) {
        const Words rows = read_words(left + k * kProductStride + row(thread) + 4 * group);
        const Words columns = read_words(right + k * kProductStride + column(thread, group));
        CPCDR_UNROLL
        for (int e = 0; e < 4; e++) {
          a[4 * group + e] = float_of_bits(rows.at[e]);
          b[4 * group + e] = float_of_bits(columns.at[e]);
        }
      }
      CPCDR_UNROLL
      for (int i = 0; i < 8; i++) {
        CPCDR_UNROLL
        for (int j = 0; j < 8; j++) sums[i][j] = fused(a[i], b[j], sums[i][j]);
      }
    }
  }
  /* Calls put(row, column, four sums from there on). */
  template <typename Put>
  CPCDR_SHARED void each(int thread, const Put& put) const {
    CPCDR_UNROLL
    for (int i = 0; i < 8; i++) {
      CPCDR_UNROLL
      for (int group = 0; group < 2; group++) {
        const float four[4] = {sums[i][4 * group], sums[i][4 * group + 1], sums[i][4 * group + 2],
                               sums[i][4 * group + 3]};
        put(row(thread) + i, column(thread, group), four);
      }
    }
  }
};

/* Which tile a block forms, and the steps that it sums over. */
struct ProductPlace {
  int64_t row, column, part;
  int first, last;
};

/*
 * Column tiles of one row tile come one after the other, so that they share what they read. With parts, each sums over
 * its share of the steps; the first ones over one more than others where they must.
 */
struct ProductGrid {
  int32_t across, down, parts; /* tiles; parts of the sum */
  int32_t steps, more;         /* of each part; parts of one more */

  ProductGrid(int64_t rows, int64_t columns, int64_t all_steps, int64_t all_parts)
      : across(static_cast<int32_t>(blocks_for(columns, kProductTile))),
        down(static_cast<int32_t>(blocks_for(rows, kProductTile))),
        parts(static_cast<int32_t>(all_parts)),
        steps(static_cast<int32_t>(all_steps / all_parts)),
        more(static_cast<int32_t>(all_steps % all_parts)) {}

  int64_t blocks() const { return int64_t{across} * down * parts; }

  CPCDR_SHARED ProductPlace place(int32_t block) const {
    const int32_t tile = quotient(block, across), part = parts > 1 ? quotient(tile, down) : 0;
    const int32_t first = part * steps + smaller(part, more);
    return {int64_t{tile - part * down} * kProductTile, int64_t{block - tile * across} * kProductTile, part, first,
            first + steps + (part < more ? 1 : 0)};
  }
};

/* Launched for the blocks of its grid. An Output has put(place, row, column, four sums). */
template <typename Left, typename Right, typename Output>
struct Product {
  static constexpr int kThreads = kProductThreads;
  static constexpr int kResident = 2; /* blocks on a multiprocessor */
  struct Shared {
    alignas(16) float left[2][kProductCount], right[2][kProductCount];
  };
  struct Local {
    ProductSums sums;
    typename Left::Stage left;
    typename Right::Stage right;
    ProductPlace place;
  };

  Left left;
  Right right;
  Output output;
  ProductGrid grid;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    if (p == 0) begin(where, local);
    const int steps = local.place.last - local.place.first;
    if (p > steps) {
      local.sums.each(where.thread, [&](int row, int column, const auto& some) {
        output.put(local.place, local.place.row + row, local.place.column + column, some);
      });
      return false;
    }
    if (p < steps) {
      left.write(local.left, where.thread, shared.left[p % 2]);
      right.write(local.right, where.thread, shared.right[p % 2]);
      if (p + 1 < steps) read(p + 1, where.thread, local);
    }
    if (p > 0) local.sums.add(where.thread, shared.left[(p - 1) % 2], shared.right[(p - 1) % 2]);
    return true;
  }

  CPCDR_SHARED void begin(const Where& where, Local& local) const {
    local.place = grid.place(where.block);
    local.sums.clear();
    if (local.place.first < local.place.last) read(0, where.thread, local);
  }

  CPCDR_SHARED void read(int step, int thread, Local& local) const {
    const int64_t from = int64_t{local.place.first + step} * kProductStep;
    left.read(local.place.row, from, thread, local.left);
    right.read(local.place.column, from, thread, local.right);
  }
};

template <typename Device, typename Left, typename Right, typename Output>
void multiply_on(Device& device, const Left& left, const Right& right, const Output& output, int64_t rows,
                 int64_t columns, int64_t depth, int64_t parts = 1) {
  const ProductGrid grid(rows, columns, blocks_for(depth, kProductStep), parts);
  device.launch(grid.blocks(), Product<Left, Right, Output>{left, right, output, grid});
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
