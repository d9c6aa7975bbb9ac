/*
 * What the components of a labelled map are like. A thread walks down 32 rows of a column and adds a run of one label
 * at once, so that few threads meet at one component. Areas, boxes and borders are exact; sums are of doubles, in
 * an order that differs from run to run.
 */
#ifndef CPCDR_LABEL_MEASURES_H
#define CPCDR_LABEL_MEASURES_H

#include "../../include/cpcdr_hot.h"
#include "pair_counts.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kMeasuredRows = 32;

/* The arguments of cpcdr_label_statistics. */
struct LabelMeasures {
  const int32_t* labels; /* [H,W] */
  const float* values;   /* [H,W] or null */
  const float* points;   /* [H,W,3] or null */
  int32_t* boxes;        /* [count,5] */
  double* means;         /* [count,4] */
  int height, width, count;
};

struct BeginMeasures {
  static constexpr int kThreads = 256;
  typedef Nothing Shared;
  typedef Nothing Local;

  LabelMeasures map;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t k = where.index(kThreads);
    if (k >= map.count) return false;
    const int32_t box[] = {0, INT32_MAX, INT32_MAX, 0, 0};
    for (int i = 0; i < 5; i++) map.boxes[5 * k + i] = box[i];
    for (int i = 0; i < 4; i++) map.means[4 * k + i] = 0;
    return false;
  }
};

struct MeasureLabels {
  static constexpr int kThreads = 256;
  typedef Nothing Shared;
  typedef Nothing Local;
  /* Pixels of one label below each other, and what is left of them is of one other label. */
  struct Run {
    int32_t label, first;
    double sums[4];
  };
  struct Border {
    int32_t a, b, length;
  };

  LabelMeasures map;
  PairCounts pairs;
  bool measures, borders; /* what is wanted of this pass */

  CPCDR_SHARED int64_t columns() const { return blocks_for(map.width, kThreads); }

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int x = remainder(where.block, columns()) * kThreads + where.thread;
    const int top = quotient(where.block, columns()) * kMeasuredRows;
    const int bottom = smaller(map.height, top + kMeasuredRows);
    if (x >= map.width) return false;
    Run run = {-1, top, {0, 0, 0, 0}};
    Border left = {-1, -1, 0};
    int32_t above = top > 0 ? label_at(x, top - 1) : -1;
    for (int y = top; y < bottom; y++) {
      const int32_t label = label_at(x, y);
      if (measures) {
        if (label != run.label) {
          add_run(run, x, y);
          run = {label, y, {0, 0, 0, 0}};
        }
        if (label >= 0) add_pixel(run, int64_t{y} * map.width + x);
      }
      if (borders) {
        if (label != above && label >= 0 && above >= 0) pairs.add(above, label, 1);
        const int32_t beside = x > 0 ? label_at(x - 1, y) : -1;
        if (beside != left.a || label != left.b) {
          add_border(left);
          left = {beside, label, 0};
        }
        left.length++;
      }
      above = label;
    }
    if (measures) add_run(run, x, bottom);
    if (borders) add_border(left);
    return false;
  }

  /* Labels come from outside: one beyond count would write beyond the arrays. */
  CPCDR_SHARED int32_t label_at(int x, int y) const {
    const int32_t label = map.labels[int64_t{y} * map.width + x];
    if (label < map.count) return label;
    store_relaxed(&pairs.state->faulty, 1);
    return -1;
  }

  CPCDR_SHARED void add_pixel(Run& run, int64_t i) const {
    if (map.values) run.sums[0] += static_cast<double>(map.values[i]);
    if (!map.points) return;
    for (int c = 0; c < 3; c++) run.sums[1 + c] += static_cast<double>(map.points[3 * i + c]);
  }

  CPCDR_SHARED void add_run(const Run& run, int x, int end) const {
    if (run.label < 0 || run.first == end) return;
    int32_t* const box = map.boxes + int64_t{5} * run.label;
    atomic_add(box, end - run.first);
    atomic_min(box + 1, run.first);
    atomic_min(box + 2, x);
    atomic_max(box + 3, end);
    atomic_max(box + 4, x + 1);
    double* const means = map.means + int64_t{4} * run.label;
    if (map.values) atomic_add(means, run.sums[0]);
    for (int c = 1; map.points && c < 4; c++) atomic_add(means + c, run.sums[c]);
  }

  CPCDR_SHARED void add_border(const Border& border) const {
    if (border.a != border.b && border.a >= 0 && border.b >= 0) pairs.add(border.a, border.b, border.length);
  }
};

struct EndMeasures {
  static constexpr int kThreads = 256;
  typedef Nothing Shared;
  typedef Nothing Local;

  LabelMeasures map;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t k = where.index(kThreads);
    if (k >= map.count) return false;
    int32_t* const box = map.boxes + 5 * k;
    for (int i = 1; i < 3; i++) box[i] = box[0] ? box[i] : 0;
    for (int i = 0; i < 4; i++) map.means[4 * k + i] = box[0] ? map.means[4 * k + i] / box[0] : 0;
    return false;
  }
};

struct WriteBorders {
  static constexpr int kThreads = 256;
  typedef Nothing Shared;
  typedef Nothing Local;

  const uint64_t* keys;
  const int32_t* counts;
  int64_t size;
  int32_t* borders;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t k = where.index(kThreads);
    if (k >= size) return false;
    borders[3 * k] = static_cast<int32_t>(keys[k] >> 32);
    borders[3 * k + 1] = static_cast<int32_t>(keys[k]);
    borders[3 * k + 2] = counts[k];
    return false;
  }
};

CPCDR_SHARED int64_t power_of_two_from(int64_t least, int64_t count) {
  int64_t size = least;
  while (size < count) size *= 2;
  return size;
}

template <typename Device>
int32_t write_borders_on(Device& device, const PairCounts& table, int64_t pairs, int32_t* borders) {
  const int64_t size = power_of_two_from(kSortedTogether, pairs);
  uint64_t* const keys = device.template memory<uint64_t>(size);
  int32_t* const counts = device.template memory<int32_t>(size);
  if (!keys || !counts) return device.fail(CPCDR_OUT_OF_MEMORY, "label_statistics: no memory for borders");
  device.fill_ones(keys, sizeof(uint64_t) * static_cast<size_t>(size));
  device.launch(blocks_for(table.slots, GatherPairs::kThreads), GatherPairs{table, keys, counts});
  sort_pairs(device, keys, counts, size);
  device.launch(blocks_for(pairs, WriteBorders::kThreads), WriteBorders{keys, counts, pairs, borders});
  return CPCDR_OK;
}

/* Passes over the labels until the table is large enough. */
template <typename Device>
int32_t measure_on(Device& device, const LabelMeasures& map, int32_t* borders, int32_t* border_count,
                   int64_t capacity) {
  const int64_t pixels = int64_t{map.height} * map.width;
  const int64_t most = smaller(2 * pixels, int64_t{map.count} * (map.count - 1) / 2);
  /* Regions that touch along edges form a planar graph, of at most 3 borders a region. */
  int64_t wanted = border_count ? 6 * int64_t{map.count} : 0;
  PairState* const state = device.template memory<PairState>(1);
  if (!state) return device.fail(CPCDR_OUT_OF_MEMORY, "label_statistics: no memory");
  const int64_t blocks = blocks_for(map.width, MeasureLabels::kThreads) * blocks_for(map.height, kMeasuredRows);
  device.launch(blocks_for(map.count, BeginMeasures::kThreads), BeginMeasures{map});
  for (bool first = true;; first = false, wanted *= 4) {
    PairCounts table{nullptr, nullptr, power_of_two_from(64, smaller(wanted, 2 * most)), 0, state};
    table.longest = table.slots >= 2 * most ? table.slots : 256;
    if (border_count) {
      table.keys = device.template memory<uint64_t>(table.slots);
      table.counts = device.template memory<int32_t>(table.slots);
      if (!table.keys || !table.counts) {
        return device.fail(CPCDR_OUT_OF_MEMORY, "label_statistics: no memory for borders");
      }
      device.zero(table.keys, sizeof(uint64_t) * static_cast<size_t>(table.slots));
      device.zero(table.counts, sizeof(int32_t) * static_cast<size_t>(table.slots));
    }
    device.zero(state, sizeof(PairState));
    device.launch(blocks, MeasureLabels{map, table, first, border_count != nullptr});
    PairState found;
    if (const int32_t status = device.read(&found, state, sizeof found)) return status;
    if (found.faulty) return device.fail(CPCDR_INVALID_ARGUMENT, "label_statistics: a label beyond count");
    if (found.overflow) continue;
    device.launch(blocks_for(map.count, EndMeasures::kThreads), EndMeasures{map});
    if (!border_count) return CPCDR_OK;
    if (const int32_t status = device.write(border_count, &found.pairs, sizeof found.pairs)) return status;
    if (found.pairs == 0 || found.pairs > capacity) return CPCDR_OK;
    return write_borders_on(device, table, found.pairs, borders);
  }
}

/* cpcdr_label_statistics */
template <typename Device>
int32_t label_statistics_on(Device& device, const int32_t* labels, const float* values, const float* points,
                            int32_t* boxes, double* means, int32_t* borders, int32_t* border_count,
                            const int32_t* sizes) {
  if (!sizes) return device.fail(CPCDR_INVALID_ARGUMENT, "label_statistics: null pointer");
  const int height = sizes[0], width = sizes[1], count = sizes[2], capacity = sizes[3];
  if (height < 0 || width < 0 || count < 0 || capacity < 0 || (!borders && capacity > 0)) {
    return device.fail(CPCDR_INVALID_ARGUMENT, "label_statistics: negative size, or a capacity without an array");
  }
  const int64_t pixels = int64_t{height} * width;
  if (pixels > INT32_MAX) return device.fail(CPCDR_INVALID_ARGUMENT, "label_statistics: more than 2^31 - 1 pixels");
  if ((!labels && pixels > 0) || ((!boxes || !means) && count > 0)) {
    return device.fail(CPCDR_INVALID_ARGUMENT, "label_statistics: null pointer");
  }
  return measure_on(device, {labels, values, points, boxes, means, height, width, count}, borders, border_count,
                    capacity);
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
