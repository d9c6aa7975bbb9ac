/*
 * Connected components by runs. A map is cut into strips of rows. Within a strip, pixels that are joined along a row
 * form runs. A run that touches none above begins a part, another takes the part of one that it touches, and parts
 * that meet are united; then strips are joined at their seams, which concerns parts alone. Union-find keeps the
 * earliest part as the root of its set, so that roots come in raster order of first pixels.
 *
 * Run k of a strip keeps its node, the number of its part, at the strip's k-th pixel of the label array itself: there
 * are never more runs than pixels before them, so that labels can be written over the nodes from the end backwards.
 */
#ifndef CPCDR_REGIONS_LABELLING_H
#define CPCDR_REGIONS_LABELLING_H

#include <algorithm>

#include "compare_bits.h"
#include "first_joints.h"
#include "label_writer.h"
#include "part_names.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {

/*
 * Pixels of a strip: its nodes, parts and bits are about what an L2 cache holds, and rows cost less within it than at
 * its seams. Checks set it lower, so that small maps have seams.
 */
#if defined(CPCDR_STRIP_PIXELS)
constexpr int kStripPixels = CPCDR_STRIP_PIXELS;
#else
constexpr int kStripPixels = 1 << 17;
#endif
/* Strips whose seams one thread joins; others wait for all of these. */
constexpr int kGroupStrips = 4;

inline int32_t find_root(int32_t* nodes, int32_t i) {
  while (nodes[i] != i) i = nodes[i] = nodes[nodes[i]];
  return i;
}

/* The earlier root leads. */
inline void unite(int32_t* nodes, int32_t a, int32_t b) {
  a = find_root(nodes, a);
  b = find_root(nodes, b);
  if (a < b) nodes[b] = a;
  else nodes[a] = b;
}

struct MapShape {
  int height, width;
  bool diagonals;

  int words() const { return (width + kWordPixels - 1) / kWordPixels; }
  int64_t pixels() const { return int64_t{height} * width; }
  int strip_rows() const { return std::max(1, kStripPixels / width); }
  int strips() const { return (height + strip_rows() - 1) / strip_rows(); }
  int word_pixels(int word) const { return std::min(kWordPixels, width - word * kWordPixels); }
};

/* Bit k: whether pixel i + k is joined to the one `step` pixels before it. A rule may have a faster way of its own. */
template <typename Rule>
inline uint64_t rule_bits(const Rule& rule, int64_t i, int64_t step, int count) {
  return test_bits(count, [&](int k) { return rule.joins(i + k - step, i + k); });
}

/* One map, its bits and its labels. Background is what equals `background` in `values`, if those are given. */
template <typename Rule, typename Value = float>
struct LabelledMap {
  MapShape shape;
  Rule rule;
  const Value* values;
  Value background;
  uint64_t *inside, *starts, *down; /* [H,words] each; down: joined to the pixel above */
  int32_t* before;                  /* [H,words] */
  int32_t* labels;                  /* [H,W] */
  int32_t* parts;                   /* [H,W] from each strip's first pixel on: the part that leads a part, or its ~label */
  int32_t *found, *roots;           /* [strips] parts, and those that lead themselves */
  int32_t *losses, *lost;           /* [strips], [strips,W] parts that the seam above a strip lets lead no more */

  BitRow row(int y) const {
    const int64_t at = int64_t{y} * shape.words();
    return {inside + at, starts + at, before + at};
  }
  int32_t node(int y) const { return y / shape.strip_rows() * shape.strip_rows() * shape.width; }
  int32_t first_node(int strip) const { return strip * shape.strip_rows() * shape.width; }

  /* The one place where the rule is inlined. */
  __attribute__((noinline)) uint64_t joined(int64_t i, int64_t step, int count) const {
    return rule_bits(rule, i, step, count);
  }
  /* The same from the first pixel of a row on, which has none before it. */
  uint64_t joined_within(int64_t i, int64_t step, int count) const {
    if (i > step) return joined(i, step, count) & ~uint64_t{1};
    return joined(i + 1, step, count - 1) << 1;
  }
  uint64_t inside_bits(int64_t i, int count) const {
    if (count == kWordPixels) return other_bits(values + i, background);
    return test_bits(count, [&](int k) { return values[i + k] != background; });
  }

  /* Finds the runs of a row, `count` of which come before it in the strip; answers how many come up to its end. */
  int32_t cut_row(int y, int32_t count) const {
    const BitRow bits = row(y);
    uint64_t previous = 0;
    for (int w = 0; w < shape.words(); w++) {
      const int64_t i = int64_t{y} * shape.width + w * kWordPixels;
      const int n = shape.word_pixels(w);
      const uint64_t all = ~uint64_t{0} >> (kWordPixels - n);
      const uint64_t in = values ? inside_bits(i, n) : all;
      const uint64_t linked = w ? joined(i, 1, n) : joined_within(i, 1, n);
      bits.inside[w] = in;
      bits.starts[w] = in & ~(linked & from_left(in, previous));
      bits.before[w] = count;
      count += __builtin_popcountll(bits.starts[w]);
      previous = in;
    }
    return count;
  }

  /*
   * Calls join(run of the row above, run of row y) for runs that touch. Bits tell which joints say nothing new:
   * two pixels whose left neighbours are joined to them and to each other are in one set already. Of joints straight
   * upwards in whole words, take(row above, row y, word, joints) comes first, and answers those that it leaves.
   */
  template <typename Take, typename Join>
  void join_rows(int y, const Take& take, const Join& join) const {
    const BitRow above = row(y - 1), here = row(y);
    uint64_t* vertical = down + int64_t{y} * shape.words();
    const int words = shape.words(), width = shape.width;
    const int64_t first = int64_t{y} * width;
    for (int w = 0; w < words; w++) {
      const int64_t i = first + w * kWordPixels;
      vertical[w] = here.inside[w] & above.inside[w] & joined(i, width, shape.word_pixels(w));
    }
    for (int w = 0; w < words; w++) {
      const uint64_t v = vertical[w], v_left = from_left(v, w ? vertical[w - 1] : 0);
      const uint64_t known = v_left & here.links(w) & above.links(w);
      uint64_t bits = v & ~known;
      if (shape.word_pixels(w) == kWordPixels) bits = take(above, here, w, bits);
      for (; bits; bits &= bits - 1) {
        const int x = __builtin_ctzll(bits);
        join(above.run_of(w, x), here.run_of(w, x));
      }
      if (shape.diagonals) join_diagonals(w, first + w * kWordPixels, vertical, above, here, join);
    }
  }

  /* Inlined everywhere: GCC 12 would do so for bytes alone, and floats take a tenth longer for it. */
  template <typename Join>
  __attribute__((always_inline)) void join_diagonals(int w, int64_t i, const uint64_t* vertical, const BitRow& above,
                                                     const BitRow& here, const Join& join) const {
    const int n = shape.word_pixels(w), width = shape.width;
    const bool first = w == 0, last = w + 1 == shape.words();
    const uint64_t v = vertical[w];
    const uint64_t left_in = from_left(above.inside[w], first ? 0 : above.inside[w - 1]);
    const uint64_t left_known = (v & above.links(w)) | (here.links(w) & from_left(v, first ? 0 : vertical[w - 1]));
    uint64_t bits = here.inside[w] & left_in & ~left_known;
    if (bits) bits &= first ? joined_within(i, width + 1, n) : joined(i, width + 1, n);
    for (; bits; bits &= bits - 1) {
      const int x = __builtin_ctzll(bits);
      join(x ? above.run_of(w, x - 1) : above.run_of(w - 1, kWordPixels - 1), here.run_of(w, x));
    }
    const uint64_t right_in = from_right(above.inside[w], last ? 0 : above.inside[w + 1]);
    const uint64_t right_link = from_right(here.links(w), last ? 0 : here.links(w + 1));
    const uint64_t right_known = (v & from_right(above.links(w), last ? 0 : above.links(w + 1))) |
                                 (right_link & from_right(v, last ? 0 : vertical[w + 1]));
    bits = here.inside[w] & right_in & ~right_known;
    if (bits) bits &= joined(i, width - 1, n);
    for (; bits; bits &= bits - 1) {
      const int x = __builtin_ctzll(bits);
      join(x + 1 < kWordPixels ? above.run_of(w, x + 1) : above.run_of(w + 1, 0), here.run_of(w, x));
    }
  }

  /* Labels one strip for itself: afterwards every node holds the part of its run, and parts point to their leaders. */
  void join_strip(int strip) const {
    const int begin = strip * shape.strip_rows(), end = std::min(shape.height, begin + shape.strip_rows());
    const int32_t base = node(begin);
    int32_t *const nodes = labels + base, *const leaders = parts + base;
    const auto take = [=](const BitRow& above, const BitRow& here, int word, uint64_t joints) {
      return take_first_joints(nodes, above, here, word, joints);
    };
    /* Mostly a run has no part yet, or that one; which of them, no branch could foretell. */
    const auto join = [=](int32_t above, int32_t here) {
      const int32_t part = nodes[above], own = nodes[here];
      nodes[here] = own < 0 ? part : own;
      if ((own >= 0) & (own != part)) unite(leaders, part, own);
    };
    int32_t runs = 0, count = 0;
    for (int y = begin; y < end; y++) {
      const int32_t fresh = runs, known = count;
      runs = cut_row(y, runs);
      std::fill(nodes + fresh, nodes + runs, -1);
      if (y > begin) join_rows(y, take, join);
      count = number_new(nodes + fresh, runs - fresh, count);
      for (int32_t part = known; part < count; part++) leaders[part] = part;
    }
    found[strip] = count;
    roots[strip] = point_to_leaders(leaders, count, base);
  }

  /*
   * Unites parts across the seam above a strip. Those that it leaves leading, and those that led none, stay as they
   * are, so that threads can follow them later without meeting.
   */
  void join_seam(int strip) const {
    const int y = strip * shape.strip_rows();
    const int32_t above = node(y - 1), here = node(y);
    int32_t* const lost_here = lost + int64_t{strip} * shape.width;
    int32_t count = 0;
    const auto keep_all = [](const BitRow&, const BitRow&, int, uint64_t joints) { return joints; };
    join_rows(y, keep_all, [&](int32_t a, int32_t b) {
      const int32_t p = find_root(parts, parts[above + labels[above + a]]);
      const int32_t q = find_root(parts, parts[here + labels[here + b]]);
      if (p == q) return;
      const int32_t leader = std::min(p, q), other = std::max(p, q);
      parts[other] = leader;
      roots[other / (shape.strip_rows() * shape.width)]--;
      lost_here[count++] = other;
    });
    losses[strip] = count;
  }

  /* Once all seams are joined. */
  void point_lost_to_roots() const {
    for (int strip = 1; strip < shape.strips(); strip++) {
      const int32_t* const lost_here = lost + int64_t{strip} * shape.width;
      for (int32_t k = 0; k < losses[strip]; k++) parts[lost_here[k]] = find_root(parts, lost_here[k]);
    }
  }

  /* Names the parts of a strip that lead, from `next` on, as ~label, which no part is. */
  void name_roots(int strip, int32_t next) const {
    name_leaders(parts, first_node(strip), found[strip], next);
  }

  /* Hands the names on to all nodes of a strip. */
  void name_runs(int strip) const {
    const int32_t base = first_node(strip);
    take_names(parts, base, found[strip]);
    const int last = std::min(shape.height, (strip + 1) * shape.strip_rows()) - 1, word = shape.words() - 1;
    const int32_t count = row(last).before[word] + __builtin_popcountll(row(last).starts[word]);
    name_nodes(labels + base, count, parts + base);
  }

  void write_strip(int strip) const {
    const int begin = strip * shape.strip_rows(), end = std::min(shape.height, begin + shape.strip_rows());
    const int32_t* nodes = labels + node(begin);
    for (int y = end - 1; y >= begin; y--) {
      write_labels(nodes, row(y), shape.width, labels + int64_t{y} * shape.width);
    }
  }
};

/* Labels a batch of maps; `make(b)` answers map b without its bits and counters, which come from here. */
template <typename Make>
int32_t label_maps(int batch, const MapShape& shape, int32_t* counts, const Make& make) {
  using Map = decltype(make(0));
  const int strips = shape.strips();
  const size_t words = static_cast<size_t>(shape.height) * static_cast<size_t>(shape.words());
  const size_t per_strip = static_cast<size_t>(strips) * static_cast<size_t>(shape.width + 4);
  const size_t numbers_each = words + static_cast<size_t>(shape.pixels()) + per_strip;
  /* Three planes of words; their counts, parts, and the found, roots, first labels, losses and lost parts of each strip. */
  float* memory = workspace(0, (6 * words + numbers_each) * static_cast<size_t>(batch));
  if (!memory) return fail(CPCDR_OUT_OF_MEMORY, "label: no memory for the bits of the maps");
  uint64_t* planes = reinterpret_cast<uint64_t*>(memory);
  int32_t* counters = reinterpret_cast<int32_t*>(planes + 3 * words * static_cast<size_t>(batch));
  const auto map_of = [&](int64_t b) {
    Map map = make(b);
    uint64_t* bits = planes + 3 * words * static_cast<size_t>(b);
    int32_t* numbers = counters + numbers_each * static_cast<size_t>(b);
    map.inside = bits;
    map.starts = bits + words;
    map.down = bits + 2 * words;
    map.before = numbers;
    map.found = numbers + words;
    map.roots = map.found + strips;
    map.losses = map.roots + 2 * strips;
    map.lost = map.losses + strips;
    map.parts = map.found + per_strip;
    return map;
  };
  const auto each_strip = [&](const auto& body) {
    parallel_for(int64_t{batch} * strips, 1, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; k++) body(map_of(k / strips), static_cast<int>(k % strips));
    });
  };
  each_strip([](const Map& map, int strip) { map.join_strip(strip); });
  const int groups = (strips + kGroupStrips - 1) / kGroupStrips;
  parallel_for(int64_t{batch} * groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; k++) {
      const Map map = map_of(k / groups);
      const int first = static_cast<int>(k % groups) * kGroupStrips, last = std::min(strips, first + kGroupStrips);
      for (int strip = first + 1; strip < last; strip++) map.join_seam(strip);
    }
  });
  parallel_for(batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; b++) {
      const Map map = map_of(b);
      for (int strip = kGroupStrips; strip < strips; strip += kGroupStrips) map.join_seam(strip);
      map.point_lost_to_roots();
      int32_t* const first = map.roots + strips;
      counts[b] = 0;
      for (int strip = 0; strip < strips; strip++) {
        first[strip] = counts[b];
        counts[b] += map.roots[strip];
      }
    }
  });
  each_strip([=](const Map& map, int strip) { map.name_roots(strip, map.roots[strips + strip]); });
  each_strip([](const Map& map, int strip) {
    map.name_runs(strip);
    map.write_strip(strip);
  });
  return CPCDR_OK;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
