/* Which columns of one image the pixels of a row of another one show. */
#ifndef CPCDR_MIX_COLUMNS_H
#define CPCDR_MIX_COLUMNS_H

#include <algorithm>

#include "../arena.h"
#include "../vec.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cpcdr {
namespace CPCDR_ISA {

/* Pixels of a row that are looked up at a time. */
constexpr int kColumnBlock = 16;
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

#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
inline __mmask16 lanes_below(int count) {
  return count >= 16 ? 0xFFFF : count <= 0 ? 0 : static_cast<__mmask16>((1 << count) - 1);
}

/* The columns of one block of pixels. */
inline __m512i columns_of(const Columns& from, int block) {
  const int x = block * kColumnBlock;
  return _mm512_maskz_loadu_epi32(lanes_below(from.count - x), from.columns + x);
}

/* Values of a row of the source at columns_of(block); lanes whose column is beyond the row's end are not asked for. */
inline __m512i look_up_columns(const void* row, const Columns& from, int block, __m512i columns, __mmask16 lanes) {
  const int reach = from.reach[block];
  if (reach == 0) return _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), lanes, columns, row, 4);
  const int low = from.lows[block], left = from.source_width - low;
  const int32_t* const here = static_cast<const int32_t*>(row) + low;
  const __m512i at = _mm512_sub_epi32(columns, _mm512_set1_epi32(low));
  const __m512i one = _mm512_maskz_loadu_epi32(lanes_below(left), here);
  if (reach == 1) return _mm512_maskz_permutexvar_epi32(0xFFFF, at, one);
  const __m512i other = _mm512_maskz_loadu_epi32(lanes_below(left - kColumnBlock), here + kColumnBlock);
  return _mm512_permutex2var_epi32(one, at, other);
}
#endif

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
