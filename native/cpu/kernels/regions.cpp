/* From disparity to coherent depth regions: lib/regions/depth_regions.ts is the definition, ids are the same. */
#include "../rounding.h"

#include "../dispatch.h"

#include "../regions/ground.h"
#include "../regions/labelling.h"
#include "../regions/region_graph.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* The rule for 64 pixels: what sky and ground do not need is not computed. */
inline uint64_t rule_bits(const PlanarSurfaceRule& rule, int64_t i, int64_t step, int count) {
  const uint8_t* kinds = rule.kinds + i;
  const uint64_t same = test_bits(count, [&](int k) { return kinds[k] == kinds[k - step]; });
  const uint64_t sky = test_bits(count, [&](int k) { return kinds[k] == kSky; });
  const uint64_t ground = test_bits(count, [&](int k) { return kinds[k] & 1; });
  uint64_t bits = same & sky;
  if (same & ground) {
    const float* heights = rule.heights + i;
    bits |= same & ground & test_bits(count, [&](int k) {
      return rule.limits.level(static_cast<double>(heights[k - step]), static_cast<double>(heights[k]));
    });
  }
  if (same & ~sky & ~ground) {
    const PlanarSurfaceRule here = rule.at(i);
    bits |= same & ~sky & ~ground & test_bits(count, [&](int k) {
      return here.limits.smooth(here.pixel(k - step), here.pixel(k));
    });
  }
  return bits;
}

namespace {

/* Least upward share of a normal where heights tell of the ground's levels, and how many camera heights away. */
constexpr double kLevel = 0.95, kReach = 20;
/* The part of a kerb's height that goes with the road, and how far above the raised level ground may lie. */
constexpr double kFace = 0.1, kMargin = 0.01;
/* Camera height in median depths where there is no plane. */
constexpr double kTypicalHeight = 0.12;
constexpr int kMostStrips = 16;

/* The settings, in the order of the header. */
struct Settings {
  Camera camera;
  SurfaceLimits limits;
  double ground_height, ground_upright, sky_depth, least_area;
  Keep keep;

  explicit Settings(const double* s)
      : camera{s[0], s[1], s[2], s[3]}, limits{s[4], s[5], s[6], s[7]}, ground_height(s[8]), ground_upright(s[9]),
        sky_depth(s[10]), least_area(s[11]), keep{s[12], s[13]} {}
};

/* The upper median of disparities, as depth; `copy` [count] is scratch. NaN sorts last. */
double median_depth(const float* disparity, int64_t count, float* copy) {
  std::copy_n(disparity, count, copy);
  std::nth_element(copy, copy + count / 2, copy + count,
                   [](float a, float b) { return a < b || (a == a && b != b); });
  const double median = static_cast<double>(copy[count / 2]);
  return 1 / (median < 1e-6 ? 1e-6 : median);
}

/* Heights above the plane, and kinds. sums [bands] is scratch. */
void find_kinds(const SurfacePlanes& s, const Settings& settings, const Plane* plane, double unit, HeightSums* sums) {
  const double a = plane ? plane->a : 0, b = plane ? plane->b : 0, c = plane ? plane->c : 0;
  const double up_x = plane ? -a * unit : 0, up_y = plane ? -b * unit : -1, up_z = plane ? -c * unit : 0;
  const auto upright = [=](int64_t i) {
    return static_cast<float>(static_cast<double>(s.normal_x[i]) * up_x + static_cast<double>(s.normal_y[i]) * up_y +
                              static_cast<double>(s.normal_z[i]) * up_z);
  };
  const double most = settings.ground_height, reach = kReach * unit;
  parallel_for(s.height, kBandRows, [&](int64_t begin, int64_t end) {
    HeightSums* const own = sums + begin / kBandRows;
    std::memset(own, 0, sizeof *own);
    for (int64_t i = begin * s.width, last = end * s.width; i < last; i += kWordPixels) {
      const int n = static_cast<int>(std::min<int64_t>(kWordPixels, last - i));
      float* __restrict heights = s.heights + i;
      for (int k = 0; k < n; k++) {
        heights[k] = static_cast<float>(1 - (a * static_cast<double>(s.x[i + k]) + b * static_cast<double>(s.y[i + k]) +
                                             c * static_cast<double>(s.z[i + k])));
      }
      const uint64_t level = test_bits(n, [&](int k) {
        return (std::fabs(static_cast<double>(heights[k])) < most) & (static_cast<double>(upright(i + k)) > kLevel) &
               (static_cast<double>(s.z[i + k]) < reach);
      });
      if (level) own->add(heights, n, level, most);
    }
  });
  for (int band = 1; band < (s.height + kBandRows - 1) / kBandRows; band++) sums[0].add(sums[band]);
  KindLimits limits = {most, settings.ground_upright, settings.sky_depth * unit, INFINITY, -INFINITY};
  double lower, upper;
  if (split_levels(sums[0], settings.limits.kerb, &lower, &upper)) {
    limits.edge = lower + kFace * (upper - lower);
    limits.top = upper + kMargin;
  }
  each_row(s.height, [&](int row) {
    const int width = s.width;
    const int64_t at = int64_t{row} * width;
    const float *heights = s.heights + at, *z = s.z + at;
    uint8_t* __restrict kinds = s.kinds + at;
    /* Copies of its own: bytes that are written may be any other memory. */
    const auto up = upright;
    const KindLimits within = limits;
    for (int x = 0; x < width; x++) kinds[x] = kind_of(heights[x], up(at + x), z[x], within);
  });
}

/* Adds pairs of pixels to a table; those of one border mostly follow each other. */
struct BorderWriter {
  BorderTable* table;
  const SurfacePlanes& s;
  const int32_t* labels;
  Border open;

  void touch(int64_t a, int64_t b) {
    const int64_t rise = int64_t{log_depth_parts(s.z[b])} - log_depth_parts(s.z[a]);
    const int64_t gap = std::abs(rise) + (s.kinds[a] != s.kinds[b] ? kLogParts : 0);
    const bool up = labels[a] < labels[b];
    const Border border = {up ? labels[a] : labels[b], up ? labels[b] : labels[a], 1, gap, up ? rise : -rise};
    if (open.count && open.key() == border.key()) return open.add(border);
    flush();
    open = border;
  }

  void flush() {
    if (open.count) table->add(open);
    open.count = 0;
  }
};

/* Borders of rows [begin, end), and areas, which other threads add to as well. */
void measure_rows(const SurfacePlanes& s, const int32_t* labels, int begin, int end, BorderTable* table, int32_t* areas) {
  BorderWriter along{table, s, labels, {}}, down{table, s, labels, {}};
  for (int y = begin; y < end; y++) {
    const int64_t row = int64_t{y} * s.width;
    int64_t first = row;
    for (int x = 0; x < s.width; x += kWordPixels) {
      const int n = std::min(kWordPixels, s.width - x);
      const int32_t* here = labels + row + x;
      /* A row's first pixel has no left neighbour. */
      uint64_t bits = test_bits(n - !x, [&](int k) { return here[k + !x] != here[k + !x - 1]; }) << !x;
      for (; bits; bits &= bits - 1) {
        const int64_t i = row + x + __builtin_ctzll(bits);
        along.touch(i - 1, i);
        __atomic_fetch_add(areas + labels[first], static_cast<int32_t>(i - first), __ATOMIC_RELAXED);
        first = i;
      }
      if (y == 0) continue;
      bits = test_bits(n, [&](int k) { return here[k] != here[k - s.width]; });
      for (; bits; bits &= bits - 1) {
        const int64_t i = row + x + __builtin_ctzll(bits);
        down.touch(i - s.width, i);
      }
    }
    __atomic_fetch_add(areas + labels[first], static_cast<int32_t>(row + s.width - first), __ATOMIC_RELAXED);
  }
  along.flush();
  down.flush();
}

struct RegionSums {
  int32_t area, top, left, bottom, right;
  double disparity;

  void add(const RegionSums& other) {
    area += other.area;
    top = std::min(top, other.top);
    left = std::min(left, other.left);
    bottom = std::max(bottom, other.bottom);
    right = std::max(right, other.right);
    disparity += other.disparity;
  }
};

constexpr RegionSums kNothing = {0, INT32_MAX, INT32_MAX, 0, 0, 0};

/* Gives rows [begin, end) their final ids and measures them. */
void rename_rows(const int32_t* names, const float* disparity, int width, int begin, int end, int32_t* ids,
                 RegionSums* regions) {
  for (int y = begin; y < end; y++) {
    int32_t* row = ids + int64_t{y} * width;
    const float* values = disparity + int64_t{y} * width;
    for (int x = 0, first = 0; x < width; first = x) {
      const int32_t label = row[first], name = names[label];
      RegionSums run = {0, y, first, y + 1, 0, 0};
      for (; x < width && row[x] == label; x++) {
        run.disparity += static_cast<double>(values[x]);
        row[x] = name;
      }
      run.area = x - first;
      run.right = x;
      regions[name].add(run);
    }
  }
}

/* Names of the merged components in raster order; answers how many there are. */
int32_t name_regions(RegionGraph* graph, int32_t count, int32_t* names) {
  int32_t next = 0;
  std::fill_n(names, count, -1);
  for (int32_t i = 0; i < count; i++) {
    const int32_t leader = graph->find(i);
    if (names[leader] < 0) names[leader] = next++;
    /* A leader behind its members keeps its name for them, and takes it itself when its turn comes. */
    names[i] = names[leader];
  }
  return next;
}

int32_t label_planes(const SurfacePlanes& s, const SurfaceLimits& limits, int32_t* labels, int32_t* count) {
  return label_maps(1, {s.height, s.width, false}, count, [&](int64_t) {
    LabelledMap<PlanarSurfaceRule> map{};
    map.shape = {s.height, s.width, false};
    map.rule = {s.x, s.y, s.z, s.normal_x, s.normal_y, s.normal_z, s.heights, s.kinds, limits};
    map.labels = labels;
    return map;
  });
}

/* Merges components and measures what is left. Answers false when memory runs out. */
bool merge_and_measure(const SurfacePlanes& s, const Settings& settings, const float* measured, int32_t components,
                       int32_t* ids, double* regions, int32_t capacity, int32_t* count) {
  Buffer<int32_t> areas, names;
  Buffer<RegionSums> sums;
  BorderTable tables[kMostStrips];
  if (!areas.fill(components, 0) || !names.reserve(components)) return false;
  const int strips = std::min(kMostStrips, s.height);
  const auto strip_row = [&](int64_t strip) { return static_cast<int>(s.height * strip / strips); };
  parallel_for(strips, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; k++) {
      measure_rows(s, ids, strip_row(k), strip_row(k + 1), tables + k, areas.begin());
    }
  });
  bool failed = tables[0].failed();
  for (int k = 1; k < strips; k++) {
    for (const Border& border : tables[k]) {
      if (border.count) tables[0].add(border);
    }
    failed |= tables[k].failed();
  }
  RegionGraph graph;
  if (failed || tables[0].failed() || !graph.build(tables, components)) return false;
  if (!graph.merge(areas.begin(), components, settings.least_area, settings.keep)) return false;
  *count = name_regions(&graph, components, names.begin());
  /* Every part has sums of its own, so there are few parts where there are many regions. */
  const int64_t most = int64_t{s.height} * s.width / *count;
  const int parts = static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(strips, most)));
  if (!sums.fill(int64_t{*count} * parts, kNothing)) return false;
  parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; k++) {
      rename_rows(names.begin(), measured, s.width, static_cast<int>(s.height * k / parts),
                  static_cast<int>(s.height * (k + 1) / parts), ids, sums.begin() + k * *count);
    }
  });
  for (int64_t k = *count; k < sums.size(); k++) sums[k % *count].add(sums[k]);
  for (int32_t k = 0; k < std::min(*count, capacity); k++) {
    const RegionSums& r = sums[k];
    const double fields[] = {double(r.area), double(r.top), double(r.left), double(r.bottom), double(r.right),
                             r.disparity / r.area};
    std::copy_n(fields, 6, regions + int64_t{6} * k);
  }
  return true;
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_depth_regions,
             (const float* disparity, const float* measured, const uint32_t* draws, int32_t* ids, double* regions,
              int32_t* count, const int32_t* sizes, const double* settings),
             (disparity, measured, draws, ids, regions, count, sizes, settings)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!disparity || !measured || !ids || !count || !sizes || !settings) {
    return fail(CPCDR_INVALID_ARGUMENT, "depth_regions: null pointer");
  }
  const int height = sizes[0], width = sizes[1], trials = sizes[2], capacity = sizes[3];
  if (height < 1 || width < 1 || trials < 0 || capacity < 0 || int64_t{height} * width > INT32_MAX) {
    return fail(CPCDR_INVALID_ARGUMENT, "depth_regions: a size is too small or too large");
  }
  /* Heights are summed in whole parts, of which 64 bits hold so many. */
  if (settings[8] > kHighestGround) return fail(CPCDR_INVALID_ARGUMENT, "depth_regions: groundHeight is above 8");
  if ((!draws && trials > 0) || (!regions && capacity > 0)) {
    return fail(CPCDR_INVALID_ARGUMENT, "depth_regions: null pointer");
  }
  const Settings chosen(settings);
  const int64_t pixels = int64_t{height} * width, bands = (height + kBandRows - 1) / kBandRows;
  const auto in_floats = [](size_t bytes) { return (bytes + 7) / 8 * 2; };
  const size_t planes = in_floats(4 * static_cast<size_t>(SurfacePlanes::floats(pixels)));
  const size_t rays = 2 * static_cast<size_t>(width), histograms = in_floats(sizeof(HeightSums) * static_cast<size_t>(bands));
  const size_t supports = in_floats(sizeof(Support) * static_cast<size_t>(trials)), points = in_floats(sizeof(Candidates));
  float* memory = workspace(3, planes + rays + histograms + supports + points);
  if (!memory) return fail(CPCDR_OUT_OF_MEMORY, "depth_regions: no memory for the surface");
  const SurfacePlanes surface(height, width, memory);
  float* next = memory + planes;
  project_points(disparity, chosen.camera, reinterpret_cast<double*>(next), surface);
  next += rays;
  HeightSums* sums = reinterpret_cast<HeightSums*>(next);
  next += histograms;
  Support* tried = reinterpret_cast<Support*>(next);
  Candidates* candidates = reinterpret_cast<Candidates*>(next + supports);
  if (!find_normals(surface)) return fail(CPCDR_OUT_OF_MEMORY, "depth_regions: no memory for rows");
  find_candidates(surface, candidates);
  Plane plane;
  const bool found = fit_plane(*candidates, draws, trials, tried, &plane);
  /* Heights are not there yet, so their plane serves as scratch. */
  const double unit = found ? 1 / plane.length() : kTypicalHeight * median_depth(disparity, pixels, surface.heights);
  find_kinds(surface, chosen, found ? &plane : nullptr, unit, sums);
  int32_t components = 0;
  if (const int32_t status = label_planes(surface, chosen.limits, ids, &components)) return status;
  if (!merge_and_measure(surface, chosen, measured, components, ids, regions, capacity, count)) {
    return fail(CPCDR_OUT_OF_MEMORY, "depth_regions: no memory for the graph of regions");
  }
  return CPCDR_OK;
}
