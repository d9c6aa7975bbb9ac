/*
 * Products of two matrices in tiles of 128 x 128, summed in float32: of factors as they are (Element float), or rounded
 * to half precision (uint16_t) on tensor cores (16 x 16 x 16). Half precision has as many bits of mantissa as TF32;
 * factors are multiplied by a power of two first, so that its narrower range costs nothing. The CPU multiplies the
 * same rounded factors in a loop.
 *
 * While a block multiplies one step, the next waits in registers and goes to the other half of its memory.
 */
#ifndef CPCDR_PRODUCT_TILES_H
#define CPCDR_PRODUCT_TILES_H

#include "half.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kProductTile = 128, kProductThreads = 256;

/*
 * How factors lie in the memory of a block. Rows are longer than they need to be, so that threads of a warp meet in
 * few banks. kTurned: factors along are turned, so that the sum runs over rows of both.
 */
template <typename Element>
struct Layout;
template <>
struct Layout<uint16_t> {
  static constexpr int kStep = 32, kAlong = kStep + 8, kAcross = kProductTile + 8, kCount = kProductTile * kAlong;
  static constexpr bool kTurned = false;
};
template <>
struct Layout<float> {
  static constexpr int kStep = 16, kAlong = kProductTile + 4, kAcross = kProductTile + 4, kCount = kStep * kAcross;
  static constexpr bool kTurned = true;
};

/* Rows of float32, taken in an order or as they are, and multiplied by `scale` on the way. */
template <typename Of>
struct FloatFactors {
  typedef Of Element;
  /* By a thread in one step. */
  static constexpr int kEach = 4, kReads = kProductTile * Layout<Element>::kStep / (kEach * kProductThreads);
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
  /* Element e goes to to[apart * e]; halves are neighbours. */
  CPCDR_SHARED void write(const float (&from)[kEach], uint16_t* to, int) const {
    CPCDR_UNROLL
    for (int e = 0; e < kEach; e += 2) {
      write_pair(to + e, half_bits(from[e] * scale), half_bits(from[e + 1] * scale));
    }
  }
  CPCDR_SHARED void write(const float (&from)[kEach], float* to, int apart) const {
    CPCDR_UNROLL
    for (int e = 0; e < kEach; e++) to[e * apart] = from[e];
  }
};

/* Rows of half precision, `stride` elements apart, which is a multiple of 8, as is what is set of each. */
struct HalfFactors {
  typedef uint16_t Element;
  static constexpr int kReads = 2, kEach = 8;
  struct Stage {
    Words values[kReads];
  };

  const uint16_t* values;
  int64_t count, stride;

  CPCDR_SHARED void read(int64_t row, int64_t column, Words& out) const {
    out = row < count && column < stride ? read_words(values + row * stride + column) : Words{{0, 0, 0, 0}};
  }
  CPCDR_SHARED void write(const Words& from, uint16_t* to, int) const { write_words(to, from); }
};

/*
 * One factor of a product. Along: its rows are those of the tile, and the sum runs along them. Across: the sum runs
 * over its rows.
 */
template <typename Source, bool kAcross>
struct Factor {
  typedef typename Source::Stage Stage;
  typedef typename Source::Element Element;
  typedef Layout<Element> Lies;
  static constexpr bool kIsAcross = kAcross;
  static constexpr int kRowThreads = (kAcross ? kProductTile : Lies::kStep) / Source::kEach;

  Source source;

  CPCDR_SHARED static int row(int thread, int read) {
    return thread / kRowThreads + kProductThreads / kRowThreads * read;
  }
  CPCDR_SHARED static int column(int thread) { return thread % kRowThreads * Source::kEach; }
  CPCDR_SHARED void read(int64_t first, int64_t from, int thread, Stage& stage) const {
    CPCDR_UNROLL
    for (int r = 0; r < Source::kReads; r++) {
      source.read((kAcross ? from : first) + row(thread, r), (kAcross ? first : from) + column(thread), stage.values[r]);
    }
  }
  CPCDR_SHARED void write(const Stage& stage, int thread, Element* memory) const {
    constexpr bool kTurns = Lies::kTurned && !kAcross;
    constexpr int kStride = kAcross ? Lies::kAcross : Lies::kAlong;
    CPCDR_UNROLL
    for (int r = 0; r < Source::kReads; r++) {
      const int at = kTurns ? column(thread) * kStride + row(thread, r) : row(thread, r) * kStride + column(thread);
      source.write(stage.values[r], memory + at, kTurns ? kStride : 1);
    }
  }
};

/* What a thread adds up of factors as they are: 8 x 8. Threads lie 16 x 16 over the tile. */
template <typename Element, bool kLeftAcross, bool kRightAcross>
struct ProductSums {
  static constexpr int kLanes = 1;
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
    constexpr int kStride = Layout<float>::kAcross;
    CPCDR_UNROLL
    for (int k = 0; k < Layout<float>::kStep; k++) {
      float a[8], b[8];
      CPCDR_UNROLL
      for (int group = 0; group < 2; group++) {
        const Words rows = read_words(left + k * kStride + row(thread) + 4 * group);
        const Words columns = read_words(right + k * kStride + column(thread, group));
        CPCDR_UNROLL
        for (int e = 0; e < 4; e++) {
          a[4 * group + e] = float_of_bits(rows.at[e]);
          b[4 * group + e] = float_of_bits(columns.at[e]);
        }
      }
      CPCDR_UNROLL
      for (int i = 0; i < 8; i++) {
        CPCDR_UNROLL
        for (int j = 0; j < 8; j++) sums[i][j] = add_product(a[i], b[j], sums[i][j]);
      }
    }
  }
  /* Calls put(row, column, some sums from there on). */
  template <typename Put>
  CPCDR_SHARED void each(int thread, float*, const Put& put) const {
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

/* Of halves: 8 x 8 neighbours, or its share of a warp's 2 x 4 fragments on tensor cores. */
template <bool kLeftAcross, bool kRightAcross>
struct ProductSums<uint16_t, kLeftAcross, kRightAcross> {
  typedef Layout<uint16_t> Lies;
  static constexpr int kLanes = 256 * (kProductThreads / kWarp);
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
    for (int k = 0; k < Lies::kStep; k += 16) {
      fragment<matrix_a, 16, 16, 16, half, Major<kLeftAcross>> rows[2];
      CPCDR_UNROLL
      for (int i = 0; i < 2; i++) {
        const int row = top(thread) + 16 * i;
        load_matrix_sync(rows[i], kLeftAcross ? a + k * Lies::kAcross + row : a + row * Lies::kAlong + k,
                         kLeftAcross ? Lies::kAcross : Lies::kAlong);
      }
      CPCDR_UNROLL
      for (int j = 0; j < 4; j++) {
        const int column = first(thread) + 16 * j;
        fragment<matrix_b, 16, 16, 16, half, Major<!kRightAcross>> columns;
        load_matrix_sync(columns, kRightAcross ? b + k * Lies::kAcross + column : b + column * Lies::kAlong + k,
                         kRightAcross ? Lies::kAcross : Lies::kAlong);
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
    for (int k = 0; k < Lies::kStep; k++) {
      float a[8], b[8];
      for (int i = 0; i < 8; i++) {
        const int row = thread / 16 * 8 + i, column = thread % 16 * 8 + i;
        a[i] = half_value(kLeftAcross ? left[k * Lies::kAcross + row] : left[row * Lies::kAlong + k]);
        b[i] = half_value(kRightAcross ? right[k * Lies::kAcross + column] : right[column * Lies::kAlong + k]);
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

/* Which tile a block forms, and the steps that it sums over. */
struct ProductPlace {
  int64_t row, column, part;
  int first, last;
};

/*
 * Launched for blocks() blocks: column tiles of one row tile come one after the other, so that they share what they
 * read. With parts, each sums over its share of the steps. An Output has put(place, row, column,
 * four or eight sums).
 */
template <typename Left, typename Right, typename Output>
struct Product {
  typedef typename Left::Element Element;
  typedef ProductSums<Element, Left::kIsAcross, Right::kIsAcross> Sums;
  typedef Layout<Element> Lies;
  static constexpr int kThreads = kProductThreads;
  static constexpr int kResident = 2; /* blocks on a multiprocessor */
  union Shared {
    struct {
      alignas(32) Element left[2][Lies::kCount], right[2][Lies::kCount];
    };
    alignas(32) float lanes[Sums::kLanes];
  };
  struct Local {
    Sums sums;
    typename Left::Stage left;
    typename Right::Stage right;
    ProductPlace place;
  };

  Left left;
  Right right;
  Output output;
  int64_t rows, columns, depth, parts;

  CPCDR_SHARED int64_t blocks() const { return blocks_for(rows, kProductTile) * blocks_for(columns, kProductTile) * parts; }

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    if (p == 0) begin(where, local);
    const int steps = local.place.last - local.place.first;
    if (p > steps) {
      local.sums.each(where.thread, shared.lanes, [&](int row, int column, const auto& some) {
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
    const int64_t across = blocks_for(columns, kProductTile), down = blocks_for(rows, kProductTile);
    const int tile = quotient(where.block, across), steps = static_cast<int>(blocks_for(depth, Lies::kStep));
    const int64_t part = quotient(tile, down);
    local.place = {int64_t{remainder(tile, down)} * kProductTile, int64_t{remainder(where.block, across)} * kProductTile, part,
                   static_cast<int>(steps * part / parts), static_cast<int>(steps * (part + 1) / parts)};
    local.sums.clear();
    if (local.place.first < local.place.last) read(0, where.thread, local);
  }

  CPCDR_SHARED void read(int step, int thread, Local& local) const {
    const int64_t from = int64_t{local.place.first + step} * Lies::kStep;
    left.read(local.place.row, from, thread, local.left);
    right.read(local.place.column, from, thread, local.right);
  }
};

template <typename Device, typename Left, typename Right, typename Output>
void multiply_on(Device& device, const Left& left, const Right& right, const Output& output, int64_t rows,
                 int64_t columns, int64_t depth, int64_t parts = 1) {
  const Product<Left, Right, Output> product{left, right, output, rows, columns, depth, parts};
  device.launch(product.blocks(), product);
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
