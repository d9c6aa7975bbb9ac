/*
 * The register tile that matrix products and convolutions share.
 *
 *   C[row][column] = sum over taps t, steps k:  A(row, t, k) * B(t, k, column)
 *
 * Rows come in groups of kGroup that lie at one stride from each other; groups lie anywhere. A is
 * read where it stands, by broadcasts, so that an image is never unfolded: for a convolution a tap is a
 * filter row, a step is an element of the run of (filter column, input channel) that is contiguous in
 * NHWC, a row is an output pixel. For a filter gradient a tap is an output row, a step is a pixel in it,
 * a row is an element of that run. B is read as vectors from a packed panel or from where it stands.
 * Elements are float or Bfloat16 (factors.h); what comes out is float32.
 */
#ifndef CPCDR_TILE_H
#define CPCDR_TILE_H

#include "factors.h"
#include "thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* 12 x 32 accumulators on AVX-512 (24 x 16 where there are few columns), 6 x 16 on AVX2, 4 x 8 else. */
#if CPCDR_ISA_LEVEL == 2
constexpr int kGroup = 4, kWideGroups = 3, kNarrowGroups = 6;
#elif CPCDR_ISA_LEVEL == 1
constexpr int kGroup = 2, kWideGroups = 3, kNarrowGroups = 6;
#else
constexpr int kGroup = 2, kWideGroups = 2, kNarrowGroups = 4;
#endif
constexpr int kWideColumns = 2 * kLanes, kNarrowColumns = kLanes;
constexpr int kMaxGroups = kNarrowGroups;

/* What a tile reads. Strides and offsets are in elements. */
template <class Element>
struct TileInput {
  const Element* a[kMaxGroups]; /* first row of each group at tap 0, step 0 */
  int64_t row_stride;
  int64_t step_stride;
  const int64_t* a_offsets; /* [taps], the same for every group */
  const Element* b;
  const int64_t* b_offsets; /* [taps] */
  int64_t b_stride;         /* from step to step */
  int taps;
  int steps;
};

/* Where a tile goes: rows of a group lie row_stride apart. */
struct TileOutput {
  float* c[kMaxGroups];
  int first[kMaxGroups], last[kMaxGroups]; /* the rows [first, last) of each group count */
  int64_t row_stride;
  int columns;       /* how many columns count */
  const float* bias; /* [columns] or null */
  int activation;
  float alpha;
  bool accumulate; /* add to what is there */
  bool as_it_is;   /* all rows and columns count, and nothing is done to them: run_groups() finds out */
};

/* Finishes one vector of results; transcendental activations are applied in a pass of their own. */
inline Vec finish(Vec v, int activation, float alpha) {
  const Vec zero{};
  switch (activation) {
    case CPCDR_RELU: return v < zero ? zero : v;
    case CPCDR_RELU6: {
      const Vec six = splat(6);
      v = v < zero ? zero : v;
      return v > six ? six : v;
    }
    case CPCDR_LEAKY_RELU: return v < zero ? v * alpha : v;
    default: return v;
  }
}

/* Finishes and writes sums [groups * kGroup, vectors * kLanes]. */
CPCDR_APART void store_rows(const float* sums, int groups, int vectors, const TileOutput& out) {
  const int width = vectors * kLanes;
  const size_t bytes = sizeof(float) * static_cast<size_t>(out.columns);
  alignas(64) float bias[kWideColumns] = {}, edge[kWideColumns] = {};
  if (out.bias) std::memcpy(bias, out.bias, bytes);
  for (int g = 0; g < groups; g++) {
    for (int r = out.first[g]; r < out.last[g]; r++) {
      const float* const from = sums + (g * kGroup + r) * width;
      float* const row = out.c[g] + r * out.row_stride;
      /* A last row of few columns goes by way of a whole one. */
      const bool whole = out.columns == width;
      float* const to = whole ? row : edge;
      if (out.accumulate && !whole) std::memcpy(edge, row, bytes);
      for (int v = 0; v < vectors; v++) {
        Vec value = load(from + v * kLanes) + load(bias + v * kLanes);
        if (out.accumulate) value += load(to + v * kLanes);
        store(to + v * kLanes, finish(value, out.activation, out.alpha));
      }
      if (!whole) std::memcpy(row, edge, bytes);
    }
  }
}

template <class Element, int G, int V>
__attribute__((noinline)) void tile(const TileInput<Element>& in, const TileOutput& out) {
  using Factor = Factors<Element>;
  Vec acc[G][kGroup][V];
#pragma GCC unroll 8
  for (int g = 0; g < G; g++)
#pragma GCC unroll 8
    for (int r = 0; r < kGroup; r++)
#pragma GCC unroll 8
      for (int v = 0; v < V; v++) acc[g][r][v] = Vec{};
  const int64_t rs = in.row_stride, ks = in.step_stride, bs = in.b_stride;
  for (int t = 0; t < in.taps; t++) {
    const Element* a[G];
#pragma GCC unroll 8
    for (int g = 0; g < G; g++) a[g] = in.a[g] + in.a_offsets[t];
    const Element* b = in.b + in.b_offsets[t];
    for (int k = 0; k < in.steps; k++) {
      Vec column[V];
#pragma GCC unroll 8
      for (int v = 0; v < V; v++) column[v] = Factor::row(b + v * kLanes * Factor::kDepth);
      b += bs;
#pragma GCC unroll 8
      for (int g = 0; g < G; g++) {
#pragma GCC unroll 8
        for (int r = 0; r < kGroup; r++) {
          const Vec value = Factor::broadcast(a[g] + r * rs);
#pragma GCC unroll 8
          for (int v = 0; v < V; v++) acc[g][r][v] = Factor::add_product(acc[g][r][v], value, column[v]);
        }
        a[g] += ks;
      }
    }
  }
  if (out.as_it_is) {
#pragma GCC unroll 8
    for (int g = 0; g < G; g++)
#pragma GCC unroll 8
      for (int r = 0; r < kGroup; r++)
#pragma GCC unroll 8
        for (int v = 0; v < V; v++) store(out.c[g] + r * out.row_stride + v * kLanes, acc[g][r][v]);
    return;
  }
  alignas(64) float sums[G * kGroup][V * kLanes];
#pragma GCC unroll 8
  for (int g = 0; g < G; g++)
#pragma GCC unroll 8
    for (int r = 0; r < kGroup; r++)
#pragma GCC unroll 8
      for (int v = 0; v < V; v++) store(sums[g * kGroup + r] + v * kLanes, acc[g][r][v]);
  store_rows(sums[0], G, V, out);
}

/* Runs the tile with as many groups as are wanted, 1..kWideGroups (V = 2) or 1..kNarrowGroups (V = 1). */
template <class Element>
void run_tile(int groups, bool wide, const TileInput<Element>& in, const TileOutput& out) {
  if (wide) {
    switch (groups) {
      case 1: return tile<Element, 1, 2>(in, out);
      case 2: return tile<Element, 2, 2>(in, out);
#if CPCDR_ISA_LEVEL > 0
      case 3: return tile<Element, 3, 2>(in, out);
#endif
    }
  } else {
    switch (groups) {
      case 1: return tile<Element, 1, 1>(in, out);
      case 2: return tile<Element, 2, 1>(in, out);
      case 3: return tile<Element, 3, 1>(in, out);
      case 4: return tile<Element, 4, 1>(in, out);
#if CPCDR_ISA_LEVEL > 0
      case 5: return tile<Element, 5, 1>(in, out);
      case 6: return tile<Element, 6, 1>(in, out);
#endif
    }
  }
}

/* A group of rows that wait for their tile. */
template <class Element>
struct RowGroup {
  const Element* a;
  float* c;
  int first, last;
};

/*
 * The right-hand side cut into panels of kWideColumns columns, the last one narrow where that is enough.
 * Packed panels hold all steps of all taps in order; panel p starts at column p * kWideColumns.
 */
struct Panel {
  int begin, columns;
  bool wide;
};

inline int panel_count(int columns) { return (columns + kWideColumns - 1) / kWideColumns; }

inline Panel panel_at(int index, int columns) {
  const int begin = index * kWideColumns;
  const int left = columns - begin < kWideColumns ? columns - begin : kWideColumns;
  return {begin, left, left > kNarrowColumns};
}

inline int panel_width(const Panel& panel) { return panel.wide ? kWideColumns : kNarrowColumns; }

/* Elements of all packed panels: `factors` rows, in whole steps, of the columns rounded up. */
inline size_t packed_elements(int64_t factors, int columns) {
  return static_cast<size_t>(factors) * static_cast<size_t>(panel_count(columns) * kWideColumns);
}

/* Memory for so many elements in a slot of the workspace (thread_pool.h); null when it is exhausted. */
template <class Element>
Element* elements(int slot, size_t count) {
  return reinterpret_cast<Element*>(workspace(slot, (count * sizeof(Element) + sizeof(float) - 1) / sizeof(float)));
}

/*
 * Packs `factors` rows of one panel behind `first` that are there, element (k, n) at
 * source[k * factor_stride + n * column_stride], and fills up the last step with zeros.
 */
CPCDR_APART void pack_panel(const float* source, int64_t factor_stride, int64_t column_stride, int64_t first,
                            int64_t factors, const Panel& panel, float* target) {
  const int width = panel_width(panel);
  const float* from = source + panel.begin * column_stride;
  target += first * width;
  for (int64_t k = 0; k < factors; k++, target += width) {
    const float* row = from + k * factor_stride;
    if (column_stride == 1) {
      std::memcpy(target, row, sizeof(float) * static_cast<size_t>(panel.columns));
    } else {
      for (int n = 0; n < panel.columns; n++) target[n] = row[n * column_stride];
    }
    for (int n = panel.columns; n < width; n++) target[n] = 0;
  }
}

CPCDR_APART void pack_panel(const float* source, int64_t factor_stride, int64_t column_stride, int64_t first,
                            int64_t factors, const Panel& panel, Bfloat16* target) {
  using Factor = Factors<Bfloat16>;
  const int width = panel_width(panel);
  const float* from = source + panel.begin * column_stride;
  uint32_t* pairs = reinterpret_cast<uint32_t*>(target) + first / 2 * width;
  if (first % 2 != 0 && factors > 0) {
    /* The other halves of a step that was begun. */
    for (int n = 0; n < panel.columns; n++) pairs[n] |= Factor::pair(0, from[n * column_stride]);
    from += factor_stride;
    factors--;
    pairs += width;
  }
  for (int64_t k = 0; k < factors; k += 2, pairs += width) {
    const float *row = from + k * factor_stride, *next = row + factor_stride;
    if (k + 1 == factors) {
      for (int n = 0; n < panel.columns; n++) pairs[n] = Factor::pair(row[n * column_stride], 0);
    } else if (column_stride == 1) {
      for (int n = 0; n < panel.columns; n++) pairs[n] = Factor::pair(row[n], next[n]);
    } else {
      for (int n = 0; n < panel.columns; n++) pairs[n] = Factor::pair(row[n * column_stride], next[n * column_stride]);
    }
    for (int n = panel.columns; n < width; n++) pairs[n] = 0;
  }
}

/* Runs every group of rows against one panel, as many groups to a tile as fit into registers. */
template <class Element>
void run_groups(const RowGroup<Element>* groups, int count, const Panel& panel, TileInput<Element> in, TileOutput out) {
  const int most = panel.wide ? kWideGroups : kNarrowGroups;
  out.columns = panel.columns;
  const bool plain = !out.bias && out.activation == CPCDR_LINEAR && !out.accumulate && panel.columns == panel_width(panel);
  for (int begin = 0; begin < count;) {
    /* Even shares: 4 groups become 2 + 2, not 3 + 1, since short tiles waste the loads of B. */
    const int tiles = (count - begin + most - 1) / most;
    const int size = (count - begin + tiles - 1) / tiles;
    out.as_it_is = plain;
    for (int g = 0; g < size; g++) {
      const RowGroup<Element>& group = groups[begin + g];
      in.a[g] = group.a;
      out.c[g] = group.c + panel.begin;
      out.first[g] = group.first;
      out.last[g] = group.last;
      out.as_it_is &= group.first == 0 && group.last == kGroup;
    }
    run_tile(size, panel.wide, in, out);
    begin += size;
  }
}

/*
 * Cuts `rows` rows that lie `a_stride` and `c_stride` apart into groups and appends them. The last group
 * overlaps the one before so that nothing behind the rows is read; with fewer rows than a group holds,
 * the caller has seen to it that the memory behind them can be read.
 */
template <class Element>
int append_groups(RowGroup<Element>* groups, int count, const Element* a, int64_t a_stride, float* c, int64_t c_stride,
                  int rows) {
  int row = 0;
  for (; row + kGroup <= rows; row += kGroup) {
    groups[count++] = {a + row * a_stride, c + row * c_stride, 0, kGroup};
  }
  if (row < rows) {
    const int start = rows >= kGroup ? rows - kGroup : 0;
    groups[count++] = {a + start * a_stride, c + start * c_stride, row - start, rows - start};
  }
  return count;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
