/*
 * What the regions stage makes of a pixel's depth: point, normal, kind, logarithm. lib/regions has the same steps
 * in TypeScript, and in the same order of rounding, so that both give the same bits; files that include this are
 * compiled without fused multiplication (see cpu/kernels/regions.cpp). None branches, so that loops vectorise.
 */
#ifndef CPCDR_SURFACE_H
#define CPCDR_SURFACE_H

#include <cmath>
#include <cstring>

#include "rules.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Depth of a pixel; inverse depth below 1e-6, NaN among it, counts as infinitely far. */
CPCDR_SHARED double depth_of(float disparity) {
  const double d = static_cast<double>(disparity);
  return 1 / (d > 1e-6 ? d : 1e-6);
}

/* A pixel and its neighbours along one axis; `before` and `after` say how many pixels there are on each side. */
struct AxisSample {
  double x_back, y_back, z_back, x, y, z, x_ahead, y_ahead, z_ahead;
  double back_2, back_1, here, ahead_1, ahead_2; /* inverse depths */
  bool has_back, has_ahead, has_two;             /* two: on both sides */
};

struct Step {
  double x, y, z;
};

/*
 * The step from pixel to pixel, taken on one side so that it does not cross an edge: where depth jumps on a side,
 * the other is better, elsewhere the side that goes on straight in inverse depth.
 */
CPCDR_SHARED Step axis_step(const AxisSample& s) {
  const double jump_back = std::fabs(s.z - s.z_back), jump_ahead = std::fabs(s.z - s.z_ahead);
  const double edge = 0.06 * s.z;
  const double bend_back = std::fabs(s.here - 2 * s.back_1 + s.back_2);
  const double bend_ahead = std::fabs(s.here - 2 * s.ahead_1 + s.ahead_2);
  const bool jumps = (!s.has_two) | (jump_back > edge) | (jump_ahead > edge);
  const bool nearer = jump_back < jump_ahead, straighter = bend_back < bend_ahead;
  const bool better = (jumps & nearer) | ((!jumps) & straighter);
  const bool back = (!s.has_ahead) | (s.has_back & better);
  const double some = s.has_back | s.has_ahead ? 1.0 : 0.0;
  return {(back ? s.x - s.x_back : s.x_ahead - s.x) * some, (back ? s.y - s.y_back : s.y_ahead - s.y) * some,
          (back ? s.z - s.z_back : s.z_ahead - s.z) * some};
}

/* The unit normal, towards the camera, of steps a to the right and b down. */
CPCDR_SHARED Step normal_of(const Step& a, const Step& b) {
  const double x = b.y * a.z - b.z * a.y, y = b.z * a.x - b.x * a.z, z = b.x * a.y - b.y * a.x;
  const double length = std::sqrt(x * x + y * y + z * z);
  const double inverse = 1 / (length > 0 ? length : 1.0);
  return {x * inverse, y * inverse, z * inverse};
}

/* What tells kinds apart, lengths in camera heights; lib/regions/kinds.ts explains them. */
struct KindLimits {
  double ground_height, upright, sky_depth; /* the last in the unit of the depth map */
  double edge, top;                         /* of the raised ground: +-infinity without one */
};

CPCDR_SHARED uint8_t kind_of(float height_above, float upright, float depth, const KindLimits& limits) {
  const double height = static_cast<double>(height_above), up = static_cast<double>(upright);
  const bool near = std::fabs(height) < limits.ground_height;
  const bool flat = (up > limits.upright) | ((height < limits.ground_height / 3) & (up > limits.upright / 2));
  const bool ground = (height < limits.ground_height) & (flat | (near & (height < limits.top)));
  const bool sky = (static_cast<double>(depth) > limits.sky_depth) & (!(ground & near));
  const bool raised = ground & (height > limits.edge);
  return static_cast<uint8_t>(sky ? kSky : raised ? kRaised : ground ? kGround : kObject);
}

/* Natural logarithm of a depth from 0 on, in parts of 2^-17: lib/regions/merging.ts. */
CPCDR_SHARED int32_t log_depth_parts(float depth) {
  int32_t bits;
  std::memcpy(&bits, &depth, sizeof bits);
  const int32_t exponent = (bits - 0x3F3504F3) >> 23;
  bits -= static_cast<int32_t>(static_cast<uint32_t>(exponent) << 23);
  float mantissa;
  std::memcpy(&mantissa, &bits, sizeof mantissa);
  const double m = static_cast<double>(mantissa), s = (m - 1) / (m + 1), q = s * s;
  const double series = 1 + q * (1.0 / 3 + q * (1.0 / 5 + q * (1.0 / 7 + q * (1.0 / 9 + q * (1.0 / 11)))));
  return static_cast<int32_t>(std::floor((exponent * 0.6931471805599453 + 2 * s * series) * 131072 + 0.5));
}

/* SurfaceRule on one plane for each coordinate. */
struct PlanarSurfaceRule {
  const float *x, *y, *z, *normal_x, *normal_y, *normal_z, *heights;
  const uint8_t* kinds;
  SurfaceLimits limits;

  CPCDR_SHARED PlanarSurfaceRule at(int64_t o) const {
    return {x + o, y + o, z + o, normal_x + o, normal_y + o, normal_z + o, heights + o, kinds + o, limits};
  }
  CPCDR_SHARED SurfacePixel pixel(int64_t i) const {
    return {kinds[i], heights[i], x[i], y[i], z[i], normal_x[i], normal_y[i], normal_z[i]};
  }
  CPCDR_SHARED bool joins(int64_t a, int64_t b) const { return limits.joins(pixel(a), pixel(b)); }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
