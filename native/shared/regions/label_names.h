/*
 * Labelling, the last launches: first pixels of tiles' components are pointed to the first pixels of all, which are
 * counted in raster order; then every pixel takes the number of its own. None knows the rule.
 */
#ifndef CPCDR_LABEL_NAMES_H
#define CPCDR_LABEL_NAMES_H

#include "label_plan.h"
#include "../scan.h"
#include "union_find.h"
#include "../words.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* A word of pixels: which are roots, and how many roots of the map come before. */
struct alignas(8) RootWord {
  uint32_t roots;
  int32_t before;

  /* The number of one of them. */
  CPCDR_SHARED int32_t number(int bit) const { return before + count_bits(roots & ((uint32_t{1} << bit) - 1)); }
};

/* A block for each map counts its roots; others point first pixels of tiles to their roots, four words a thread. */
struct CountRoots {
  static constexpr int kSteps = 9, kThreads = 1 << kSteps, kResident = 2, kWords = 4, kAhead = 8;
  typedef Nothing Local;
  typedef BlockScan<kSteps> Shared;

  LabelNodes all;
  RootWord* words; /* [B,words] */
  int32_t* counts; /* [B] */

  CPCDR_SHARED static int64_t threads_to_flatten(const LabelShape& shape) {
    return shape.all_tiles() * (kRootWords / kWords);
  }
  CPCDR_SHARED static int64_t blocks_of(const LabelShape& shape) {
    return shape.batch + blocks_for(threads_to_flatten(shape), kThreads);
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
    const int32_t count = all.shape.words, each = static_cast<int32_t>(blocks_for(count, kThreads));
    const int32_t begin = smaller(count, where.thread * each), end = smaller(count, begin + each);
    const uint32_t* const roots = all.roots + int64_t{where.block} * count;
    RootWord* const to = words + int64_t{where.block} * count;
    int32_t sum = p > 0 && where.thread > 0 ? shared.upto(where.thread - 1) : 0;
    for (int32_t first = begin; first < end; first += kAhead) {
      uint32_t ahead[kAhead];
      CPCDR_UNROLL
      for (int k = 0; k < kAhead; k++) ahead[k] = first + k < end ? roots[first + k] : 0;
      CPCDR_UNROLL
      for (int k = 0; k < kAhead; k++) {
        if (p > 0 && first + k < end) to[first + k] = {ahead[k], sum};
        sum += count_bits(ahead[k]);
      }
    }
    if (p == 0) shared.sums[0][where.thread] = sum;
    else if (where.thread == kThreads - 1) counts[where.block] = sum;
    return p == 0;
  }

  CPCDR_SHARED void flatten(int64_t index) const {
    if (index >= threads_to_flatten(all.shape)) return;
    const int64_t word = index * kWords;
    const Words roots = read_words(all.tile_roots + word);
    if (!(roots.at[0] | roots.at[1] | roots.at[2] | roots.at[3])) return;
    const TilePlace at = all.shape.place(static_cast<int32_t>(word / kRootWords));
    CPCDR_UNROLL
    for (int w = 0; w < kWords; w++) {
      const int32_t first = static_cast<int32_t>(word % kRootWords + w) * 32;
      for (uint32_t bits = roots.at[w]; bits; bits &= bits - 1) {
        const int32_t node = all.shape.node(at, first + lowest_bit(bits)), root = find_first(all.nodes, node);
        if (root != node) store_relaxed(all.nodes + node, root);
      }
    }
  }
};

/* A block for each tile names its components, then writes the labels of four pixels a thread at once. */
struct WriteLabels {
  static constexpr int kThreads = 256, kEach = 4, kParts = kThreads / kRootWords, kPhases = 2, kResident = 4;
  static constexpr int kBits = 32 / kParts; /* of a word of roots, by a thread */
  typedef Nothing Local;
  struct Shared {
    int32_t names[kTilePixels + 1]; /* of first pixels */
  };

  LabelNodes all;
  const RootWord* words;
  int32_t* labels; /* [B,H,W] */

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    const TilePlace at = all.shape.place(where.block);
    if (p == 0) name_roots(at, where.thread, shared);
    else write(at, where.thread, shared);
    return p + 1 < kPhases;
  }

  CPCDR_SHARED void name_roots(const TilePlace& at, int thread, Shared& shared) const {
    if (thread == 0) shared.names[kBackground] = -1;
    const int word = thread / kParts, part = thread % kParts;
    uint32_t bits = all.tile_roots[int64_t{at.tile} * kRootWords + word] & ((uint32_t{1} << kBits) - 1) << (part * kBits);
    for (; bits; bits &= bits - 1) {
      const int32_t pixel = 32 * word + lowest_bit(bits), root = all.nodes[all.shape.node(at, pixel)];
      shared.names[pixel] = words[root >> 5].number(root & 31);
    }
  }

  CPCDR_SHARED void write(const TilePlace& at, int thread, const Shared& shared) const {
    const int32_t width = all.shape.width;
    const bool at_once = width % kEach == 0 && reinterpret_cast<uintptr_t>(labels) % sizeof(Words) == 0;
    const uint16_t* const locals = all.locals + int64_t{at.tile} * kTilePixels;
    int32_t* const to = labels + at.map * all.shape.pixels() + int64_t{at.top} * width + at.left;
    CPCDR_UNROLL
    for (int pixel = thread * kEach; pixel < kTilePixels; pixel += kThreads * kEach) {
      const int row = pixel / kTileWidth, x = pixel % kTileWidth, columns = width - at.left - x;
      if (row >= at.rows || columns <= 0) continue;
      const WordPair pairs = read_word_pair(locals + pixel);
      Words names;
      CPCDR_UNROLL
      for (int e = 0; e < kEach; e++) {
        names.at[e] = static_cast<uint32_t>(shared.names[pairs.at[e / 2] >> (e % 2 * 16) & 0xffff]);
      }
      int32_t* const own = to + row * width + x;
      if (at_once) {
        write_words(own, names);
        continue;
      }
      CPCDR_UNROLL
      for (int e = 0; e < kEach; e++) {
        if (e < columns) own[e] = static_cast<int32_t>(names.at[e]);
      }
    }
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
