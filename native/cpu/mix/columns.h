/* Which columns of one image the pixels of a row of another one show. */
#ifndef CPCDR_MIX_COLUMNS_H
#define CPCDR_MIX_COLUMNS_H

#include <algorithm>

#include "../arena.h"
#include "../vec.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Pixels of a row that are looked up at a time. */
constexpr int kColumnBlock = kLanes;
constexpr int column_blocks(int pixels) { return (pixels + kColumnBlock - 1) / kColumnBlock; }

/* Pixel x shows columns[x - first] of a row of source_width. */
struct Columns {
  int32_t* columns;
  int32_t* lows;  /* of each block of pixels the least column */
  uint8_t* reach; /* of each block how many blocks from there on hold all of its columns; 0: more than two */
  int first, count, source_width;

  Columns() = default;
  Columns(Arena& arena, int most, int width)
      : columns(arena.array<int32_t>(column_blocks(most) * kColumnBlock)),
        lows(arena.array<int32_t>(column_blocks(most))), reach(arena.array<uint8_t>(column_blocks(most))),
        source_width(width) {}

  /* From pixel `from` on so many, of which pixel x shows column_of(x). */
  template <typename ColumnOf>
  void settle(int from, int pixels, const ColumnOf& column_of) {
    first = from;
    count = pixels;
    for (int x = 0; x < count; x++) columns[x] = column_of(first + x);
    std::fill(columns + count, columns + column_blocks(count) * kColumnBlock, 0);
    for (int b = 0, x = 0; x < count; b++) {
      const int end = std::min(count, x + kColumnBlock), last = columns[end - 1];
      const int32_t low = std::min(columns[x], last), high = std::max(columns[x], last);
      x = end;
      lows[b] = low;
      const int blocks = (high - low) / kColumnBlock + 1;
      reach[b] = static_cast<uint8_t>(blocks <= 2 ? blocks : 0);
    }
  }
};

#if defined(__x86_64__) && CPCDR_ISA_LEVEL >= 1
/* Columns of a block are found in one or two vectors of the row. */
#define CPCDR_COLUMN_BLOCKS

#if CPCDR_ISA_LEVEL == 2
inline __mmask16 lanes_below(int count) {
  return count >= 16 ? 0xFFFF : count <= 0 ? 0 : static_cast<__mmask16>((1 << count) - 1);
}
#endif

/* The first `count` lanes from memory, 0 in the others. */
inline Words load_lanes(const int32_t* from, int count) {
#if CPCDR_ISA_LEVEL == 2
  return reinterpret_cast<Words>(_mm512_maskz_loadu_epi32(lanes_below(count), from));
#else
  if (count >= kLanes) return load(from);
  return reinterpret_cast<Words>(_mm256_maskload_epi32(from, reinterpret_cast<__m256i>(kLane < count)));
#endif
}

/* Lane k is lane at[k] of `low` and, beyond that, of `high`. */
inline Words take_lanes(Words low, Words at) {
#if CPCDR_ISA_LEVEL == 2
  return reinterpret_cast<Words>(
      _mm512_maskz_permutexvar_epi32(0xFFFF, reinterpret_cast<__m512i>(at), reinterpret_cast<__m512i>(low)));
#else
  return reinterpret_cast<Words>(
      _mm256_permutevar8x32_epi32(reinterpret_cast<__m256i>(low), reinterpret_cast<__m256i>(at)));
#endif
}
inline Words take_lanes(Words low, Words high, Words at) {
#if CPCDR_ISA_LEVEL == 2
  return reinterpret_cast<Words>(_mm512_permutex2var_epi32(
      reinterpret_cast<__m512i>(low), reinterpret_cast<__m512i>(at), reinterpret_cast<__m512i>(high)));
#else
  return at < kLanes ? take_lanes(low, at) : take_lanes(high, at);
#endif
}

/* Values of a row of the source at the columns of a block that has a reach. */
inline Words look_up_columns(const int32_t* row, const Columns& from, int block) {
  const int low = from.lows[block], left = from.source_width - low;
  const Words at = load(from.columns + block * kColumnBlock) - low, here = load_lanes(row + low, left);
  if (from.reach[block] == 1) return take_lanes(here, at);
  return take_lanes(here, load_lanes(row + low + kColumnBlock, left - kColumnBlock), at);
}
#endif

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
