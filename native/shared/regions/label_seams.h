/* Labelling, the second launch: components of tiles are united where tiles meet. */
#ifndef CPCDR_LABEL_SEAMS_H
#define CPCDR_LABEL_SEAMS_H

#include "label_plan.h"
#include "union_find.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* A thread unites eight pixels at the upper seam of a tile, or eight rows of one of its sides. */
struct LabelSeams {
  static constexpr int kThreads = 256, kEach = 8, kParts = 32 / kEach;
  static constexpr int kUps = kTileWords * TileSeams::kKinds, kMasks = kUps + TileSeams::kSides;
  typedef Nothing Shared;
  typedef Nothing Local;

  LabelNodes all;

  CPCDR_SHARED static int64_t threads_of(const LabelShape& shape) {
    return shape.all_tiles() * kMasks * kParts;
  }

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t index = where.index(kThreads);
    if (index >= threads_of(all.shape)) return false;
    const int32_t tile = quotient(index, kMasks * kParts), rest = remainder(index, kMasks * kParts);
    const int mask = rest / kParts, first = rest % kParts * kEach;
    const TileSeams& seams = all.seams[tile];
    const bool up = mask < kUps;
    const int word = up ? mask / TileSeams::kKinds : 0, kind = up ? mask % TileSeams::kKinds : mask - kUps;
    uint32_t bits = (up ? seams.up[word][kind] : seams.sides[kind]) & ((1u << kEach) - 1) << first;
    if (!bits) return false;
    const TilePlace at = all.shape.place(tile);
    int32_t last_a = -1, last_b = -1;
    for (; bits; bits &= bits - 1) {
      const int bit = lowest_bit(bits);
      int x = 32 * word + bit, y = 0, other_x = x, other_y = -1;
      if (up) {
        other_x += (kind == TileSeams::kUpRight) - (kind == TileSeams::kUpLeft);
      } else {
        y = bit;
        x = kind == TileSeams::kRightAbove ? kTileWidth - 1 : 0;
        other_x = kind == TileSeams::kRightAbove ? x + 1 : -1;
        other_y = kind == TileSeams::kLeft ? y : y - 1;
      }
      const int32_t a = node_of(at, x, y), b = node_of(at, other_x, other_y);
      if (a != last_a || b != last_b) unite(a, b);
      last_a = a, last_b = b;
    }
    return false;
  }

  /* Of the component of a pixel of the tile, or of one next to the tile. */
  CPCDR_SHARED int32_t node_of(const TilePlace& at, int x, int y) const {
    const int right = (x >= kTileWidth) - (x < 0), up = y < 0;
    const int64_t tile = at.tile + right - up * all.shape.tiles_across;
    const int32_t pixel = (y & (kTileHeight - 1)) * kTileWidth + (x & (kTileWidth - 1));
    const int32_t first = all.locals[tile * kTilePixels + pixel];
    const int32_t corner = at.node + right * kTileWidth - up * kTileHeight * (32 * all.shape.row_words);
    return corner + first / kTileWidth * (32 * all.shape.row_words) + first % kTileWidth;
  }

  CPCDR_SHARED void unite(int32_t a, int32_t b) const {
    const int32_t lost = unite_nodes(all.nodes, a, b);
    if (lost >= 0) atomic_and(all.roots + (lost >> 5), ~(uint32_t{1} << (lost & 31)));
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
