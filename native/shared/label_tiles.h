/*
 * Labelling, the first launch: every tile of 64 x 32 pixels is labelled for itself in the memory of a block. What is
 * joined is found for words of 32 pixels in a row at once. A run, pixels of a word that are joined to their left,
 * is one node of union-find, at its first pixel.
 */
#ifndef CPCDR_LABEL_TILES_H
#define CPCDR_LABEL_TILES_H

#include "rules.h"
#include "union_find.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kTileWords = 2, kTileWidth = 32 * kTileWords, kTileHeight = 32;

/* Rows are filled up to whole words: pixel x of row y is node 32 * (y * row_words + x / 32) + x % 32 of its map. */
struct LabelShape {
  int batch, height, width;
  bool diagonals;

  CPCDR_SHARED int64_t pixels() const { return int64_t{height} * width; }
  CPCDR_SHARED int tiles_across() const { return static_cast<int>(blocks_for(width, kTileWidth)); }
  CPCDR_SHARED int64_t tiles() const { return tiles_across() * blocks_for(height, kTileHeight); }
  CPCDR_SHARED int row_words() const { return static_cast<int>(blocks_for(width, 32)); }
  CPCDR_SHARED int64_t words() const { return int64_t{height} * row_words(); }
  CPCDR_SHARED int64_t nodes() const { return 32 * words(); }
};

/* A batch of maps with the rule that joins them. */
template <typename Rule>
struct LabelMaps {
  LabelShape shape;
  Rule rule;
  bool bounded; /* pixels of the value `background` have no label */
  float background;

  /* Without a branch, as all that is asked of every pixel. */
  CPCDR_SHARED bool inside(float value) const { return !(bounded & (value == background)); }
  CPCDR_SHARED bool inside(const SurfacePixel&) const { return true; }
};

/* Bits of pixels of row 0 that are to be united with the row above, and of rows with what lies beside the tile. */
struct TileSeams {
  enum Kind { kUp, kUpLeft, kUpRight, kKinds };
  enum Side { kLeft, kLeftAbove, kRightAbove, kSides };
  uint32_t up[kTileWords][kKinds];
  uint32_t sides[kSides]; /* bit r: of row r with the left; with the one above it; of the last column likewise */
};

/* What the first launch leaves to the others. */
struct LabelNodes {
  LabelShape shape;
  int32_t* nodes;       /* [B,nodes()] of the batch, at the first pixels of runs; -1 for background */
  uint32_t* starts;     /* [B,words()] bits of the first pixels of runs; background has runs as well */
  uint32_t* tile_roots; /* [B,words()] bits of nodes that are roots of their tile */
  uint32_t* roots;      /* [B,words()] those of them that are still roots */
  TileSeams* seams;     /* [B,tiles()] */

  /* The first pixel of the run of a pixel. */
  CPCDR_SHARED int32_t run_of(int32_t pixel) const {
    return (pixel & ~31) + highest_bit(starts[pixel >> 5] & ~uint32_t{0} >> (31 - (pixel & 31)));
  }
};

template <typename Rule>
struct LabelTile {
  static constexpr int kThreads = 128, kWarps = kThreads / kWarp;
  /* Each warp reads a column of words, and each thread unites and flattens half a word of some row. */
  static constexpr int kWarpRows = kTileHeight * kTileWords / kWarps, kHalf = 16;
  static_assert(kThreads == 2 * kTileWords * kTileHeight, "a thread for every half word");
  static_assert(kTileHeight == 32 && TileSeams::kSides <= kWarps, "sides are words of rows");
  typedef typename Rule::Pixel Pixel;
  /* Rows read at once, so that their loads overlap. */
  static constexpr int kAhead = sizeof(Pixel) <= 4 ? 4 : 1;
  static constexpr int kResident = sizeof(Pixel) <= 4 ? 7 : 0;

  struct Word {
    uint32_t starts, inside, links, up[TileSeams::kKinds];
  };
  struct Shared {
    int32_t nodes[SpreadNodes::room(kTileWidth * kTileHeight)];
    Word words[kTileHeight][kTileWords];
    uint32_t links_above[kTileWords], sides[TileSeams::kSides];
    uint16_t roots[kTileHeight][kTileWords][2];
  };
  typedef Nothing Local;
  struct Place {
    int64_t map;
    int tile, top, left, rows;
  };
  /* A pixel with those beside it in its row. */
  struct Trio {
    Pixel own, left, right;
    bool in, left_in, right_in;
  };

  LabelMaps<Rule> maps;
  LabelNodes all;

  CPCDR_SHARED Place place(const Where& where) const {
    const int64_t tiles = maps.shape.tiles(), across = maps.shape.tiles_across();
    const int tile = remainder(where.block, tiles), top = quotient(tile, across) * kTileHeight;
    return {quotient(where.block, tiles), tile, top, remainder(tile, across) * kTileWidth,
            smaller(kTileHeight, maps.shape.height - top)};
  }

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    const Place at = place(where);
    if (p == 0) read_words(at, where.thread, shared);
    if (p == 1) join_words(at, where.thread, shared);
    if (p == 2) flatten(at, where.thread, shared);
    if (p == 3) write(at, where.thread, shared);
    return p < 3;
  }

  /* Of row y, which is in the map, with x beyond it taken for its last. */
  CPCDR_SHARED Trio read_trio(const Rule& rule, int x, int y) const {
    const int last = maps.shape.width - 1;
    const int64_t row = int64_t{y} * maps.shape.width;
    /* Without diagonals nobody asks for the right. */
    const int right = maps.shape.diagonals ? x + 1 : x;
    Trio trio{rule.pixel(row + smaller(x, last)), rule.pixel(row + smaller(larger(x - 1, 0), last)),
              rule.pixel(row + smaller(right, last)), false, false, false};
    trio.in = (x <= last) & maps.inside(trio.own);
    trio.left_in = (x > 0) & (x <= last) & maps.inside(trio.left);
    trio.right_in = (x < last) & maps.inside(trio.right);
    return trio;
  }

  CPCDR_SHARED bool linked(bool a_in, const Pixel& a, bool b_in, const Pixel& b) const {
    return a_in & b_in & maps.rule.alike(a, b);
  }

  CPCDR_SHARED void read_words(const Place& at, int thread, Shared& shared) const {
    const Rule rule = maps.rule.at(at.map * maps.shape.pixels());
    const int word = thread / kWarp % kTileWords, lane = thread % kWarp, x = at.left + 32 * word + lane;
    const int begin = thread / (kWarp * kTileWords) * kWarpRows, end = smaller(begin + kWarpRows, at.rows);
    if (begin >= end) return;
    const int y = at.top + begin;
    Trio above = read_trio(rule, x, larger(y - 1, 0));
    if (y == 0) above.in = above.left_in = above.right_in = false;
    if (begin == 0) {
      write_bit(&shared.links_above[word], lane, linked(above.left_in, above.left, above.in, above.own));
    }
    for (int row = begin; row < end; row += kAhead) {
      Trio ahead[kAhead];
      for (int k = 0; k < kAhead; k++) ahead[k] = read_trio(rule, x, at.top + smaller(row + k, end - 1));
      for (int k = 0; k < kAhead && row + k < end; k++) {
        write_word(above, ahead[k], lane, &shared.words[row + k][word]);
        const int32_t node = (row + k) * kTileWidth + 32 * word + lane;
        *(SpreadNodes{shared.nodes} + node) = node;
        above = ahead[k];
      }
    }
  }

  CPCDR_SHARED void write_word(const Trio& above, const Trio& here, int lane, Word* word) const {
    const bool link = linked(here.left_in, here.left, here.in, here.own);
    write_bit(&word->starts, lane, (lane == 0) | ((!link) & (here.in | here.left_in)));
    write_bit(&word->inside, lane, here.in);
    write_bit(&word->links, lane, link);
    write_bit(&word->up[TileSeams::kUp], lane, linked(above.in, above.own, here.in, here.own));
    if (!maps.shape.diagonals) return;
    write_bit(&word->up[TileSeams::kUpLeft], lane, linked(above.left_in, above.left, here.in, here.own));
    write_bit(&word->up[TileSeams::kUpRight], lane, linked(above.right_in, above.right, here.in, here.own));
  }

  /*
   * Of the pixels joined to the row above those that say something new: two pixels joined to their left neighbours
   * which are joined to each other are in one set already, as is a diagonal whose ends are joined by a corner.
   */
  CPCDR_SHARED void find_unions(const Word& word, uint32_t links_above, uint32_t* unions) const {
    const uint32_t up = word.up[TileSeams::kUp], links = word.links;
    unions[TileSeams::kUp] = up & ~(up << 1 & links & links_above);
    unions[TileSeams::kUpLeft] = unions[TileSeams::kUpRight] = 0;
    if (!maps.shape.diagonals) return;
    unions[TileSeams::kUpLeft] = word.up[TileSeams::kUpLeft] & ~((up & links_above) | (links & up << 1));
    unions[TileSeams::kUpRight] = word.up[TileSeams::kUpRight] & ~((up & links_above >> 1) | (links >> 1 & up >> 1));
  }

  CPCDR_SHARED void join_words(const Place& at, int thread, Shared& shared) const {
    join_sides(at, thread, shared);
    const int row = thread / (2 * kTileWords), word = thread / 2 % kTileWords, half = thread % 2;
    if (row >= at.rows) return;
    uint32_t unions[TileSeams::kKinds];
    const uint32_t links_above = row > 0 ? shared.words[row - 1][word].links : shared.links_above[word];
    find_unions(shared.words[row][word], links_above, unions);
    if (row == 0) {
      /* What lies beyond the tile is for the next launch. */
      TileSeams& seams = all.seams[at.map * maps.shape.tiles() + at.tile];
      for (int k = 0; k < TileSeams::kKinds && half == 0; k++) seams.up[word][k] = unions[k];
      for (uint32_t& bits : unions) bits = 0;
    }
    /* And what lies beside it. */
    if (word == 0) unions[TileSeams::kUpLeft] &= ~uint32_t{1};
    if (word == kTileWords - 1) unions[TileSeams::kUpRight] &= ~uint32_t{0} >> 1;
    const uint32_t beside = word > 0 && half == 0 && (shared.words[row][word].links & 1);
    uint64_t bits = uint64_t{beside} << (3 * kHalf);
    for (int k = 0; k < TileSeams::kKinds; k++) bits |= uint64_t{unions[k] >> (kHalf * half) & 0xffff} << (kHalf * k);
    const SpreadNodes nodes{shared.nodes};
    for (; bits; bits &= bits - 1) {
      const int bit = lowest_bit(bits), kind = bit / kHalf, x = 32 * word + kHalf * half + bit % kHalf;
      const int from = x + (kind == TileSeams::kUpRight) - (kind == TileSeams::kUpLeft || kind == TileSeams::kKinds);
      unite_nodes(nodes, run_of(shared, row, x), run_of(shared, kind == TileSeams::kKinds ? row : row - 1, from));
    }
  }

  CPCDR_SHARED static int32_t run_of(const Shared& shared, int row, int x) {
    const uint32_t upto = shared.words[row][x / 32].starts & ~uint32_t{0} >> (31 - x % 32);
    return row * kTileWidth + x / 32 * 32 + highest_bit(upto);
  }

  /* A warp for each side, a thread for each row of it. */
  CPCDR_SHARED void join_sides(const Place& at, int thread, Shared& shared) const {
    const int side = thread / kWarp, row = thread % kWarp;
    if (side >= TileSeams::kSides) return;
    bool joined = false;
    if (row < at.rows && side == TileSeams::kLeft) joined = shared.words[row][0].links & 1;
    if (row < at.rows && row > 0 && side != TileSeams::kLeft) {
      uint32_t unions[TileSeams::kKinds];
      const int word = side == TileSeams::kLeftAbove ? 0 : kTileWords - 1;
      find_unions(shared.words[row][word], shared.words[row - 1][word].links, unions);
      joined = side == TileSeams::kLeftAbove ? unions[TileSeams::kUpLeft] & 1 : unions[TileSeams::kUpRight] >> 31;
    }
    write_bit(&shared.sides[side], row, joined);
  }

  CPCDR_SHARED void flatten(const Place& at, int thread, Shared& shared) const {
    const int row = thread / (2 * kTileWords), word = thread / 2 % kTileWords, half = thread % 2;
    if (row >= at.rows) return;
    const SpreadNodes nodes{shared.nodes};
    const int32_t first = row * kTileWidth + 32 * word;
    const Word& own = shared.words[row][word];
    uint32_t found = 0, bits = own.starts & own.inside & uint32_t{0xffff} << (kHalf * half);
    for (; bits; bits &= bits - 1) {
      const int32_t node = first + lowest_bit(bits), root = find_first(nodes, node);
      if (root == node) found |= bits & (~bits + 1);
      else atomic_min(nodes + node, root);
    }
    shared.roots[row][word][half] = static_cast<uint16_t>(found >> (kHalf * half));
  }

  CPCDR_SHARED void write(const Place& at, int thread, const Shared& shared) const {
    const int row_words = maps.shape.row_words();
    const int64_t first = at.map * maps.shape.words() + int64_t{at.top} * row_words + at.left / 32;
    if (thread < kTileHeight * kTileWords) {
      const int row = thread / kTileWords, word = thread % kTileWords;
      if (row < at.rows && at.left / 32 + word < row_words) {
        const int64_t i = first + int64_t{row} * row_words + word;
        const uint32_t roots = shared.roots[row][word][0] | static_cast<uint32_t>(shared.roots[row][word][1]) << kHalf;
        all.starts[i] = shared.words[row][word].starts;
        all.tile_roots[i] = all.roots[i] = roots;
      }
    } else if (thread < kTileHeight * kTileWords + TileSeams::kSides) {
      const int side = thread - kTileHeight * kTileWords;
      all.seams[at.map * maps.shape.tiles() + at.tile].sides[side] = shared.sides[side];
    }
    const int word = thread / kWarp % kTileWords, lane = thread % kWarp;
    if (at.left / 32 + word >= row_words) return;
    const int32_t base = static_cast<int32_t>(32 * first);
    for (int row = thread / (kWarp * kTileWords); row < at.rows; row += kWarps / kTileWords) {
      const Word& own = shared.words[row][word];
      /* Eight at once, since writing a part of 32 bytes costs more than all of them. */
      if (!(own.starts >> (lane & ~7) & 0xff)) continue;
      const int32_t node = *(SpreadNodes{const_cast<int32_t*>(shared.nodes)} + (row * kTileWidth + 32 * word + lane));
      const int32_t root = base + node / kTileWidth * (32 * row_words) + node % kTileWidth;
      all.nodes[base + row * (32 * row_words) + 32 * word + lane] = own.inside >> lane & 1 ? root : -1;
    }
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
