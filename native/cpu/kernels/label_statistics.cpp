/* What the components of a map are like, in one pass over its labels: run by run, strips of rows apart. */
#include <algorithm>

#include "../dispatch.h"
#include "../regions/pair_table.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

struct Component {
  int32_t area, top, left, bottom, right;
  double value, x, y, z; /* sums */

  void add(const Component& other) {
    area += other.area;
    top = std::min(top, other.top);
    left = std::min(left, other.left);
    bottom = std::max(bottom, other.bottom);
    right = std::max(right, other.right);
    value += other.value;
    x += other.x;
    y += other.y;
    z += other.z;
  }
};

constexpr Component kNothing = {0, INT32_MAX, INT32_MAX, 0, 0, 0, 0, 0, 0};

struct Map {
  const int32_t* labels; /* [H,W] */
  const float* values;   /* [H,W] or null */
  const float* points;   /* [H,W,3] or null */
  int height, width;
};

/* Adds the rows [begin, end) to components, and their borders to the row above and within. */
void measure_rows(const Map& map, int begin, int end, Component* components, PairTable<Pair>* borders) {
  for (int y = begin; y < end; y++) {
    const int32_t* row = map.labels + int64_t{y} * map.width;
    for (int x = 0, first = 0; x < map.width; first = x) {
      const int32_t label = row[first];
      while (x < map.width && row[x] == label) x++;
      if (first > 0 && borders && label >= 0 && row[first - 1] >= 0) borders->add(Pair(label, row[first - 1], 1));
      if (label < 0) continue;
      Component run = {x - first, y, first, y + 1, x, 0, 0, 0, 0};
      const int64_t at = int64_t{y} * map.width;
      if (map.values) {
        for (int64_t i = at + first; i < at + x; i++) run.value += static_cast<double>(map.values[i]);
      }
      if (map.points) {
        for (int64_t i = at + first; i < at + x; i++) {
          run.x += static_cast<double>(map.points[3 * i]);
          run.y += static_cast<double>(map.points[3 * i + 1]);
          run.z += static_cast<double>(map.points[3 * i + 2]);
        }
      }
      components[label].add(run);
    }
    if (y == 0 || !borders) continue;
    const int32_t* above = row - map.width;
    for (int x = 0, first = 0; x < map.width; first = x) {
      const int32_t a = row[first], b = above[first];
      while (x < map.width && row[x] == a && above[x] == b) x++;
      if (a != b && a >= 0 && b >= 0) borders->add(Pair(a, b, x - first));
    }
  }
}

/* Writes the pairs in order, as many as fit. False when memory ran out. */
bool write_borders(PairTable<Pair>* tables, int strips, int32_t* borders, int32_t* border_count, int64_t capacity) {
  PairTable<Pair>& all = tables[0];
  bool failed = all.failed();
  for (int strip = 1; strip < strips; strip++) {
    for (const Pair& pair : tables[strip]) {
      if (pair.count) all.add(pair);
    }
    failed |= tables[strip].failed();
  }
  if (failed || all.failed()) return false;
  all.compact();
  Pair* const first = all.begin();
  std::sort(first, first + all.size(), [](const Pair& a, const Pair& b) { return a.key() < b.key(); });
  *border_count = static_cast<int32_t>(all.size());
  if (all.size() > capacity) return true;
  for (int64_t k = 0; k < all.size(); k++) {
    borders[3 * k] = first[k].low;
    borders[3 * k + 1] = first[k].high;
    borders[3 * k + 2] = first[k].count;
  }
  return true;
}

void write_components(const Component* sums, int count, int32_t* boxes, double* means) {
  for (int k = 0; k < count; k++) {
    const Component& c = sums[k];
    const int32_t box[] = {c.area, c.area ? c.top : 0, c.area ? c.left : 0, c.bottom, c.right};
    const double total[] = {c.value, c.x, c.y, c.z};
    for (int i = 0; i < 5; i++) boxes[5 * k + i] = box[i];
    for (int i = 0; i < 4; i++) means[4 * k + i] = c.area ? total[i] / c.area : 0;
  }
}

/* Labels come from outside: one beyond count would write beyond the arrays. */
bool are_below(const int32_t* labels, int64_t pixels, int32_t count) {
  int32_t largest = -1;
  for (int64_t i = 0; i < pixels; i++) largest = std::max(largest, labels[i]);
  return largest < count;
}

constexpr int kMostStrips = 16;
constexpr int64_t kStripPixels = 1 << 16;

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_label_statistics,
             (const int32_t* labels, const float* values, const float* points, int32_t* boxes, double* means,
              int32_t* borders, int32_t* border_count, const int32_t* sizes),
             (labels, values, points, boxes, means, borders, border_count, sizes)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!sizes) return fail(CPCDR_INVALID_ARGUMENT, "label_statistics: null pointer");
  const int height = sizes[0], width = sizes[1], count = sizes[2], capacity = sizes[3];
  if (height < 0 || width < 0 || count < 0 || capacity < 0 || (!borders && capacity > 0)) {
    return fail(CPCDR_INVALID_ARGUMENT, "label_statistics: negative size, or a capacity without an array");
  }
  const int64_t pixels = int64_t{height} * width;
  if ((!labels && pixels > 0) || ((!boxes || !means) && count > 0)) {
    return fail(CPCDR_INVALID_ARGUMENT, "label_statistics: null pointer");
  }
  if (!are_below(labels, pixels, count)) return fail(CPCDR_INVALID_ARGUMENT, "label_statistics: a label beyond count");
  /* Every strip has sums of its own, so there are few strips where there are many components. */
  const int64_t wanted = std::min(pixels / kStripPixels, count ? pixels / count : pixels);
  const int strips = static_cast<int>(std::max<int64_t>(1, std::min<int64_t>({wanted, kMostStrips, height})));
  const size_t floats = sizeof(Component) / sizeof(float) * static_cast<size_t>(count) * static_cast<size_t>(strips);
  Component* sums = reinterpret_cast<Component*>(workspace(0, floats + 1));
  if (!sums) return fail(CPCDR_OUT_OF_MEMORY, "label_statistics: no memory for sums");
  PairTable<Pair> tables[kMostStrips];
  parallel_for(strips, 1, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; s++) {
      std::fill_n(sums + s * count, count, kNothing);
      const int from = static_cast<int>(height * s / strips), to = static_cast<int>(height * (s + 1) / strips);
      measure_rows({labels, values, points, height, width}, from, to, sums + s * count,
                   border_count ? tables + s : nullptr);
    }
  });
  for (int s = 1; s < strips; s++) {
    for (int k = 0; k < count; k++) sums[k].add(sums[int64_t{s} * count + k]);
  }
  write_components(sums, count, boxes, means);
  if (border_count && !write_borders(tables, strips, borders, border_count, capacity)) {
    return fail(CPCDR_OUT_OF_MEMORY, "label_statistics: no memory for borders");
  }
  return CPCDR_OK;
}
