/* Which copy and which region pixels of a canvas are of. */
#ifndef CPCDR_MIX_IDS_H
#define CPCDR_MIX_IDS_H

#include "columns.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Copies and regions of pixels: [H,W], or a row of them. */
struct Ids {
  int32_t *copies, *regions;

  Ids at(int64_t i) const { return {copies + i, regions + i}; }
};

/* A row of a canvas. Where nothing is pasted, its copies are 0 and regions are those of the source behind. */
struct CanvasIds {
  Ids pasted;
  const int32_t* behind;
  int32_t behind_offset;

  /* Of all pixels that the columns say; `first` is added to the copies. */
  CPCDR_APART void take(const Columns& shown, int32_t first, const Ids& out) const {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
    for (int block = 0, x = 0; x < shown.count; block++, x += kColumnBlock) {
      const __mmask16 lanes = lanes_below(shown.count - x);
      const __m512i columns = columns_of(shown, block);
      const auto values = [&](const int32_t* row) { return look_up_columns(row, shown, block, columns, lanes); };
      const __m512i copies = values(pasted.copies);
      const __mmask16 covered = _mm512_mask_test_epi32_mask(lanes, copies, copies);
      /* What is not wanted need not come from memory. */
      __m512i regions{};
      if (covered != lanes) regions = _mm512_add_epi32(values(behind), _mm512_set1_epi32(behind_offset));
      if (covered != 0) regions = _mm512_mask_mov_epi32(regions, covered, values(pasted.regions));
      _mm512_mask_storeu_epi32(out.copies + x, lanes, _mm512_add_epi32(copies, _mm512_set1_epi32(first)));
      _mm512_mask_storeu_epi32(out.regions + x, lanes, regions);
    }
#else
    for (int x = 0; x < shown.count; x++) {
      const int32_t column = shown.columns[x], copy = pasted.copies[column];
      out.copies[x] = copy + first;
      out.regions[x] = copy == 0 ? behind[column] + behind_offset : pasted.regions[column];
    }
#endif
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
