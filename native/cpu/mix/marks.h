/* Where a row of a paste wins: its pixels are of the piece, and nearer than what lies there. */
#ifndef CPCDR_MIX_MARKS_H
#define CPCDR_MIX_MARKS_H

#include <algorithm>

#include "../vec.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cpcdr {
namespace CPCDR_ISA {

/* Pixels of a row that are looked up at a time. */
constexpr int kMarkBlock = 16;

/* What a paste takes from a row of its source: pixel x of the canvas shows column columns[x - first]. */
struct MarkColumns {
  int32_t* columns;
  int32_t* lows; /* of each block of pixels the least column */
  uint8_t* near; /* of each block whether all columns lie within two blocks from there */
  int first, count, source_width;

  /* From pixel `from` on so many, of which pixel x shows column_of(x). */
  template <typename ColumnOf>
  void settle(int from, int pixels, const ColumnOf& column_of) {
    first = from;
    count = pixels;
    for (int x = 0; x < count; x++) columns[x] = column_of(first + x);
    for (int b = 0, x = 0; x < count; b++) {
      const int end = std::min(count, x + kMarkBlock), last = columns[end - 1];
      const int32_t low = std::min(columns[x], last), high = std::max(columns[x], last);
      x = end;
      lows[b] = low;
      near[b] = high - low < 2 * kMarkBlock;
    }
  }
};

#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
inline __mmask16 lanes_below(int count) {
  return count >= 16 ? 0xFFFF : count <= 0 ? 0 : static_cast<__mmask16>((1 << count) - 1);
}

/* Values of a row of the source for one block; lanes whose column is beyond the row's end are not asked for. */
inline __m512i look_up_columns(const void* row, const MarkColumns& from, int block, __m512i columns, __mmask16 lanes) {
  if (!from.near[block]) return _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), lanes, columns, row, 4);
  const int low = from.lows[block];
  const int32_t* const here = static_cast<const int32_t*>(row) + low;
  const __m512i at = _mm512_sub_epi32(columns, _mm512_set1_epi32(low));
  if (low + 2 * kMarkBlock <= from.source_width) {
    return _mm512_permutex2var_epi32(_mm512_loadu_si512(here), at, _mm512_loadu_si512(here + kMarkBlock));
  }
  const __m512i one = _mm512_maskz_loadu_epi32(lanes_below(from.source_width - low), here);
  const __m512i other = _mm512_maskz_loadu_epi32(lanes_below(from.source_width - low - kMarkBlock),
                                               here + kMarkBlock);
  return _mm512_permutex2var_epi32(one, at, other);
}

/* Half of the lanes in double. By instructions with masks, since GCC 12 calls the plain ones uninitialised. */
template <int half>
inline __m512d half_of(__m512 values) {
  return _mm512_maskz_cvtps_pd(0xFF, _mm512_maskz_extractf32x8_ps(0xFF, values, half));
}
#endif

/*
 * For columns [left, right) of the canvas: disparities of the source, times `factor`, are compared in double, as
 * TypeScript does. marks[x] becomes 1 or 0; where it is 1, own[x] becomes the paste's disparity. A region below 0
 * is any. Answers whether there is any mark.
 */
template <bool test>
inline bool mark_columns(const float* from, const int32_t* ids, const MarkColumns& shown, int32_t region, double factor,
                         int left, int right, float* own, float* marks) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  const __m512d factors = _mm512_set1_pd(factor);
  const __m512i regions = _mm512_set1_epi32(region);
  const __m512 ones = _mm512_set1_ps(1);
  unsigned any = 0;
  for (int block = (left - shown.first) / kMarkBlock, x = shown.first + block * kMarkBlock; x < right;
       block++, x += kMarkBlock) {
    const __mmask16 lanes = static_cast<__mmask16>(lanes_below(right - x) & ~lanes_below(left - x));
    const __m512i columns = _mm512_maskz_loadu_epi32(lanes_below(shown.first + shown.count - x),
                                                     shown.columns + block * kMarkBlock);
    const __m512 disparity = _mm512_castsi512_ps(look_up_columns(from, shown, block, columns, lanes));
    const __m512d low = _mm512_mul_pd(half_of<0>(disparity), factors);
    const __m512d high = _mm512_mul_pd(half_of<1>(disparity), factors);
    unsigned wins = lanes;
    if (test) {
      const __m512 before = _mm512_maskz_loadu_ps(lanes, own + x);
      wins &= _mm512_cmp_pd_mask(low, half_of<0>(before), _CMP_GT_OQ) |
              static_cast<unsigned>(_mm512_cmp_pd_mask(high, half_of<1>(before), _CMP_GT_OQ)) << 8;
    }
    if (wins && region >= 0) {
      const __m512i of = look_up_columns(ids, shown, block, columns, lanes);
      wins &= _mm512_cmpeq_epi32_mask(of, regions);
    }
    if (wins) {
      const __m512 low_ahead = _mm512_maskz_broadcast_f32x8(0xFFFF, _mm512_maskz_cvtpd_ps(0xFF, low));
      const __m512 ahead = _mm512_maskz_insertf32x8(0xFFFF, low_ahead, _mm512_maskz_cvtpd_ps(0xFF, high), 1);
      _mm512_mask_storeu_ps(own + x, static_cast<__mmask16>(wins), ahead);
    }
    _mm512_mask_storeu_ps(marks + x, lanes, _mm512_maskz_mov_ps(static_cast<__mmask16>(wins), ones));
    any |= wins;
  }
  return any != 0;
#else
  const int32_t* const columns = shown.columns - shown.first;
  bool any = false;
  for (int x = left; x < right; x++) {
    const double ahead = static_cast<double>(from[columns[x]]) * factor;
    const bool wins = ((region < 0) | (ids[columns[x]] == region)) & (!test | (ahead > static_cast<double>(own[x])));
    marks[x] = wins ? 1.0f : 0.0f;
    own[x] = wins ? static_cast<float>(ahead) : own[x];
    any |= wins;
  }
  return any;
#endif
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
