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
    for (int x = 0; x < shown.count; x += kColumnBlock) {
#ifdef CPCDR_COLUMN_BLOCKS
      const int block = x / kColumnBlock;
      if (shown.reach[block] > 0 && x + kColumnBlock <= shown.count) {
        take_block(shown, block, first, out.at(x));
        continue;
      }
#endif
      for (int k = x; k < std::min(shown.count, x + kColumnBlock); k++) {
        const int32_t column = shown.columns[k], copy = pasted.copies[column];
        out.copies[k] = copy + first;
        out.regions[k] = copy == 0 ? behind[column] + behind_offset : pasted.regions[column];
      }
    }
  }

 private:
#ifdef CPCDR_COLUMN_BLOCKS
  void take_block(const Columns& shown, int block, int32_t first, const Ids& out) const {
    const auto values = [&](const int32_t* row) { return look_up_columns(row, shown, block); };
    const Words copies = values(pasted.copies), bare = copies == 0;
    const unsigned bits = sign_bits(bare);
    /* What is not wanted need not come from memory. */
    Words regions{};
    if (bits != 0) regions = values(behind) + behind_offset;
    if (bits != kAllBits) regions = bare ? regions : values(pasted.regions);
    store(out.copies, copies + first);
    store(out.regions, regions);
  }
#endif
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
