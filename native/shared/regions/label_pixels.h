/*
 * How a tile reads its pixels, and those of the row above and the columns beside it: single numbers are copied to
 * memory of the block, all of a tile under way at once; surfaces, of many numbers each, are read where they lie.
 */
#ifndef CPCDR_LABEL_PIXELS_H
#define CPCDR_LABEL_PIXELS_H

#include "label_plan.h"
#include "rules.h"
#include "../words.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* A pixel with those beside it; beyond the map anything. */
template <typename Pixel>
struct Trio {
  Pixel own, left, right;
};

/* For a lane of a warp, which is a column of the tile. */
template <typename Rule>
struct CopiedPixels {
  /* Columns of a row in memory: the first is the fourth, at 16 bytes. */
  static constexpr int kFirst = 4, kStride = kTileWidth + 2 * kFirst, kRows = kTileHeight + 1;
  struct Memory {
    alignas(16) float values[kRows * kStride];
  };

  const float* own;

  CPCDR_SHARED CopiedPixels(const Rule&, const LabelShape&, const TilePlace&, int column, const Memory& memory)
      : own(memory.values + kStride + kFirst + column) {}

  /* Row -1 lies above the tile. */
  CPCDR_SHARED Trio<float> trio(int row) const {
    const float* const at = own + row * kStride;
    return {*at, at[-1], at[1]};
  }

  template <int kThreads>
  CPCDR_SHARED static void copy(const Rule& rule, const LabelShape& shape, const TilePlace& at, int thread,
                                Memory& memory) {
    const float* const map = rule.values + at.map * shape.pixels();
    if (shape.width % kFirst == 0 && reinterpret_cast<uintptr_t>(rule.values) % sizeof(Words) == 0) {
      constexpr int kAcross = kTileWidth / kFirst;
      copy_column<kFirst, kThreads / kAcross>(map, shape, at, thread % kAcross * kFirst, thread / kAcross, memory);
    } else {
      static_assert(kThreads == kTileWidth, "a thread for every column");
      copy_column<1, 1>(map, shape, at, thread, 0, memory);
    }
    copy_column<1, kThreads / 2>(map, shape, at, thread % 2 ? kTileWidth : -1, thread / 2, memory);
    end_copies();
    wait_copies<0>();
  }

  /* kColumns of every kStep-th row. Row 0 is the one above the tile. */
  template <int kColumns, int kStep>
  CPCDR_SHARED static void copy_column(const float* map, const LabelShape& shape, const TilePlace& at, int column,
                                       int row, Memory& memory) {
    const int x = at.left + column, first = at.top > 0 ? 0 : 1;
    const int last = x >= 0 && x < shape.width ? at.rows : -1;
    float* const to = memory.values + row * kStride + kFirst + column;
    /* Of no sign, since rows beyond the largest map would be beyond 2^31. */
    const uint32_t width = static_cast<uint32_t>(shape.width);
    const uint32_t start = static_cast<uint32_t>(at.top - 1 + row) * width + static_cast<uint32_t>(x);
    constexpr int kCopies = (kRows + kStep - 1) / kStep;
    CPCDR_UNROLL
    for (int k = 0; k < kCopies; k++) {
      const int own = row + k * kStep;
      if (k + 1 == kCopies && own >= kRows) break;
      const bool there = (k > 0 || own >= first) && own <= last;
      const float* const from = map + (there ? start + k * kStep * width : 0);
      if (kColumns > 1) copy_words(to + k * kStep * kStride, from, there);
      else copy_word(to + k * kStep * kStride, from, there);
    }
  }
};

template <typename Rule>
struct PixelsInPlace {
  typedef Nothing Memory;

  Rule own, left, right;
  int32_t top, width;

  CPCDR_SHARED PixelsInPlace(const Rule& rule, const LabelShape& shape, const TilePlace& at, int column, const Memory&)
      : top(at.top), width(shape.width) {
    const int x = at.left + column, last = width - 1;
    const Rule map = rule.at(at.map * shape.pixels());
    own = map.at(smaller(x, last));
    left = map.at(smaller(larger(x - 1, 0), last));
    right = map.at(smaller(x + 1, last));
  }

  CPCDR_SHARED Trio<typename Rule::Pixel> trio(int row) const {
    const int32_t first = larger(top + row, 0) * width;
    return {own.pixel(first), left.pixel(first), right.pixel(first)};
  }

  template <int kThreads>
  CPCDR_SHARED static void copy(const Rule&, const LabelShape&, const TilePlace&, int, Memory&) {}
};

template <typename Rule>
struct PixelsOf {
  typedef CopiedPixels<Rule> Type;
};
template <>
struct PixelsOf<SurfaceRule> {
  typedef PixelsInPlace<SurfaceRule> Type;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
