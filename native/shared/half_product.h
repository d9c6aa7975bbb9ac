/*
 * Products of two matrices whose factors are rounded to half precision, in tiles of 128 x 128, summed in float32 on
 * tensor cores (16 x 16 x 16). Half precision has as many bits of mantissa as TF32; factors are multiplied by a power
 * of two first, so that its narrower range costs nothing. The CPU multiplies the same rounded factors in a loop.
 *
 * While a block multiplies one step of 32, the next waits in registers and goes to the other half of its memory.
 */
#ifndef CPCDR_HALF_PRODUCT_H
#define CPCDR_HALF_PRODUCT_H

#include "half.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kHalfTile = 128, kHalfStep = 32, kHalfThreads = 256;
/* Rows in memory are longer than they need to be, so that threads of a warp meet in few banks. */
constexpr int kAlongStride = kHalfStep + 8, kAcrossStride = kHalfTile + 8;
constexpr int kFactors = kHalfTile * kAlongStride;

/* Rows of float32, taken in an order or as they are, and multiplied by `scale` on the way. */
struct FloatFactors {
  static constexpr int kReads = 4, kEach = 4; /* by a thread in one step */
  struct Stage {
    float values[kReads][kEach];
  };

  const float* values;
  const int32_t* order; /* [count] or null */
  int64_t count;
  int depth;
  float scale;

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
  CPCDR_SHARED void write(const float (&from)[kEach], uint16_t* to) const {
    CPCDR_UNROLL
    for (int e = 0; e < kEach; e += 2) {
      write_pair(to + e, half_bits(from[e] * scale), half_bits(from[e + 1] * scale));
    }
  }
};

/* Rows of half precision, `stride` elements apart, which is a multiple of 8, as is what is set of each. */
struct HalfFactors {
  static constexpr int kReads = 2, kEach = 8;
  struct Stage {
    Words values[kReads];
  };

  const uint16_t* values;
  int64_t count, stride;

  CPCDR_SHARED void read(int64_t row, int64_t column, Words& out) const {
    out = row < count && column < stride ? read_words(values + row * stride + column) : Words{{0, 0, 0, 0}};
  }
  CPCDR_SHARED void write(const Words& from, uint16_t* to) const { write_words(to, from); }
};

/*
 * One factor of a product. Along: its rows are those of the tile, and the sum runs along them. Across: the sum runs
 * over its rows.
 */
template <typename Source, bool kAcross>
struct Factor {
  typedef typename Source::Stage Stage;
  static constexpr bool kIsAcross = kAcross;
  static constexpr int kRowThreads = (kAcross ? kHalfTile : kHalfStep) / Source::kEach;
  static constexpr int kStride = kAcross ? kAcrossStride : kAlongStride;

  Source source;

  CPCDR_SHARED static int row(int thread, int read) { return thread / kRowThreads + kHalfThreads / kRowThreads * read; }
  CPCDR_SHARED static int column(int thread) { return thread % kRowThreads * Source::kEach; }
  CPCDR_SHARED void read(int64_t first, int64_t from, int thread, Stage& stage) const {
    CPCDR_UNROLL
    for (int r = 0; r < Source::kReads; r++) {
      source.read((kAcross ? from : first) + row(thread, r), (kAcross ? first : from) + column(thread), stage.values[r]);
    }
  }
  CPCDR_SHARED void write(const Stage& stage, int thread, uint16_t* memory) const {
    CPCDR_UNROLL
    for (int r = 0; r < Source::kReads; r++) {
      source.write(stage.values[r], memory + row(thread, r) * kStride + column(thread));
    }
  }
};

/* What a thread adds up: 8 x 8 neighbours, or its share of a warp's 2 x 4 fragments on tensor cores. */
template <bool kLeftAcross, bool kRightAcross>
struct HalfSums {
#if defined(__CUDA_ARCH__)
  typedef nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, 16, float> SumFragment;
  template <bool kOther>
  using Major = typename Either<kOther, nvcuda::wmma::col_major, nvcuda::wmma::row_major>::Type;

  SumFragment sums[2][4];

  __device__ void clear() {
    CPCDR_UNROLL
    for (int i = 0; i < 2; i++) {
      CPCDR_UNROLL
      for (int j = 0; j < 4; j++) nvcuda::wmma::fill_fragment(sums[i][j], 0.0f);
    }
  }
  /* Eight warps lie 4 x 2 over the tile: 32 rows and 64 columns each. */
  __device__ static int top(int thread) { return thread / kWarp / 2 * 32; }
  __device__ static int first(int thread) { return thread / kWarp % 2 * 64; }
  __device__ void add(int thread, const uint16_t* left, const uint16_t* right) {
    using namespace nvcuda::wmma;
    const half* const a = reinterpret_cast<const half*>(left);
    const half* const b = reinterpret_cast<const half*>(right);
    CPCDR_UNROLL
    for (int k = 0; k < kHalfStep; k += 16) {
      fragment<matrix_a, 16, 16, 16, half, Major<kLeftAcross>> rows[2];
      CPCDR_UNROLL
      for (int i = 0; i < 2; i++) {
        const int row = top(thread) + 16 * i;
        load_matrix_sync(rows[i], kLeftAcross ? a + k * kAcrossStride + row : a + row * kAlongStride + k,
                         kLeftAcross ? kAcrossStride : kAlongStride);
      }
      CPCDR_UNROLL
      for (int j = 0; j < 4; j++) {
        const int column = first(thread) + 16 * j;
        fragment<matrix_b, 16, 16, 16, half, Major<!kRightAcross>> columns;
        load_matrix_sync(columns, kRightAcross ? b + k * kAcrossStride + column : b + column * kAlongStride + k,
                         kRightAcross ? kAcrossStride : kAlongStride);
        CPCDR_UNROLL
        for (int i = 0; i < 2; i++) mma_sync(sums[i][j], rows[i], columns, sums[i][j]);
      }
    }
  }
  /* Calls put(row, column, eight sums from there on), by way of `memory`, 256 floats a warp. */
  template <typename Put>
  __device__ void each(int thread, float* memory, const Put& put) const {
    float* const own = memory + 256 * (thread / kWarp);
    const int lane = thread % kWarp, row = lane / 2, column = lane % 2 * 8;
    CPCDR_UNROLL
    for (int i = 0; i < 2; i++) {
      CPCDR_UNROLL
      for (int j = 0; j < 4; j++) {
        nvcuda::wmma::store_matrix_sync(own, sums[i][j], 16, nvcuda::wmma::mem_row_major);
        __syncwarp();
        float eight[8];
        CPCDR_UNROLL
        for (int e = 0; e < 8; e++) eight[e] = own[row * 16 + column + e];
        put(top(thread) + 16 * i + row, first(thread) + 16 * j + column, eight);
        __syncwarp();
      }
    }
  }
#else
  float sums[8][8];

  CPCDR_SHARED void clear() {
    for (auto& row : sums) {
      for (float& sum : row) sum = 0;
    }
  }
  CPCDR_SHARED void add(int thread, const uint16_t* left, const uint16_t* right) {
    for (int k = 0; k < kHalfStep; k++) {
      float a[8], b[8];
      for (int i = 0; i < 8; i++) {
        const int row = thread / 16 * 8 + i, column = thread % 16 * 8 + i;
        a[i] = half_value(kLeftAcross ? left[k * kAcrossStride + row] : left[row * kAlongStride + k]);
        b[i] = half_value(kRightAcross ? right[k * kAcrossStride + column] : right[column * kAlongStride + k]);
      }
      for (int i = 0; i < 8; i++) {
        for (int j = 0; j < 8; j++) sums[i][j] += a[i] * b[j];
      }
    }
  }
  template <typename Put>
  CPCDR_SHARED void each(int thread, float*, const Put& put) const {
    for (int i = 0; i < 8; i++) put(thread / 16 * 8 + i, thread % 16 * 8, sums[i]);
  }
#endif
};

/* Which tile a block forms, and the steps of 32 that it sums over. */
struct HalfPlace {
  int64_t row, column, part;
  int first, last;
};

/*
 * Launched for blocks() blocks: column tiles of one row tile come one after the other, so that they share what they
 * read. With parts, each sums over its share of the steps. An Output has put(place, row, column, eight sums).
 */
template <typename Left, typename Right, typename Output>
struct HalfProduct {
  static constexpr int kThreads = kHalfThreads;
  static constexpr int kResident = 2; /* blocks on a multiprocessor */
  union Shared {
    struct {
      alignas(32) uint16_t left[2][kFactors], right[2][kFactors];
    };
    alignas(32) float lanes[256 * (kHalfThreads / kWarp)];
  };
  struct Local {
    HalfSums<Left::kIsAcross, Right::kIsAcross> sums;
    typename Left::Stage left;
    typename Right::Stage right;
    HalfPlace place;
  };

  Left left;
  Right right;
  Output output;
  int64_t rows, columns, depth, parts;

  CPCDR_SHARED int64_t blocks() const { return blocks_for(rows, kHalfTile) * blocks_for(columns, kHalfTile) * parts; }

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    if (p == 0) begin(where, local);
    const int steps = local.place.last - local.place.first;
    if (p > steps) {
      local.sums.each(where.thread, shared.lanes, [&](int row, int column, const float(&eight)[8]) {
        output.put(local.place, local.place.row + row, local.place.column + column, eight);
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
    const int64_t across = blocks_for(columns, kHalfTile), down = blocks_for(rows, kHalfTile);
    const int tile = quotient(where.block, across), steps = static_cast<int>(blocks_for(depth, kHalfStep));
    const int64_t part = quotient(tile, down);
    local.place = {int64_t{remainder(tile, down)} * kHalfTile, int64_t{remainder(where.block, across)} * kHalfTile, part,
                   static_cast<int>(steps * part / parts), static_cast<int>(steps * (part + 1) / parts)};
    local.sums.clear();
    if (local.place.first < local.place.last) read(0, where.thread, local);
  }

  CPCDR_SHARED void read(int step, int thread, Local& local) const {
    const int64_t from = int64_t{local.place.first + step} * kHalfStep;
    left.read(local.place.row, from, thread, local.left);
    right.read(local.place.column, from, thread, local.right);
  }
};

template <typename Device, typename Left, typename Right, typename Output>
void multiply_on(Device& device, const Left& left, const Right& right, const Output& output, int64_t rows,
                 int64_t columns, int64_t depth, int64_t parts = 1) {
  const HalfProduct<Left, Right, Output> product{left, right, output, rows, columns, depth, parts};
  device.launch(product.blocks(), product);
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
