/*
 * Labelling in tiles, the first two launches: every tile of 64 x 16 pixels is labelled for itself in the memory of a
 * block, then tiles are joined along their seams. Afterwards labels hold nodes of union-find: the index within the
 * map of an earlier pixel of the set, or kOutside; `roots` has a bit for each pixel that is a root within its tile.
 */
#ifndef CPCDR_LABEL_TILES_H
#define CPCDR_LABEL_TILES_H

#include "rules.h"
#include "union_find.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kTileWidth = 64, kTileHeight = 16;
constexpr int32_t kOutside = INT32_MIN;

struct LabelShape {
  int batch, height, width;
  bool diagonals;

  CPCDR_SHARED int64_t pixels() const { return int64_t{height} * width; }
  CPCDR_SHARED int tiles_across() const { return static_cast<int>(blocks_for(width, kTileWidth)); }
  CPCDR_SHARED int64_t tiles() const { return tiles_across() * blocks_for(height, kTileHeight); }
  /* Words of 32 pixels in a row. */
  CPCDR_SHARED int row_words() const { return static_cast<int>(blocks_for(width, 32)); }
  CPCDR_SHARED int64_t words() const { return int64_t{height} * row_words(); }
  /* Pixels below a seam between rows of tiles, and right of one between columns. */
  CPCDR_SHARED int64_t level_seams() const { return (height - 1) / kTileHeight * int64_t{width}; }
  CPCDR_SHARED int64_t upright_seams() const { return (width - 1) / kTileWidth * int64_t{height}; }
  CPCDR_SHARED int64_t seams() const { return level_seams() + upright_seams(); }
};

/* A batch of maps with the rule that joins them. */
template <typename Rule>
struct LabelMaps {
  LabelShape shape;
  Rule rule;
  const float* values; /* [B,H,W] what is compared to `background`, or null */
  float background;

  CPCDR_SHARED LabelMaps at(int64_t b) const {
    const int64_t offset = b * shape.pixels();
    return {shape, rule.at(offset), values ? values + offset : nullptr, background};
  }
  CPCDR_SHARED bool inside(int64_t i) const { return !values || values[i] != background; }
  /* a comes before b. */
  CPCDR_SHARED bool linked(int64_t a, int64_t b) const { return inside(a) && inside(b) && rule.joins(a, b); }
};

template <typename Rule>
struct LabelTile {
  static constexpr int kThreads = 256;
  static constexpr int kRowsApart = kThreads / kTileWidth;
  struct Shared {
    int32_t nodes[kTileWidth * kTileHeight];
    /* Bits of pixels, two words a row: no background; joined to the left; to the pixel above; roots. */
    uint32_t inside[kTileHeight][2], links[kTileHeight][2], down[kTileHeight][2], roots[kTileHeight][2];
  };

  LabelMaps<Rule> maps;
  int32_t* labels; /* [B,H,W] */
  uint32_t* roots; /* [B,H,row_words] */

  /* Of one thread: a column of the tile, and every fourth row of it. */
  struct Place {
    int64_t map;
    int top, left, column, first_row;
  };

  typedef Place Local;

  CPCDR_SHARED Place place(const Where& where) const {
    const int64_t tiles = maps.shape.tiles(), across = maps.shape.tiles_across();
    const int tile = remainder(where.block, tiles);
    return {quotient(where.block, tiles), quotient(tile, across) * kTileHeight, remainder(tile, across) * kTileWidth,
            where.thread % kTileWidth, where.thread / kTileWidth};
  }

  CPCDR_SHARED static uint64_t row_of(const uint32_t (&bits)[kTileHeight][2], int row) {
    return bits[row][0] | static_cast<uint64_t>(bits[row][1]) << 32;
  }

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& at) const {
    if (p == 0) at = place(where);
    const LabelMaps<Rule> map = maps.at(at.map);
    if (p == 4) {
      write_roots(at, where.thread, shared);
      return false;
    }
    for (int row = at.first_row; row < kTileHeight; row += kRowsApart) {
      if (p == 0) read_pixel(map, at, row, shared);
      if (p == 1) begin_node(at, row, shared);
      if (p == 2) join_pixel(map, at, row, shared);
      if (p == 3) write_pixel(at, row, shared);
    }
    return true;
  }

  CPCDR_SHARED void read_pixel(const LabelMaps<Rule>& map, const Place& at, int row, Shared& shared) const {
    const int x = at.left + at.column, y = at.top + row, width = maps.shape.width;
    const int64_t i = int64_t{y} * width + x;
    const bool in = x < width && y < maps.shape.height && map.inside(i);
    const bool left = in && at.column > 0 && map.linked(i - 1, i);
    const bool above = in && row > 0 && map.linked(i - width, i);
    const int word = at.column / 32, bit = at.column % 32;
    write_bit(&shared.inside[row][word], bit, in);
    write_bit(&shared.links[row][word], bit, left);
    write_bit(&shared.down[row][word], bit, above);
  }

  /* A pixel begins as a part of its run. */
  CPCDR_SHARED void begin_node(const Place& at, int row, Shared& shared) const {
    const uint64_t starts = ~row_of(shared.links, row) & ~uint64_t{0} >> (63 - at.column);
    shared.nodes[row * kTileWidth + at.column] = row * kTileWidth + highest_bit(starts);
  }

  /*
   * Unites a pixel with the row above, unless that says nothing new: two pixels whose left neighbours are joined to
   * them and to each other are in one set already.
   */
  CPCDR_SHARED void join_pixel(const LabelMaps<Rule>& map, const Place& at, int row, Shared& shared) const {
    if (row == 0) return;
    const uint64_t one = uint64_t{1} << at.column, before = one >> 1, after = one << 1;
    if (!(row_of(shared.inside, row) & one)) return;
    const uint64_t down = row_of(shared.down, row), here = row_of(shared.links, row);
    const uint64_t above = row_of(shared.links, row - 1);
    const int32_t node = row * kTileWidth + at.column, up = node - kTileWidth;
    const bool joined = down & one;
    if (joined && !((down & before) && (here & one) && (above & one))) unite_nodes(shared.nodes, up, node);
    if (!maps.shape.diagonals) return;
    const int width = maps.shape.width;
    const int64_t i = int64_t{at.top + row} * width + at.left + at.column;
    const uint64_t inside_above = row_of(shared.inside, row - 1);
    if ((inside_above & before) && !((joined && (above & one)) || ((here & one) && (down & before))) &&
        map.rule.joins(i - width - 1, i)) {
      unite_nodes(shared.nodes, up - 1, node);
    }
    if ((inside_above & after) && !((joined && (above & after)) || ((here & after) && (down & after))) &&
        map.rule.joins(i - width + 1, i)) {
      unite_nodes(shared.nodes, up + 1, node);
    }
  }

  CPCDR_SHARED void write_pixel(const Place& at, int row, Shared& shared) const {
    const int x = at.left + at.column, y = at.top + row, width = maps.shape.width;
    const int32_t node = row * kTileWidth + at.column;
    const bool in = row_of(shared.inside, row) >> at.column & 1;
    const int32_t root = in ? find_first(shared.nodes, node) : kOutside;
    write_bit(&shared.roots[row][at.column / 32], at.column % 32, root == node);
    if (x >= width || y >= maps.shape.height) return;
    const int32_t first = (at.top + root / kTileWidth) * width + at.left + root % kTileWidth;
    labels[at.map * maps.shape.pixels() + int64_t{y} * width + x] = in ? first : kOutside;
  }

  CPCDR_SHARED void write_roots(const Place& at, int thread, const Shared& shared) const {
    const int row = thread / 2, word = at.left / 32 + thread % 2;
    if (row >= kTileHeight || at.top + row >= maps.shape.height || word >= maps.shape.row_words()) return;
    roots[(at.map * maps.shape.height + at.top + row) * maps.shape.row_words() + word] = shared.roots[row][thread % 2];
  }
};

/* A thread unites one pixel at a seam with those beyond it. */
template <typename Rule>
struct LabelSeams {
  static constexpr int kThreads = 256;
  typedef Nothing Shared;
  typedef Nothing Local;

  LabelMaps<Rule> maps;
  int32_t* labels;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const LabelShape& shape = maps.shape;
    const int64_t at = where.index(kThreads), seams = shape.seams();
    const int32_t b = quotient(at, seams), k = remainder(at, seams);
    if (b >= shape.batch) return false;
    const LabelMaps<Rule> map = maps.at(b);
    int32_t* const nodes = labels + b * shape.pixels();
    if (k < shape.level_seams()) {
      join_up(map, nodes, remainder(k, shape.width), (quotient(k, shape.width) + 1) * kTileHeight);
    } else {
      const int64_t rest = k - shape.level_seams();
      join_left(map, nodes, (quotient(rest, shape.height) + 1) * kTileWidth, remainder(rest, shape.height));
    }
    return false;
  }

  CPCDR_SHARED static void unite(int32_t* nodes, int64_t a, int64_t b) {
    unite_nodes(nodes, static_cast<int32_t>(a), static_cast<int32_t>(b));
  }

  CPCDR_SHARED void join_up(const LabelMaps<Rule>& map, int32_t* nodes, int x, int y) const {
    const int width = maps.shape.width;
    const int64_t i = int64_t{y} * width + x, up = i - width;
    if (!map.inside(i)) return;
    const bool joined = map.linked(up, i);
    const bool here = x > 0 && map.linked(i - 1, i), above = x > 0 && map.linked(up - 1, up);
    const bool left = here && map.linked(up - 1, i - 1);
    if (joined && !(left && above)) unite(nodes, up, i);
    if (!maps.shape.diagonals) return;
    if (x > 0 && !((joined && above) || left) && map.linked(up - 1, i)) unite(nodes, up - 1, i);
    if (x + 1 == width || !map.linked(up + 1, i)) return;
    const bool known = (joined && map.linked(up, up + 1)) || (map.linked(i, i + 1) && map.linked(up + 1, i + 1));
    if (!known) unite(nodes, up + 1, i);
  }

  /* Where rows of tiles meet, join_up() counts on what this one unites, and has the diagonals already. */
  CPCDR_SHARED void join_left(const LabelMaps<Rule>& map, int32_t* nodes, int x, int y) const {
    const int width = maps.shape.width;
    const int64_t i = int64_t{y} * width + x, up = i - width;
    const bool joined = map.linked(i - 1, i);
    if (y % kTileHeight == 0) {
      if (joined) unite(nodes, i - 1, i);
      return;
    }
    const bool before = map.linked(up - 1, i - 1), here = map.linked(up, i), above = map.linked(up - 1, up);
    if (joined && !(before && here && above)) unite(nodes, i - 1, i);
    if (!maps.shape.diagonals) return;
    if (!((joined && before) || (above && here)) && map.linked(up - 1, i)) unite(nodes, up - 1, i);
    if (!((joined && here) || (above && before)) && map.linked(up, i - 1)) unite(nodes, up, i - 1);
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
