/*
 * Labelling on the device: what its launches hand to each other. Maps are cut into tiles of 64 x 32 pixels.
 *
 *   label_tiles.h   every tile is labelled for itself; each pixel gets the first pixel of its component in the tile
 *   label_seams.h   components of tiles are united along the seams
 *   label_names.h   those that are first of all are counted in raster order, and pixels take their numbers
 *
 * Nodes of union-find are pixels in raster order, rows filled up to whole words of 32; only the first pixel of a
 * tile's component ever is one.
 */
#ifndef CPCDR_LABEL_PLAN_H
#define CPCDR_LABEL_PLAN_H

#include "../launch.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kTileWords = 2, kTileWidth = 32 * kTileWords, kTileHeight = 32, kTilePixels = kTileWidth * kTileHeight;
constexpr int kRootWords = kTilePixels / 32;
/* In place of a pixel of the tile: no component. */
constexpr int kBackground = kTilePixels;

/* Where a tile lies. */
struct TilePlace {
  int32_t map, tile;       /* of the batch; of all its tiles */
  int32_t top, left, rows; /* rows that are in the map */
  int32_t node;            /* of its first pixel, among those of the batch */
};

/* Sizes of a batch whose maps have at most 2^31 - 1 pixels, and what follows from them for every map. */
struct LabelShape {
  int32_t batch, height, width;
  bool diagonals;
  int32_t tiles_across, tiles, row_words, words;

  static LabelShape of(int32_t batch, int32_t height, int32_t width, bool diagonals) {
    const int32_t across = static_cast<int32_t>(blocks_for(width, kTileWidth));
    const int32_t row_words = static_cast<int32_t>(blocks_for(width, 32));
    return {batch, height, width, diagonals, across, across * static_cast<int32_t>(blocks_for(height, kTileHeight)),
            row_words, height * row_words};
  }
  CPCDR_SHARED int64_t pixels() const { return int64_t{height} * width; }
  CPCDR_SHARED int64_t nodes() const { return 32 * int64_t{words}; }
  CPCDR_SHARED int64_t all_tiles() const { return int64_t{batch} * tiles; }
  CPCDR_SHARED int64_t all_words() const { return int64_t{batch} * words; }

  /* Of tile `tile` of the batch. */
  CPCDR_SHARED TilePlace place(int32_t tile) const {
    const int32_t map = quotient(tile, tiles), own = tile - map * tiles;
    const int32_t down = quotient(own, tiles_across), left = (own - down * tiles_across) * kTileWidth;
    const int32_t top = down * kTileHeight;
    return {map, tile, top, left, smaller(kTileHeight, height - top), 32 * (map * words + top * row_words) + left};
  }
  /* The node of a pixel of a tile. */
  CPCDR_SHARED int32_t node(const TilePlace& at, int32_t pixel) const {
    return at.node + pixel / kTileWidth * (32 * row_words) + pixel % kTileWidth;
  }
};

/* Bits of pixels of row 0 that are to be united with the row above, and of rows with what lies beside the tile. */
struct TileSeams {
  enum Kind { kUp, kUpLeft, kUpRight, kKinds };
  enum Side { kLeft, kLeftAbove, kRightAbove, kSides };
  uint32_t up[kTileWords][kKinds];
  uint32_t sides[kSides]; /* bit r: of row r with the left; with the one above it; of the last column likewise */
};

/* In memory of the device. */
struct LabelNodes {
  LabelShape shape;
  uint16_t* locals;     /* [B,tiles,kTilePixels] the first pixel of a pixel's component in its tile */
  uint32_t* tile_roots; /* [B,tiles,kRootWords] bits of those first pixels */
  uint32_t* roots;      /* [B,words] the same in raster order; then of those alone that are first of all */
  int32_t* nodes;       /* [B,nodes()] links of those first pixels */
  TileSeams* seams;     /* [B,tiles] */
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
