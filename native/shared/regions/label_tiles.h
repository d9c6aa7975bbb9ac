/*
 * Labelling, the first launch: every tile is labelled for itself in the memory of a block. What is joined is found for
 * words of 32 pixels in a row at once. A run, pixels of a word that are joined to their left, is one node of
 * union-find, at its first pixel.
 */
#ifndef CPCDR_LABEL_TILES_H
#define CPCDR_LABEL_TILES_H

#include "label_pixels.h"
#include "union_find.h"
#include "../words.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* A batch of maps with the rule that joins them. Bounded: pixels of the value `background` have no label. */
template <typename Of, bool kBounded>
struct LabelMaps {
  typedef Of Rule;
  typedef typename Rule::Pixel Pixel;

  LabelShape shape;
  Rule rule;
  float background;

  CPCDR_SHARED bool inside(const Pixel& pixel) const {
    if constexpr (kBounded) return pixel != background;
    else return true;
  }
  CPCDR_SHARED bool joined(const Pixel& a, const Pixel& b) const {
    return rule.alike(a, b) & inside(a) & inside(b);
  }
};

/*
 * A warp finds what is joined in a column of words, whose pixels are its lanes; then each thread unites the runs of a
 * word with those above, and points them to the first pixel of their component; then threads write eight pixels at once.
 */
template <typename Maps>
struct LabelTile {
  static constexpr int kThreads = kRootWords, kWarps = kThreads / kWarp, kOctet = 8;
  static_assert(kWarps == kTileWords && kTileHeight == kWarp, "sides are words of rows");
  typedef typename Maps::Pixel Pixel;
  typedef typename PixelsOf<typename Maps::Rule>::Type Pixels;
  static constexpr int kPhases = 6, kResident = sizeof(Pixel) <= 4 ? 16 : 0;

  /* Of the pixels of a word: which are joined to their left, and to the row above. */
  enum Join { kAcross, kUp, kUpLeft, kUpRight, kJoins };
  struct Shared {
    alignas(16) uint32_t joins[kTileHeight][kTileWords][kJoins];
    uint32_t inside[kTileHeight][kTileWords];
    uint32_t across_above[kTileWords], sides[TileSeams::kSides];
    union {
      typename Pixels::Memory pixels;
      int32_t nodes[SpreadNodes::room(kTilePixels)]; /* at the first pixels of runs */
    };
  };
  typedef Nothing Local;

  Maps maps;
  LabelNodes all;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    const TilePlace at = maps.shape.place(where.block);
    if (p == 0) Pixels::template copy<kThreads>(maps.rule, maps.shape, at, where.thread, shared.pixels);
    if (p == 1) find_joins(at, where.thread, shared);
    if (p == 2) begin_runs(at, where.thread, shared);
    if (p == 3) join_words(at, where.thread, shared);
    if (p == 4) flatten(at, where.thread, shared);
    if (p == 5) write(at, where.thread, shared);
    return p + 1 < kPhases;
  }

  CPCDR_SHARED void find_joins(const TilePlace& at, int thread, Shared& shared) const {
    const int word = thread / kWarp, lane = thread % kWarp, x = at.left + 32 * word + lane;
    const bool has_own = x < maps.shape.width, has_right = x < maps.shape.width - 1;
    const Pixels pixels(maps.rule, maps.shape, at, 32 * word + lane, shared.pixels);
    /* Above the map lies nothing, which join_words() knows. */
    Trio<Pixel> above = pixels.trio(-1);
    write_bit(&shared.across_above[word], lane, maps.joined(above.left, above.own));
    for (int row = 0; row < at.rows; row++) {
      const Trio<Pixel> here = pixels.trio(row);
      write_joins(above, here, has_own, has_right, lane, shared.joins[row][word]);
      write_bit(&shared.inside[row][word], lane, has_own & maps.inside(here.own));
      above = here;
    }
  }

  CPCDR_SHARED void write_joins(const Trio<Pixel>& above, const Trio<Pixel>& here, bool has_own, bool has_right, int lane,
                                uint32_t (&joins)[kJoins]) const {
    bool joined[kJoins] = {false, false, false, false};
    joined[kAcross] = has_own & maps.joined(here.left, here.own);
    joined[kUp] = has_own & maps.joined(above.own, here.own);
    if (maps.shape.diagonals) {
      joined[kUpLeft] = has_own & maps.joined(above.left, here.own);
      joined[kUpRight] = has_right & maps.joined(above.right, here.own);
    }
    write_bits(joins, lane, joined);
  }

  CPCDR_SHARED void begin_runs(const TilePlace& at, int thread, Shared& shared) const {
    const int row = thread / kTileWords, word = thread % kTileWords, first = 32 * thread;
    if (row >= at.rows) return;
    const uint32_t inside = shared.inside[row][word];
    for (uint32_t bits = starts(shared, row, word); bits; bits &= bits - 1) {
      const int bit = lowest_bit(bits);
      *(SpreadNodes{shared.nodes} + (first + bit)) = inside >> bit & 1 ? first + bit : kBackground;
    }
  }

  /*
   * Of the pixels joined to the row above those that say something new: two pixels joined to their left neighbours
   * which are joined to each other are in one set already, as is a diagonal whose ends are joined by a corner.
   */
  CPCDR_SHARED static void find_unions(const uint32_t (&joins)[kJoins], uint32_t across_above,
                                       uint32_t (&unions)[TileSeams::kKinds]) {
    const uint32_t up = joins[kUp], across = joins[kAcross];
    unions[TileSeams::kUp] = up & ~(up << 1 & across & across_above);
    unions[TileSeams::kUpLeft] = joins[kUpLeft] & ~((up & across_above) | (across & up << 1));
    unions[TileSeams::kUpRight] = joins[kUpRight] & ~((up & across_above >> 1) | (across >> 1 & up >> 1));
  }

  CPCDR_SHARED void join_words(const TilePlace& at, int thread, Shared& shared) const {
    join_sides(at, thread, shared);
    const int row = thread / kTileWords, word = thread % kTileWords;
    if (row >= at.rows) return;
    uint32_t unions[TileSeams::kKinds];
    find_unions(shared.joins[row][word], row > 0 ? shared.joins[row - 1][word][kAcross] : shared.across_above[word],
                unions);
    const SpreadNodes nodes{shared.nodes};
    if (word > 0 && shared.joins[row][word][kAcross] & 1) {
      unite_nodes(nodes, row * kTileWidth + 32 * word, run_of(shared, row, 32 * word - 1));
    }
    /* What lies above the tile or beside it is for the next launch. */
    if (row == 0) return write_upper_seam(at, word, unions);
    uint32_t up = unions[TileSeams::kUp], left = unions[TileSeams::kUpLeft], right = unions[TileSeams::kUpRight];
    if (word == 0) left &= ~uint32_t{1};
    if (word == kTileWords - 1) right &= ~uint32_t{0} >> 1;
    while (up | left | right) {
      /* One bit of the first that has any. */
      const uint32_t bits = up ? up : left ? left : right;
      const int shift = up ? 0 : left ? -1 : 1, x = 32 * word + lowest_bit(bits);
      right &= up | left ? right : bits - 1;
      left &= up ? left : bits - 1;
      up &= up - 1;
      unite_nodes(nodes, run_of(shared, row, x), run_of(shared, row - 1, x + shift));
    }
  }

  CPCDR_SHARED void write_upper_seam(const TilePlace& at, int word, const uint32_t (&unions)[TileSeams::kKinds]) const {
    uint32_t (&up)[TileSeams::kKinds] = all.seams[at.tile].up[word];
    for (int k = 0; k < TileSeams::kKinds; k++) up[k] = at.top > 0 ? unions[k] : 0;
    if (at.left == 0 && word == 0) up[TileSeams::kUpLeft] &= ~uint32_t{1};
  }

  /* Pixels that are not joined to their left. */
  CPCDR_SHARED static uint32_t starts(const Shared& shared, int row, int word) {
    return ~shared.joins[row][word][kAcross] | 1;
  }
  /* The first pixel of a run. */
  CPCDR_SHARED static int32_t run_of(const Shared& shared, int row, int x) {
    const uint32_t upto = starts(shared, row, x / 32) & ~uint32_t{0} >> (31 - x % 32);
    return row * kTileWidth + x / 32 * 32 + highest_bit(upto);
  }

  /* A thread for each row of a side. */
  CPCDR_SHARED void join_sides(const TilePlace& at, int thread, Shared& shared) const {
    const int row = thread % kWarp;
    for (int side = thread / kWarp; side < TileSeams::kSides; side += kWarps) {
      bool joined = false;
      if (row < at.rows && side == TileSeams::kLeft) joined = shared.joins[row][0][kAcross] & 1;
      if (row < at.rows && row > 0 && side != TileSeams::kLeft) {
        uint32_t unions[TileSeams::kKinds];
        const int word = side == TileSeams::kLeftAbove ? 0 : kTileWords - 1;
        find_unions(shared.joins[row][word], shared.joins[row - 1][word][kAcross], unions);
        joined = side == TileSeams::kLeftAbove ? unions[TileSeams::kUpLeft] & 1 : unions[TileSeams::kUpRight] >> 31;
      }
      if (at.left == 0 && side != TileSeams::kRightAbove) joined = false;
      write_bit(&shared.sides[side], row, joined);
    }
  }

  /* Every run gets the first pixel of its component. */
  CPCDR_SHARED void flatten(const TilePlace& at, int thread, Shared& shared) const {
    const int row = thread / kTileWords, word = thread % kTileWords;
    uint32_t roots = 0;
    if (row < at.rows) {
      const SpreadNodes nodes{shared.nodes};
      for (uint32_t bits = starts(shared, row, word) & shared.inside[row][word]; bits; bits &= bits - 1) {
        const int32_t node = 32 * thread + lowest_bit(bits), link = load_relaxed(nodes + node);
        if (link == node) {
          roots |= bits & (~bits + 1);
          const int32_t of_all = maps.shape.node(at, node);
          all.nodes[of_all] = of_all;
        } else {
          atomic_min(nodes + node, find_first(nodes, link));
        }
      }
    }
    all.tile_roots[int64_t{at.tile} * kRootWords + thread] = roots;
    if (row < at.rows && at.left / 32 + word < maps.shape.row_words) {
      all.roots[at.node / 32 + row * maps.shape.row_words + word] = roots;
    }
    if (thread < TileSeams::kSides) all.seams[at.tile].sides[thread] = shared.sides[thread];
  }

  CPCDR_SHARED void write(const TilePlace& at, int thread, Shared& shared) const {
    uint16_t* const to = all.locals + int64_t{at.tile} * kTilePixels;
    for (int octet = thread; octet < kTilePixels / kOctet; octet += kThreads) {
      const int row = octet / (kTileWidth / kOctet), word = octet / (32 / kOctet) % kTileWords;
      if (row < at.rows) write_octet(shared, row, word, octet % (32 / kOctet) * kOctet, to);
    }
  }

  CPCDR_SHARED static void write_octet(Shared& shared, int row, int word, int first, uint16_t* to) {
    const int32_t base = row * kTileWidth + 32 * word;
    const int32_t* const nodes = SpreadNodes{shared.nodes} + base; /* 32 of them lie next to each other */
    const uint32_t bits = starts(shared, row, word);
    int32_t own = nodes[highest_bit(bits & ~uint32_t{0} >> (31 - first))];
    Words words;
    CPCDR_UNROLL
    for (int w = 0; w < kOctet / 2; w++) {
      if (w > 0 && bits >> (first + 2 * w) & 1) own = nodes[first + 2 * w];
      const int32_t even = own;
      if (bits >> (first + 2 * w + 1) & 1) own = nodes[first + 2 * w + 1];
      words.at[w] = pair_of(static_cast<uint16_t>(even), static_cast<uint16_t>(own));
    }
    write_words(to + base + first, words);
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
