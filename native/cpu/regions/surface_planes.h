/* Points, normals, heights and kinds of a depth map, one plane for each coordinate: lib/regions/geometry.ts. */
#ifndef CPCDR_REGIONS_SURFACE_PLANES_H
#define CPCDR_REGIONS_SURFACE_PLANES_H

#include <algorithm>

#include "../../shared/regions/surface.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Image widths and heights, as in dataset.json. */
struct Camera {
  double fx, fy, cx, cy;
};

struct SurfacePlanes {
  int height, width;
  float *x, *y, *z, *normal_x, *normal_y, *normal_z, *heights; /* [H,W] each */
  uint8_t* kinds;                                              /* [H,W] */

  static int64_t floats(int64_t pixels) { return 7 * pixels + (pixels + 3) / 4; }

  SurfacePlanes(int h, int w, float* memory) : height(h), width(w) {
    const int64_t pixels = int64_t{h} * w;
    float** const planes[] = {&x, &y, &z, &normal_x, &normal_y, &normal_z, &heights};
    for (int k = 0; k < 7; k++) *planes[k] = memory + k * pixels;
    kinds = reinterpret_cast<uint8_t*>(memory + 7 * pixels);
  }
};

/* Rows that a thread takes at once. */
constexpr int kBandRows = 16;

/* Runs body(row) for all rows, bands of them on all threads. */
template <typename Body>
void each_row(int height, const Body& body) {
  parallel_for(height, kBandRows, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; y++) body(static_cast<int>(y));
  });
}

/* rays [W] is scratch. */
inline void project_points(const float* disparity, const Camera& camera, double* rays, const SurfacePlanes& s) {
  for (int x = 0; x < s.width; x++) rays[x] = ((x + 0.5) / s.width - camera.cx) / camera.fx;
  each_row(s.height, [&](int row) {
    const double v = ((row + 0.5) / s.height - camera.cy) / camera.fy;
    const int64_t at = int64_t{row} * s.width;
    const float* __restrict from = disparity + at;
    float *__restrict x = s.x + at, *__restrict y = s.y + at, *__restrict z = s.z + at;
    for (int i = 0; i < s.width; i++) {
      const double depth = depth_of(from[i]);
      x[i] = static_cast<float>(depth * rays[i]);
      y[i] = static_cast<float>(depth * v);
      z[i] = static_cast<float>(depth);
    }
  });
}

/* Normals of one row; inverse[k] are the inverse depths of row y - 2 + k, of the border row beyond the border. */
inline void normals_of_row(const SurfacePlanes& s, int row, const double* const* inverse) {
  const int width = s.width, height = s.height;
  const int64_t at = int64_t{row} * width;
  const int64_t up = row > 0 ? at - width : at, below = row + 1 < height ? at + width : at;
  const bool has_up = row > 0, has_below = row + 1 < height, has_two = row > 1 && row + 2 < height;
  const float *px = s.x, *py = s.y, *pz = s.z;
  const double *up_2 = inverse[0], *up_1 = inverse[1], *here = inverse[2], *below_1 = inverse[3], *below_2 = inverse[4];
  float *__restrict nx = s.normal_x + at, *__restrict ny = s.normal_y + at, *__restrict nz = s.normal_z + at;
  const auto pixel = [=](int i, int left_2, int left, int right, int right_2, bool has_left, bool has_right,
                         bool has_four) __attribute__((always_inline)) {
    const AxisSample along = {px[at + left], py[at + left],  pz[at + left],  px[at + i],    py[at + i],
                              pz[at + i],    px[at + right], py[at + right], pz[at + right], here[left_2],
                              here[left],    here[i],        here[right],    here[right_2], has_left,
                              has_right,     has_four};
    const AxisSample down = {px[up + i], py[up + i],    pz[up + i],    px[at + i],    py[at + i], pz[at + i],
                             px[below + i], py[below + i], pz[below + i], up_2[i],    up_1[i],    here[i],
                             below_1[i],    below_2[i],    has_up,        has_below,  has_two};
    const Step normal = normal_of(axis_step(along), axis_step(down));
    nx[i] = static_cast<float>(normal.x);
    ny[i] = static_cast<float>(normal.y);
    nz[i] = static_cast<float>(normal.z);
  };
  const auto at_border = [=](int i) {
    const int last = width - 1;
    pixel(i, std::max(0, i - 2), std::max(0, i - 1), std::min(last, i + 1), std::min(last, i + 2), i > 0, i < last,
          i > 1 && i + 2 < width);
  };
  for (int i = 0; i < std::min(2, width); i++) at_border(i);
  /* Rows that are written are none of those that are read; told so, GCC vectorises the loop. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC ivdep
#endif
  for (int i = 2; i < width - 2; i++) pixel(i, i - 2, i - 1, i + 1, i + 2, true, true, true);
  for (int i = std::max(2, width - 2); i < width; i++) at_border(i);
}

/* Answers false when there is no memory for a few rows. */
inline bool find_normals(const SurfacePlanes& s) {
  int32_t failed = 0;
  parallel_for(s.height, kBandRows, [&](int64_t begin, int64_t end) {
    double* rows = reinterpret_cast<double*>(workspace(4, 10 * static_cast<size_t>(s.width)));
    if (!rows) return __atomic_store_n(&failed, 1, __ATOMIC_RELAXED);
    /* Row r has its inverse depths at place r % 5. */
    const auto place = [&](int64_t r) { return rows + r % 5 * s.width; };
    const auto fill = [&](int64_t r) {
      const float* z = s.z + r * s.width;
      double* __restrict to = place(r);
      for (int x = 0; x < s.width; x++) to[x] = 1 / static_cast<double>(z[x]);
    };
    const int64_t last = s.height - 1;
    for (int64_t r = std::max<int64_t>(0, begin - 2); r < std::min(last + 1, begin + 2); r++) fill(r);
    for (int64_t y = begin; y < end; y++) {
      if (y + 2 <= last) fill(y + 2);
      const double* inverse[5];
      for (int k = 0; k < 5; k++) inverse[k] = place(std::min(last, std::max<int64_t>(0, y - 2 + k)));
      normals_of_row(s, static_cast<int>(y), inverse);
    }
  });
  return !failed;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
