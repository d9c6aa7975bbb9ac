/*
 * Labelling, the launches after label_tiles.h: roots are counted and named in raster order by a scan over chunks of
 * 256 words of pixels, then every pixel takes the name of its root. A root's name stands in its own pixel as ~name,
 * which no node is, until the pixel becomes a label: whoever looks there can tell which of the two it finds.
 */
#ifndef CPCDR_LABEL_NAMES_H
#define CPCDR_LABEL_NAMES_H

#include "label_tiles.h"
#include "scan.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* The labels under way, and the roots of tiles among them. */
struct LabelNodes {
  LabelShape shape;
  int32_t* labels;       /* [B,H,W] */
  const uint32_t* roots; /* [B,H,row_words] */
  int32_t* chunks;       /* [B,chunks()] roots in each, then before each */
  int32_t* counts;       /* [B] */

  CPCDR_SHARED int64_t chunk_count() const { return blocks_for(shape.words(), kChunk); }

  /* Calls visit(nodes of the map, pixel) for the roots of tiles in the thread's word of its block's chunk. */
  template <typename Visit>
  CPCDR_SHARED void each_root(const Where& where, const Visit& visit) const {
    const int64_t chunks_each = chunk_count(), b = quotient(where.block, chunks_each);
    const int64_t word = int64_t{remainder(where.block, chunks_each)} * kChunk + where.thread;
    if (word >= shape.words()) return;
    const int32_t first =
        quotient(word, shape.row_words()) * shape.width + remainder(word, shape.row_words()) * 32;
    for (uint32_t bits = roots[b * shape.words() + word]; bits; bits &= bits - 1) {
      visit(labels + b * shape.pixels(), first + lowest_bit(bits));
    }
  }
};

/* Points the roots of tiles to their own roots, and counts those that are roots of all. */
struct CountRoots {
  static constexpr int kThreads = kChunk;
  typedef Nothing Local;
  typedef ChunkScan Shared;

  LabelNodes nodes;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    if (p == 0) {
      int32_t found = 0;
      nodes.each_root(where, [&](int32_t* map, int32_t i) {
        const int32_t root = find_first(map, i);
        store_relaxed(map + i, root);
        found += root == i;
      });
      shared.sums[0][where.thread] = found;
      return true;
    }
    if (p <= 8) {
      shared.step(p - 1, where.thread);
      return true;
    }
    if (where.thread == 0) nodes.chunks[where.block] = shared.upto(kChunk - 1);
    return false;
  }
};

/* A block for each map: how many roots come before each chunk, and how many there are. */
struct ScanChunks {
  static constexpr int kThreads = kChunk;
  typedef Nothing Local;
  typedef ChunkScan Shared;

  LabelNodes nodes;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    const int64_t count = nodes.chunk_count(), each = blocks_for(count, kThreads);
    int32_t* const chunks = nodes.chunks + where.block * count;
    const int64_t begin = smaller(count, where.thread * each), end = smaller(count, begin + each);
    if (p > 0 && p <= 8) {
      shared.step(p - 1, where.thread);
      return true;
    }
    int32_t sum = p > 0 && where.thread > 0 ? shared.upto(where.thread - 1) : 0;
    for (int64_t k = begin; k < end; k++) {
      const int32_t own = chunks[k];
      if (p > 0) chunks[k] = sum;
      sum += own;
    }
    if (p == 0) shared.sums[0][where.thread] = sum;
    else if (where.thread == kThreads - 1) nodes.counts[where.block] = shared.upto(where.thread);
    return p == 0;
  }
};

struct NameRoots {
  static constexpr int kThreads = kChunk;
  typedef Nothing Local;
  typedef ChunkScan Shared;

  LabelNodes nodes;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    if (p > 0 && p <= 8) {
      shared.step(p - 1, where.thread);
      return true;
    }
    int32_t next = nodes.chunks[where.block] + (p > 0 && where.thread > 0 ? shared.upto(where.thread - 1) : 0);
    int32_t found = 0;
    nodes.each_root(where, [&](int32_t* map, int32_t i) {
      if (map[i] != i) return;
      found++;
      if (p > 0) map[i] = ~next++;
    });
    if (p == 0) shared.sums[0][where.thread] = found;
    return p == 0;
  }
};

/* Hands names on to the roots of tiles that are no roots of all. */
struct CopyNames {
  static constexpr int kThreads = kChunk;
  typedef Nothing Local;
  typedef Nothing Shared;

  LabelNodes nodes;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    nodes.each_root(where, [](int32_t* map, int32_t i) {
      if (map[i] >= 0) map[i] = map[map[i]];
    });
    return false;
  }
};

struct WriteLabels {
  static constexpr int kThreads = 256, kPixels = 4 * kThreads;
  typedef Nothing Local;
  typedef Nothing Shared;

  LabelNodes nodes;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t pixels = nodes.shape.pixels(), blocks = blocks_for(pixels, kPixels);
    int32_t* const map = nodes.labels + quotient(where.block, blocks) * pixels;
    const int64_t begin = int64_t{remainder(where.block, blocks)} * kPixels, end = smaller(pixels, begin + kPixels);
    for (int64_t i = begin + where.thread; i < end; i += kThreads) {
      const int32_t own = load_relaxed(map + i);
      /* The root's pixel holds ~name still, or its label already. */
      const int32_t name = own < 0 ? own : load_relaxed(map + own);
      store_relaxed(map + i, own == kOutside ? -1 : name < 0 ? ~name : name);
    }
    return false;
  }
};

/* All launches for one batch that has pixels. */
template <typename Device, typename Rule>
int32_t label_on(Device& device, const LabelMaps<Rule>& maps, int32_t* labels, int32_t* counts) {
  const LabelShape& shape = maps.shape;
  LabelNodes nodes{shape, labels, nullptr, nullptr, counts};
  uint32_t* const roots = device.template memory<uint32_t>(shape.batch * shape.words());
  nodes.chunks = device.template memory<int32_t>(shape.batch * nodes.chunk_count());
  if (!roots || !nodes.chunks) return device.fail(CPCDR_OUT_OF_MEMORY, "label: no memory for the roots of tiles");
  nodes.roots = roots;
  device.launch(shape.batch * shape.tiles(), LabelTile<Rule>{maps, labels, roots});
  device.launch(blocks_for(shape.batch * shape.seams(), LabelSeams<Rule>::kThreads), LabelSeams<Rule>{maps, labels});
  device.launch(shape.batch * nodes.chunk_count(), CountRoots{nodes});
  device.launch(shape.batch, ScanChunks{nodes});
  device.launch(shape.batch * nodes.chunk_count(), NameRoots{nodes});
  device.launch(shape.batch * nodes.chunk_count(), CopyNames{nodes});
  device.launch(shape.batch * blocks_for(shape.pixels(), WriteLabels::kPixels), WriteLabels{nodes});
  return CPCDR_OK;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
