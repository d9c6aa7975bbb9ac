/*
 * Labelling, the launches after label_tiles.h: tiles are joined along their seams; roots of tiles are pointed to the
 * roots of all, which are counted in raster order; then every pixel takes the number of its root. None knows the rule.
 */
#ifndef CPCDR_LABEL_NAMES_H
#define CPCDR_LABEL_NAMES_H

#include "label_tiles.h"
#include "scan.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* A thread unites four pixels at the upper seam of a tile, or four rows of one of its sides. */
struct LabelSeams {
  static constexpr int kThreads = 256, kEach = 4, kParts = 32 / kEach;
  static constexpr int kUps = kTileWords * TileSeams::kKinds, kMasks = kUps + TileSeams::kSides;
  typedef Nothing Shared;
  typedef Nothing Local;

  LabelNodes all;

  CPCDR_SHARED static int64_t threads_of(const LabelShape& shape) {
    return shape.batch * shape.tiles() * kMasks * kParts;
  }

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t at = where.index(kThreads);
    if (at >= threads_of(all.shape)) return false;
    const int64_t tile_of_all = at / (kMasks * kParts);
    const int rest = static_cast<int>(at % (kMasks * kParts)), mask = rest / kParts, part = rest % kParts;
    const TileSeams& seams = all.seams[tile_of_all];
    const bool up = mask < kUps;
    const int word = up ? mask / TileSeams::kKinds : 0, kind = up ? mask % TileSeams::kKinds : mask - kUps;
    uint32_t bits = (up ? seams.up[word][kind] : seams.sides[kind]) >> (kEach * part) & ((1u << kEach) - 1);
    if (!bits) return false;
    const int64_t tiles = all.shape.tiles(), across = all.shape.tiles_across();
    const int tile = remainder(tile_of_all, tiles), row_nodes = 32 * all.shape.row_words();
    const int top = quotient(tile, across) * kTileHeight, left = remainder(tile, across) * kTileWidth;
    const int64_t first = quotient(tile_of_all, tiles) * all.shape.nodes() + int64_t{top} * row_nodes + left;
    /* The first pixel of the thread, how far the next is and how far the one to unite it with. */
    int32_t pixel = static_cast<int32_t>(first), step = 1, other = -row_nodes;
    if (up) {
      pixel += 32 * word + kEach * part;
      other += (kind == TileSeams::kUpRight) - (kind == TileSeams::kUpLeft);
    } else {
      step = row_nodes;
      pixel += kEach * part * row_nodes + (kind == TileSeams::kRightAbove ? kTileWidth - 1 : 0);
      other = kind == TileSeams::kLeft ? -1 : kind == TileSeams::kLeftAbove ? -row_nodes - 1 : -row_nodes + 1;
    }
    unite(bits, pixel, step, other);
    return false;
  }

  CPCDR_SHARED void unite(uint32_t bits, int32_t pixel, int32_t step, int32_t other) const {
    int32_t last_a = -1, last_b = -1;
    for (; bits; bits >>= 1, pixel += step) {
      if (!(bits & 1)) continue;
      const int32_t a = load_relaxed(all.nodes + all.run_of(pixel));
      const int32_t b = load_relaxed(all.nodes + all.run_of(pixel + other));
      if (a == last_a && b == last_b) continue;
      last_a = a, last_b = b;
      const int32_t lost = unite_nodes(all.nodes, a, b);
      if (lost >= 0) atomic_and(all.roots + (lost >> 5), ~(uint32_t{1} << (lost & 31)));
    }
  }
};

/* A word of pixels: which are roots, and how many roots of the map come before. */
struct alignas(8) RootWord {
  uint32_t roots;
  int32_t before;
};

/* A block for each map counts its roots; others point roots of tiles to their own roots, a thread for each word. */
struct CountRoots {
  static constexpr int kSteps = 9, kThreads = 1 << kSteps, kResident = 2;
  typedef Nothing Local;
  typedef BlockScan<kSteps> Shared;

  LabelNodes all;
  RootWord* words; /* [B,words()] */
  int32_t* counts; /* [B] */

  CPCDR_SHARED static int64_t blocks_of(const LabelShape& shape) {
    return shape.batch + blocks_for(shape.batch * shape.words(), kThreads);
  }

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    if (where.block >= all.shape.batch) {
      flatten(int64_t{where.block - all.shape.batch} * kThreads + where.thread);
      return false;
    }
    if (p > 0 && p <= kSteps) {
      shared.step(p - 1, where.thread);
      return true;
    }
    const int64_t count = all.shape.words(), each = blocks_for(count, kThreads), map = where.block * count;
    const int64_t begin = map + smaller(count, where.thread * each), end = smaller(map + count, begin + each);
    int32_t sum = p > 0 && where.thread > 0 ? shared.upto(where.thread - 1) : 0;
    for (int64_t k = begin; k < end; k++) {
      const uint32_t roots = all.roots[k];
      if (p > 0) words[k] = {roots, sum};
      sum += count_bits(roots);
    }
    if (p == 0) shared.sums[0][where.thread] = sum;
    else if (where.thread == kThreads - 1) counts[where.block] = sum;
    return p == 0;
  }

  CPCDR_SHARED void flatten(int64_t word) const {
    if (word >= all.shape.batch * all.shape.words()) return;
    for (uint32_t bits = all.tile_roots[word] & ~all.roots[word]; bits; bits &= bits - 1) {
      const int32_t node = static_cast<int32_t>(32 * word) + lowest_bit(bits);
      store_relaxed(all.nodes + node, find_first(all.nodes, node));
    }
  }
};

/* A warp writes the labels of four words, a thread one pixel of each. */
struct WriteLabels {
  static constexpr int kThreads = 256, kEach = 4, kWords = kThreads / kWarp * kEach;
  typedef Nothing Local;
  typedef Nothing Shared;

  LabelShape shape;
  const int32_t* nodes;
  const uint32_t* starts;
  const RootWord* words;
  int32_t* labels; /* [B,H,W] */

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int32_t lane = where.thread % kWarp, row_words = shape.row_words();
    const int64_t count = shape.batch * shape.words();
    const int64_t first = int64_t{where.block} * kWords + where.thread / kWarp * kEach;
    if (first >= count) return false;
    /* One step after the other for all words, so that the reads of each step overlap. */
    int32_t node[kEach], root[kEach], name[kEach];
    for (int k = 0; k < kEach; k++) {
      const int64_t word = smaller(first + k, count - 1);
      node[k] = static_cast<int32_t>(32 * word) + highest_bit(starts[word] & ~uint32_t{0} >> (31 - lane));
    }
    for (int k = 0; k < kEach; k++) node[k] = nodes[node[k]];
    /* Any node will do for the background. */
    for (int k = 0; k < kEach; k++) root[k] = larger(nodes[larger(node[k], 0)], 0);
    for (int k = 0; k < kEach; k++) {
      const RootWord own = words[root[k] >> 5];
      name[k] = own.before + count_bits(own.roots & ((uint32_t{1} << (root[k] & 31)) - 1));
    }
    int64_t row = quotient(first, row_words);
    int32_t word = remainder(first, row_words);
    for (int k = 0; k < kEach && first + k < count; k++) {
      const int32_t x = 32 * word + lane;
      if (x < shape.width) labels[row * shape.width + x] = node[k] < 0 ? -1 : name[k];
      if (++word == row_words) word = 0, row++;
    }
    return false;
  }
};

/* All launches for one batch that has pixels. */
template <typename Device, typename Rule>
int32_t label_on(Device& device, const LabelMaps<Rule>& maps, int32_t* labels, int32_t* counts) {
  const LabelShape& shape = maps.shape;
  const int64_t words = shape.batch * shape.words();
  const LabelNodes all{shape,
                       device.template memory<int32_t>(shape.batch * shape.nodes()),
                       device.template memory<uint32_t>(words),
                       device.template memory<uint32_t>(words),
                       device.template memory<uint32_t>(words),
                       device.template memory<TileSeams>(shape.batch * shape.tiles())};
  RootWord* const root_words = device.template memory<RootWord>(words);
  if (!all.nodes || !all.starts || !all.tile_roots || !all.roots || !all.seams || !root_words) {
    return device.fail(CPCDR_OUT_OF_MEMORY, "label: no memory for the nodes of runs");
  }
  device.launch(shape.batch * shape.tiles(), LabelTile<Rule>{maps, all});
  device.launch(blocks_for(LabelSeams::threads_of(shape), LabelSeams::kThreads), LabelSeams{all});
  device.launch(CountRoots::blocks_of(shape), CountRoots{all, root_words, counts});
  device.launch(blocks_for(words, WriteLabels::kWords), WriteLabels{shape, all.nodes, all.starts, root_words, labels});
  return CPCDR_OK;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
