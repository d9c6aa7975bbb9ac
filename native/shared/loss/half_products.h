/*
 * Products of two matrices of halves in tiles of 128 x 128 on tensor cores (16 x 8 x 16), summed in float32. Half
 * precision has as many bits of mantissa as TF32; float32 factors are multiplied by a power of two before they are
 * rounded (RoundRows), so that its narrower range costs nothing. The CPU multiplies the same factors in a loop.
 *
 * Copies of the next two steps are under way while a block multiplies one.
 */
#ifndef CPCDR_HALF_PRODUCTS_H
#define CPCDR_HALF_PRODUCTS_H

#include "product_tiles.h"

namespace cpcdr {
namespace CPCDR_ISA {

/*
 * What a step takes of one factor, in pieces of eight halves: 128 rows of 4 pieces along, or 32 rows of 16 across. The
 * pieces of a row are exchanged by its number, so that the eight rows of which a warp reads one piece at once, or
 * writes one pair, lie in different banks.
 */
template <bool kAcross>
struct HalfTile {
  static constexpr int kStep = 32, kPieces = (kAcross ? kProductTile : kStep) / 8, kCount = kProductTile * kStep;

  CPCDR_SHARED static int at(int row, int piece) {
    return (row * kPieces + (piece ^ (kAcross ? row % 8 : row / 2 % 4))) * 8;
  }
};

/* Rows of halves, `stride` apart, which is a multiple of 8, as is what is set of each. */
struct HalfFactors {
  const uint16_t* values;
  int32_t count, stride;
};

/* Along: its rows are those of the tile, and the sum runs along them. Across: the sum runs over its rows. */
template <bool kAcross>
struct HalfFactor {
  typedef HalfTile<kAcross> Tile;
  static constexpr bool kIsAcross = kAcross;

  HalfFactors source;

  /* Begins to copy a step from `from` on of the tile from `first` on; zeros beyond the matrix. */
  CPCDR_SHARED void copy(int32_t first, int32_t from, int thread, uint16_t* memory) const {
    CPCDR_UNROLL
    for (int r = 0; r < Tile::kCount / (8 * kProductThreads); r++) {
      const int own = (thread + r * kProductThreads) / Tile::kPieces, piece = thread % Tile::kPieces;
      const int32_t row = (kAcross ? from : first) + own, column = (kAcross ? first : from) + piece * 8;
      const bool inside = row < source.count && column < source.stride;
      copy_words(memory + Tile::at(own, piece),
                 source.values + (inside ? int64_t{row} * source.stride + column : 0), inside);
    }
  }
};

/* What a thread adds up: 8 x 8 neighbours, or its share of a warp's 32 x 64 on tensor cores. */
template <bool kLeftAcross, bool kRightAcross>
struct HalfSums {
  typedef HalfTile<kLeftAcross> Left;
  typedef HalfTile<kRightAcross> Right;
  static constexpr int kDeep = 16; /* of one instruction */

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  float sums[2][8][4]; /* of 16 rows and 8 columns each */

  __device__ void clear() {
    CPCDR_UNROLL
    for (int i = 0; i < 64; i++) sums[i / 32][i / 4 % 8][i % 4] = 0;
  }
  /* Eight warps lie 4 x 2 over the tile. */
  __device__ static int top(int thread) { return thread / kWarp / 2 * 32; }
  __device__ static int first(int thread) { return thread / kWarp % 2 * 64; }

  /* Four matrices of 8 x 8: lanes 8 * m to 8 * m + 7 say where the rows of matrix m are. */
  template <bool kTurned>
  __device__ static void load(const uint16_t* row, uint32_t (&out)[4]) {
    const uint32_t at = static_cast<uint32_t>(__cvta_generic_to_shared(row));
    if (kTurned) {
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                   : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3]) : "r"(at) : "memory");
    } else {
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                   : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3]) : "r"(at) : "memory");
    }
  }
  __device__ static void multiply(const uint32_t (&a)[4], const uint32_t* b, float (&sum)[4]) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
        "%3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }

  __device__ void add(int thread, const uint16_t* left, const uint16_t* right) {
    /* A lane says where row `inner` of matrix 2 * high + low is. */
    const int lane = thread % kWarp, inner = lane % 8, low = lane / 8 % 2, high = lane / 16;
    CPCDR_UNROLL
    for (int k = 0; k < Left::kStep; k += kDeep) {
      uint32_t rows[2][4];
      CPCDR_UNROLL
      for (int i = 0; i < 2; i++) {
        const int row = top(thread) + 16 * i;
        load<kLeftAcross>(left + (kLeftAcross ? Left::at(k + 8 * high + inner, row / 8 + low)
                                              : Left::at(row + 8 * low + inner, k / 8 + high)),
                          rows[i]);
      }
      CPCDR_UNROLL
      for (int j = 0; j < 4; j++) {
        const int column = first(thread) + 16 * j;
        uint32_t columns[4];
        load<kRightAcross>(right + (kRightAcross ? Right::at(k + 8 * low + inner, column / 8 + high)
                                                 : Right::at(column + 8 * high + inner, k / 8 + low)),
                           columns);
        CPCDR_UNROLL
        for (int i = 0; i < 2; i++) {
          multiply(rows[i], columns, sums[i][2 * j]);
          multiply(rows[i], columns + 2, sums[i][2 * j + 1]);
        }
      }
    }
  }
  /* Calls put(row, column, pairs of sums): of columns kApart apart from there on. */
  static constexpr int kPairs = 8, kApart = 8;
  template <typename Put>
  __device__ void each(int thread, const Put& put) const {
    const int lane = thread % kWarp, row = top(thread) + lane / 4, column = first(thread) + lane % 4 * 2;
    CPCDR_UNROLL
    for (int i = 0; i < 4; i++) {
      float pairs[kPairs][2];
      CPCDR_UNROLL
      for (int j = 0; j < 2 * kPairs; j++) pairs[j / 2][j % 2] = sums[i / 2][j / 2][i % 2 * 2 + j % 2];
      put(row + 8 * i, column, pairs);
    }
  }
#else
  float sums[8][8];

  CPCDR_SHARED void clear() {
    for (auto& row : sums) {
      for (float& sum : row) sum = 0;
    }
  }
  CPCDR_SHARED static float value(const uint16_t* tile, bool across, int along, int deep) {
    return half_value(tile[across ? HalfTile<true>::at(deep, along / 8) + along % 8
                                  : HalfTile<false>::at(along, deep / 8) + deep % 8]);
  }
  CPCDR_SHARED void add(int thread, const uint16_t* left, const uint16_t* right) {
    for (int k = 0; k < Left::kStep; k++) {
      float a[8], b[8];
      for (int i = 0; i < 8; i++) {
        a[i] = value(left, kLeftAcross, thread / 16 * 8 + i, k);
        b[i] = value(right, kRightAcross, thread % 16 * 8 + i, k);
      }
      for (int i = 0; i < 8; i++) {
        for (int j = 0; j < 8; j++) sums[i][j] += a[i] * b[j];
      }
    }
  }
  static constexpr int kPairs = 4, kApart = 2;
  template <typename Put>
  CPCDR_SHARED void each(int thread, const Put& put) const {
    for (int i = 0; i < 8; i++) {
      float pairs[kPairs][2];
      for (int j = 0; j < 8; j++) pairs[j / 2][j % 2] = sums[i][j];
      put(thread / 16 * 8 + i, thread % 16 * 8, pairs);
    }
  }
#endif
};

/*
 * Launched for the blocks of its grid. An Output has finish(phase, place, thread, sums, its Shared), which
 * answers whether another phase follows.
 */
template <bool kLeftAcross, bool kRightAcross, typename Output>
struct HalfProduct {
  typedef HalfFactor<kLeftAcross> Left;
  typedef HalfFactor<kRightAcross> Right;
  static constexpr int kThreads = kProductThreads, kResident = 2;
  static constexpr int kStep = Left::Tile::kStep, kStages = 3;
  union Shared {
    struct {
      alignas(16) uint16_t left[kStages][Left::Tile::kCount], right[kStages][Right::Tile::kCount];
    };
    typename Output::Shared output;
  };
  struct Local {
    HalfSums<kLeftAcross, kRightAcross> sums;
    ProductPlace place;
  };

  Left left;
  Right right;
  Output output;
  ProductGrid grid;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    if (p == 0) {
      local.place = grid.place(where.block);
      local.sums.clear();
      for (int step = 0; step < kStages - 1; step++) copy(step, where.thread, shared, local);
    } else {
      const int step = p - 1, steps = local.place.last - local.place.first;
      if (step >= steps) return output.finish(step - steps, local.place, where.thread, local.sums, shared.output);
      copy(step + kStages - 1, where.thread, shared, local);
      local.sums.add(where.thread, shared.left[step % kStages], shared.right[step % kStages]);
    }
    /* The step that comes next has arrived. */
    wait_copies<kStages - 2>();
    return true;
  }

  CPCDR_SHARED void copy(int step, int thread, Shared& shared, const Local& local) const {
    if (step < local.place.last - local.place.first) {
      const int32_t from = (local.place.first + step) * kStep;
      left.copy(static_cast<int32_t>(local.place.row), from, thread, shared.left[step % kStages]);
      right.copy(static_cast<int32_t>(local.place.column), from, thread, shared.right[step % kStages]);
    }
    end_copies();
  }
};

template <bool kLeftAcross, bool kRightAcross, typename Device, typename Output>
void multiply_halves_on(Device& device, const HalfFactors& left, const HalfFactors& right, const Output& output,
                        int64_t rows, int64_t columns, int64_t depth, int64_t parts = 1) {
  typedef HalfProduct<kLeftAcross, kRightAcross, Output> Kernel;
  const ProductGrid grid(rows, columns, blocks_for(depth, Kernel::kStep), parts);
  device.launch(grid.blocks(), Kernel{{left}, {right}, output, grid});
}

/* Rows of float32, taken in an order or as they are, that times `scale` and a factor of their own become halves. */
struct RowsToRound {
  const float* rows;    /* [count, depth] */
  const int32_t* order; /* [count] or null */
  uint16_t* out;        /* [count, stride] */
  int64_t count;
  float scale;
  const float* factors = nullptr; /* [count] or null */
};

/* Rounds the rows of two sets; zeros from the depth up to the stride. */
struct RoundRows {
  static constexpr int kThreads = 256, kEach = 8;
  typedef Nothing Shared;
  typedef Nothing Local;

  RowsToRound sets[2];
  int depth, stride;

  int64_t blocks() const { return blocks_for((sets[0].count + sets[1].count) * (stride / kEach), kThreads); }

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t at = where.index(kThreads), each = stride / kEach;
    const int64_t row = at <= INT32_MAX ? quotient(at, each) : at / each;
    const int column = static_cast<int>(at - row * each) * kEach;
    if (row < sets[0].count) round(sets[0], row, column);
    else if (row - sets[0].count < sets[1].count) round(sets[1], row - sets[0].count, column);
    return false;
  }

  CPCDR_SHARED void round(const RowsToRound& set, int64_t row, int column) const {
    const float* const from = set.rows + (set.order ? set.order[row] : row) * depth + column;
    float values[kEach];
    if (depth % kEach == 0 && reinterpret_cast<uintptr_t>(set.rows) % sizeof(Words) == 0) {
      const Words some[2] = {read_words(from), read_words(from + 4)};
      CPCDR_UNROLL
      for (int e = 0; e < kEach; e++) values[e] = float_of_bits(some[e / 4].at[e % 4]);
    } else {
      CPCDR_UNROLL
      for (int e = 0; e < kEach; e++) values[e] = column + e < depth ? from[e] : 0;
    }
    const float scale = set.factors ? set.scale * set.factors[row] : set.scale;
    Words halves;
    CPCDR_UNROLL
    for (int w = 0; w < 4; w++) halves.at[w] = half_pair(values[2 * w] * scale, values[2 * w + 1] * scale);
    write_words(set.out + row * stride + column, halves);
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
