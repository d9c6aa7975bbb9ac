/* Superpixels by k-means in colour and place: lib/regions/superpixels.ts is the definition, ids are the same. */
#include "../rounding.h"

#include "../dispatch.h"

#include <algorithm>
#include <cmath>

#include "../buffer.h"
#include "../math.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

constexpr int kBandRows = 16;
constexpr int kFields = 5; /* x, y, L, a, b of a centre */

struct Grid {
  int height, width, rows, columns, reach;
  double by_place;
};

/* To 14 digits: a third of the exponent, then Halley's steps. */
inline double cube_root(double t) {
  double root = static_cast<double>(bits_of<float>(bits_of<int32_t>(static_cast<float>(t)) / 3 + 709921077));
  for (int i = 0; i < 2; i++) {
    const double cube = root * root * root;
    root = root * ((cube + 2 * t) / (2 * cube + t));
  }
  return root;
}

inline double curve(double t) {
  const double root = cube_root(t), line = 7.787 * t + 16.0 / 116;
  return t > 0.008856 ? root : line;
}

/* lab [3, pixels]: L, a and b in planes. */
void to_lab(const uint8_t* rgb, const float* linear, int64_t pixels, float* lab) {
  float *lightness = lab, *a = lab + pixels, *b = lab + 2 * pixels;
  for (int64_t i = 0; i < pixels; i++) {
    lightness[i] = linear[rgb[3 * i]];
    a[i] = linear[rgb[3 * i + 1]];
    b[i] = linear[rgb[3 * i + 2]];
  }
  for (int64_t i = 0; i < pixels; i++) {
    const double red = static_cast<double>(lightness[i]), green = static_cast<double>(a[i]),
                 blue = static_cast<double>(b[i]);
    const double x = curve((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047);
    const double y = curve(0.2126 * red + 0.7152 * green + 0.0722 * blue);
    const double z = curve((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883);
    lightness[i] = static_cast<float>(116 * y - 16);
    a[i] = static_cast<float>(500 * (x - y));
    b[i] = static_cast<float>(200 * (y - z));
  }
}

/* JavaScript's Math.round. */
inline int round_half_up(double x) { return static_cast<int>(std::floor(x + 0.5)); }

/* Every pixel of rows [begin, end) takes the nearest of the centres within reach, the first of equals. */
void assign(const Grid& g, const float* lab, const double* centres, int begin, int end, int32_t* ids, float* distances) {
  const int64_t pixels = int64_t{g.height} * g.width;
  std::fill(distances + int64_t{begin} * g.width, distances + int64_t{end} * g.width, INFINITY);
  for (int id = 0; id < g.rows * g.columns; id++) {
    const double *c = centres + kFields * id, x = c[0], y = c[1], l = c[2], a = c[3], b = c[4];
    const int top = std::max(begin, round_half_up(y) - g.reach), bottom = std::min(end - 1, round_half_up(y) + g.reach);
    const int left = std::max(0, round_half_up(x) - g.reach), right = std::min(g.width - 1, round_half_up(x) + g.reach);
    for (int row = top; row <= bottom; row++) {
      const double dy = row - y;
      const int64_t at = int64_t{row} * g.width;
      const float* from = lab + at;
      float* __restrict nearest = distances + at;
      int32_t* __restrict owners = ids + at;
      for (int i = left; i <= right; i++) {
        const double dl = static_cast<double>(from[i]) - l, da = static_cast<double>(from[pixels + i]) - a,
                     db = static_cast<double>(from[2 * pixels + i]) - b, dx = i - x;
        const double distance = dl * dl + da * da + db * db + g.by_place * (dx * dx + dy * dy);
        const bool wins = distance < static_cast<double>(nearest[i]);
        nearest[i] = wins ? static_cast<float>(distance) : nearest[i];
        owners[i] = wins ? id : owners[i];
      }
    }
  }
}

/* Centres become the means of their pixels, summed in raster order; one without pixels stays. */
void move_centres(const Grid& g, const float* lab, const int32_t* ids, double* sums, int32_t* areas, double* centres) {
  const int count = g.rows * g.columns;
  const int64_t pixels = int64_t{g.height} * g.width;
  std::fill_n(sums, kFields * count, 0.0);
  std::fill_n(areas, count, 0);
  for (int y = 0; y < g.height; y++) {
    for (int x = 0; x < g.width; x++) {
      const int64_t i = int64_t{y} * g.width + x;
      double* sum = sums + kFields * ids[i];
      sum[0] += x;
      sum[1] += y;
      for (int c = 0; c < 3; c++) sum[2 + c] += static_cast<double>(lab[c * pixels + i]);
      areas[ids[i]]++;
    }
  }
  for (int id = 0; id < count; id++) {
    if (areas[id] == 0) continue;
    for (int c = 0; c < kFields; c++) centres[kFields * id + c] = sums[kFields * id + c] / areas[id];
  }
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_superpixels,
             (const uint8_t* rgb, const float* linear, int32_t* ids, const int32_t* sizes, double by_place),
             (rgb, linear, ids, sizes, by_place)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!rgb || !linear || !ids || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "superpixels: null pointer");
  const Grid grid = {sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], by_place};
  if (grid.height < 0 || grid.width < 0 || grid.rows < 1 || grid.columns < 1 || grid.reach < 0 || sizes[5] < 0 ||
      int64_t{grid.rows} * grid.columns > INT32_MAX / kFields || int64_t{grid.height} * grid.width > INT32_MAX ||
      grid.reach > INT32_MAX / 2) {
    return fail(CPCDR_INVALID_ARGUMENT, "superpixels: a size is too small or too large");
  }
  const int64_t pixels = int64_t{grid.height} * grid.width, count = int64_t{grid.rows} * grid.columns;
  if (pixels == 0) return CPCDR_OK;
  float* memory = workspace(3, static_cast<size_t>(4 * pixels + (4 * kFields + 1) * count));
  if (!memory) return fail(CPCDR_OUT_OF_MEMORY, "superpixels: no memory for colours");
  float *lab = memory, *distances = memory + 3 * pixels;
  double* centres = reinterpret_cast<double*>(memory + 4 * pixels);
  double* sums = centres + kFields * count;
  int32_t* areas = reinterpret_cast<int32_t*>(sums + kFields * count);
  to_lab(rgb, linear, pixels, lab);
  for (int64_t id = 0; id < count; id++) {
    const int64_t row = id / grid.columns, column = id % grid.columns;
    const int64_t y = static_cast<int64_t>((row + 0.5) * grid.height / grid.rows);
    const int64_t x = static_cast<int64_t>((column + 0.5) * grid.width / grid.columns);
    const int64_t i = y * grid.width + x;
    const double centre[] = {static_cast<double>(x), static_cast<double>(y), static_cast<double>(lab[i]),
                             static_cast<double>(lab[pixels + i]), static_cast<double>(lab[2 * pixels + i])};
    std::copy_n(centre, kFields, centres + kFields * id);
  }
  std::fill_n(ids, pixels, 0);
  for (int k = 0; k < sizes[5]; k++) {
    parallel_for(grid.height, kBandRows, [&](int64_t begin, int64_t end) {
      assign(grid, lab, centres, static_cast<int>(begin), static_cast<int>(end), ids, distances);
    });
    move_centres(grid, lab, ids, sums, areas, centres);
  }
  return CPCDR_OK;
}

CPCDR_KERNEL(cpcdr_segment_median,
             (const float* values, const int32_t* ids, float* out, int32_t pixels, int32_t count),
             (values, ids, out, pixels, count)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (pixels < 0 || count < 0) return fail(CPCDR_INVALID_ARGUMENT, "segment_median: negative size");
  if (pixels == 0) return CPCDR_OK;
  if (!values || !ids || !out) return fail(CPCDR_INVALID_ARGUMENT, "segment_median: null pointer");
  for (int32_t i = 0; i < pixels; i++) {
    if (ids[i] < 0 || ids[i] >= count) return fail(CPCDR_INVALID_ARGUMENT, "segment_median: an id beyond count");
  }
  /* Values in order of their ids, and where those of each id begin. */
  float* sorted = workspace(3, static_cast<size_t>(pixels) + static_cast<size_t>(count) + 1);
  if (!sorted) return fail(CPCDR_OUT_OF_MEMORY, "segment_median: no memory for values");
  int32_t* begins = reinterpret_cast<int32_t*>(sorted + pixels);
  std::fill_n(begins, count + 1, 0);
  for (int32_t i = 0; i < pixels; i++) begins[ids[i] + 1]++;
  for (int32_t id = 0; id < count; id++) begins[id + 1] += begins[id];
  for (int32_t i = pixels - 1; i >= 0; i--) sorted[--begins[ids[i] + 1]] = values[i];
  /* Now begins[id + 1] is where the values of id begin. */
  for (int32_t id = 0; id < count; id++) {
    float *first = sorted + begins[id + 1], *last = id + 1 < count ? sorted + begins[id + 2] : sorted + pixels;
    if (first == last) continue;
    float* middle = first + (last - first) / 2;
    std::nth_element(first, middle, last, [](float a, float b) { return a < b || (a == a && b != b); });
    *first = *middle;
  }
  for (int32_t i = 0; i < pixels; i++) out[i] = sorted[begins[ids[i] + 1]];
  return CPCDR_OK;
}
