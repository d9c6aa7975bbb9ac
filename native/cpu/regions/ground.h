/* The ground: its plane and its two levels (lib/regions/ground_plane.ts and ground_levels.ts explain them). */
#ifndef CPCDR_REGIONS_GROUND_H
#define CPCDR_REGIONS_GROUND_H

#include <limits>

#include "bit_row.h"
#include "surface_planes.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kTolerances = 4;
constexpr double kTolerance[kTolerances] = {0.015, 0.004, 0.001, 0.00025};
constexpr double kKept = 0.4, kShift = 0.2, kUpright = 0.9;
constexpr int kMostCandidates = 2000, kLeastCandidates = 20;

struct Plane {
  double a, b, c; /* ax + by + cz = 1 */

  double length() const { return std::sqrt(a * a + b * b + c * c); }
  bool is_upright() const { return b > kUpright * length(); }
};

struct Candidates {
  int count;
  double x[kMostCandidates], y[kMostCandidates], z[kMostCandidates];
  /* The same divided by depth, and its inverse: x / z, y / z, 1 / z. */
  double across[kMostCandidates], down[kMostCandidates], inverse[kMostCandidates];

  void add(double px, double py, double pz) {
    x[count] = px;
    y[count] = py;
    z[count] = pz;
    across[count] = px / pz;
    down[count] = py / pz;
    inverse[count++] = 1 / pz;
  }
};

/* Points of the lower half that look up, at most kMostCandidates of them, evenly chosen. */
inline void find_candidates(const SurfacePlanes& s, Candidates* found) {
  const int64_t first = int64_t{s.height / 2} * s.width, end = int64_t{s.height} * s.width;
  const auto looks_up = [&](int64_t i) {
    return (static_cast<double>(s.normal_y[i]) < -0.8) & (s.y[i] > 0);
  };
  const auto word = [&](int64_t i) {
    const int n = static_cast<int>(std::min<int64_t>(kWordPixels, end - i));
    return test_bits(n, [&](int k) { return looks_up(i + k); });
  };
  int64_t all = 0;
  for (int64_t i = first; i < end; i += kWordPixels) all += __builtin_popcountll(word(i));
  const int64_t stride = std::max<int64_t>(1, (all + kMostCandidates - 1) / kMostCandidates);
  found->count = 0;
  int64_t passed = 0, wanted = 0;
  for (int64_t i = first; i < end; i += kWordPixels) {
    uint64_t bits = word(i);
    const int64_t behind = passed + __builtin_popcountll(bits);
    for (; wanted < behind && bits; bits &= bits - 1, passed++) {
      if (passed != wanted) continue;
      const int64_t at = i + __builtin_ctzll(bits);
      found->add(static_cast<double>(s.x[at]), static_cast<double>(s.y[at]), static_cast<double>(s.z[at]));
      wanted += stride;
    }
    passed += __builtin_popcountll(bits);
  }
}

inline double determinant(const double (*m)[3]) {
  return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
         m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

/* Cramer's rule; answers false where the system is singular. */
inline bool solve3(const double (*m)[3], const double* right, Plane* plane) {
  const double whole = determinant(m);
  double largest = 0;
  for (int k = 0; k < 9; k++) largest = std::max(largest, std::fabs(m[k / 3][k % 3]));
  if (!(std::fabs(whole) > 1e-9 * (largest * largest * largest))) return false;
  double* const out[] = {&plane->a, &plane->b, &plane->c};
  for (int column = 0; column < 3; column++) {
    double replaced[3][3];
    for (int r = 0; r < 3; r++) {
      for (int c = 0; c < 3; c++) replaced[r][c] = c == column ? right[r] : m[r][c];
    }
    *out[column] = determinant(replaced) / whole;
  }
  return true;
}

/* Candidates that lie on a plane, within each of the tolerances. */
struct Support {
  Plane plane;
  int counts[kTolerances]; /* all 0 where there is no upright plane, or where earlier ones have as many */
};

/* Counts, or gives up with zeros once no level can have more than `most` of it any longer. */
inline void count_support(const Candidates& points, const int* most, Support* support) {
  constexpr int kAtATime = 256;
  const auto [a, b, c] = support->plane;
  const double length = support->plane.length();
  double away_at_most[kTolerances];
  for (int level = 0; level < kTolerances; level++) away_at_most[level] = kTolerance[level] * length;
  int64_t counts[kTolerances] = {};
  for (int begin = 0; begin < points.count; begin += kAtATime) {
    const int end = std::min(points.count, begin + kAtATime);
    for (int k = begin; k < end; k++) {
      const double away = std::fabs(a * points.across[k] + b * points.down[k] + c - points.inverse[k]);
      for (int level = 0; level < kTolerances; level++) counts[level] += away < away_at_most[level];
    }
    bool hopeless = true;
    for (int level = 0; level < kTolerances; level++) hopeless &= counts[level] + (points.count - end) <= most[level];
    if (hopeless) return;
  }
  for (int level = 0; level < kTolerances; level++) support->counts[level] = static_cast<int>(counts[level]);
}

/* Least squares over what lies within the tolerance, weighted by 1 / z^2. */
inline bool refine(const Candidates& points, double tolerance, Plane* plane) {
  double matrix[3][3] = {}, right[3] = {};
  const double length = plane->length();
  for (int k = 0; k < points.count; k++) {
    const double p[] = {points.x[k], points.y[k], points.z[k]};
    const double residual = plane->a * p[0] + plane->b * p[1] + plane->c * p[2] - 1;
    if (std::fabs(residual) >= tolerance * length * p[2]) continue;
    const double weight = 1 / (p[2] * p[2]);
    for (int r = 0; r < 3; r++) {
      right[r] += weight * p[r];
      for (int c = 0; c < 3; c++) matrix[r][c] += weight * p[r] * p[c];
    }
  }
  Plane solution;
  if (!solve3(matrix, right, &solution) || !solution.is_upright()) return false;
  *plane = solution;
  return true;
}

/* draws [3 * trials] are random bits, trial by trial; supports [trials] is scratch. Answers false without ground. */
inline bool fit_plane(const Candidates& points, const uint32_t* draws, int trials, Support* supports, Plane* plane) {
  if (points.count < kLeastCandidates) return false;
  parallel_for(trials, 25, [&](int64_t begin, int64_t end) {
    int reached[kTolerances] = {};
    for (int64_t t = begin; t < end; t++) {
      double rows[3][3];
      for (int r = 0; r < 3; r++) {
        const int k = static_cast<int>(static_cast<double>(draws[3 * t + r]) / 4294967296.0 * points.count);
        const double row[] = {points.x[k], points.y[k], points.z[k]};
        std::copy_n(row, 3, rows[r]);
      }
      const double ones[] = {1, 1, 1};
      supports[t] = {};
      if (!solve3(rows, ones, &supports[t].plane) || !supports[t].plane.is_upright()) continue;
      count_support(points, reached, supports + t);
      for (int level = 0; level < kTolerances; level++) {
        reached[level] = std::max(reached[level], supports[t].counts[level]);
      }
    }
  });
  Plane best[kTolerances] = {};
  int most[kTolerances] = {};
  for (int t = 0; t < trials; t++) {
    for (int level = 0; level < kTolerances; level++) {
      if (supports[t].counts[level] <= most[level]) continue;
      most[level] = supports[t].counts[level];
      best[level] = supports[t].plane;
    }
  }
  if (most[0] == 0) return false;
  int level = kTolerances - 1;
  while (!(most[level] >= kKept * most[0] && std::fabs(best[0].length() / best[level].length() - 1) < kShift)) level--;
  *plane = best[level];
  for (int k = 0; k < 3; k++) refine(points, kTolerance[level], plane);
  return true;
}

constexpr int kBins = 256;
constexpr double kPart = 1.0 / (1 << 30), kClear = 0.9, kLeastShare = 0.005;

/* Squares of heights up to this, in parts, of 2^27 pixels fit into 64 bits. */
constexpr double kHighestGround = 8;

/* Heights by their bins, summed in whole parts, so that the order does not matter. */
struct HeightSums {
  int64_t counts[kBins], sums[kBins], squares;

  /* Those of `count` heights whose bits are set, each within (-most, most). */
  void add(const float* heights, int count, uint64_t chosen, double most) {
    int32_t bins[kWordPixels];
    int64_t parts[kWordPixels], square_parts[kWordPixels];
    for (int k = 0; k < count; k++) {
      /* Others count nowhere, but must fit. */
      const double all = static_cast<double>(heights[k]), height = std::fabs(all) < most ? all : 0;
      bins[k] = std::min(kBins - 1, static_cast<int>((height + most) / (2 * most) * kBins));
      parts[k] = static_cast<int64_t>(height / kPart);
      square_parts[k] = static_cast<int64_t>(height * height / kPart);
    }
    for (; chosen; chosen &= chosen - 1) {
      const int k = __builtin_ctzll(chosen);
      counts[bins[k]]++;
      sums[bins[k]] += parts[k];
      squares += square_parts[k];
    }
  }

  void add(const HeightSums& other) {
    for (int k = 0; k < kBins; k++) {
      counts[k] += other.counts[k];
      sums[k] += other.sums[k];
    }
    squares += other.squares;
  }
};

/* Otsu's split; answers false where it explains too little. */
inline bool split_levels(const HeightSums& heights, double least, double* lower_level, double* upper_level) {
  int64_t count = 0, parts = 0;
  for (int k = 0; k < kBins; k++) {
    count += heights.counts[k];
    parts += heights.sums[k];
  }
  const double all = static_cast<double>(count), total = static_cast<double>(parts) * kPart;
  const double spread = static_cast<double>(heights.squares) * kPart - total * total / all;
  double explained = kClear * spread, below = 0, sum = 0;
  bool found = false;
  for (int bin = 0; bin < kBins - 1; bin++) {
    below += static_cast<double>(heights.counts[bin]);
    sum += static_cast<double>(heights.sums[bin]) * kPart;
    const double above = all - below;
    if (std::min(below, above) < std::max(1.0, kLeastShare * all)) continue;
    const double lower = sum / below, upper = (total - sum) / above, step = upper - lower;
    const double between = below * above / all * (step * step);
    if (!(between > explained && step >= least)) continue;
    *lower_level = lower;
    *upper_level = upper;
    explained = between;
    found = true;
  }
  return found;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
