/* Where a row of a paste wins: its pixels are of the piece, and nearer than what lies there. */
#ifndef CPCDR_MIX_MARKS_H
#define CPCDR_MIX_MARKS_H

#include "../fixed.h"
#include "columns.h"

namespace cpcdr {
namespace CPCDR_ISA {

#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
/* Half of the lanes in double. By instructions with masks, since GCC 12 calls the plain ones uninitialised. */
template <int half>
inline __m512d half_of(__m512 values) {
  return _mm512_maskz_cvtps_pd(0xFF, _mm512_maskz_extractf32x8_ps(0xFF, values, half));
}

/* Values of a row of the source at the columns of a block, whose last lanes may be beyond those that are shown. */
inline __m512i look_up(const void* row, const Columns& shown, int block) {
  const int32_t* const values = static_cast<const int32_t*>(row);
  if (shown.reach[block] > 0) return reinterpret_cast<__m512i>(look_up_columns(values, shown, block));
  const __m512i columns = _mm512_loadu_si512(shown.columns + block * kColumnBlock);
  return _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), 0xFFFF, columns, values, 4);
}
#endif

/*
 * For columns [left, right) of the canvas: disparities of the source, times `factor`, are compared in double, as
 * TypeScript does. marks[x] becomes 1, as a Fixed number, or 0; where it becomes 1, own[x] becomes the paste's
 * disparity. A region below 0 is any. Answers whether there is any mark.
 */
template <bool test>
inline bool mark_columns(const float* from, const int32_t* ids, const Columns& shown, int32_t region, double factor,
                         int left, int right, float* own, int16_t* marks) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  const __m512d factors = _mm512_set1_pd(factor);
  const __m512i regions = _mm512_set1_epi32(region);
  const __m256i ones = _mm256_set1_epi16(kFixedOne);
  unsigned any = 0;
  for (int block = (left - shown.first) / kColumnBlock, x = shown.first + block * kColumnBlock; x < right;
       block++, x += kColumnBlock) {
    const __mmask16 lanes = static_cast<__mmask16>(lanes_below(right - x) & ~lanes_below(left - x));
    const __m512 disparity = _mm512_castsi512_ps(look_up(from, shown, block));
    const __m512d low = _mm512_mul_pd(half_of<0>(disparity), factors);
    const __m512d high = _mm512_mul_pd(half_of<1>(disparity), factors);
    unsigned wins = lanes;
    if (test) {
      const __m512 before = _mm512_maskz_loadu_ps(lanes, own + x);
      wins &= _mm512_cmp_pd_mask(low, half_of<0>(before), _CMP_GT_OQ) |
              static_cast<unsigned>(_mm512_cmp_pd_mask(high, half_of<1>(before), _CMP_GT_OQ)) << 8;
    }
    if (wins && region >= 0) {
      wins &= _mm512_cmpeq_epi32_mask(look_up(ids, shown, block), regions);
    }
    if (wins) {
      const __m512 low_ahead = _mm512_maskz_broadcast_f32x8(0xFFFF, _mm512_maskz_cvtpd_ps(0xFF, low));
      const __m512 ahead = _mm512_maskz_insertf32x8(0xFFFF, low_ahead, _mm512_maskz_cvtpd_ps(0xFF, high), 1);
      _mm512_mask_storeu_ps(own + x, static_cast<__mmask16>(wins), ahead);
    }
    _mm256_mask_storeu_epi16(marks + x, lanes, _mm256_maskz_mov_epi16(static_cast<__mmask16>(wins), ones));
    any |= wins;
  }
  return any != 0;
#else
  const int32_t* const columns = shown.columns - shown.first;
  bool any = false;
  for (int x = left; x < right; x++) {
    const double ahead = static_cast<double>(from[columns[x]]) * factor;
    const bool wins = ((region < 0) | (ids[columns[x]] == region)) & (!test | (ahead > static_cast<double>(own[x])));
    marks[x] = wins ? kFixedOne : int16_t{0};
    own[x] = wins ? static_cast<float>(ahead) : own[x];
    any |= wins;
  }
  return any;
#endif
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
