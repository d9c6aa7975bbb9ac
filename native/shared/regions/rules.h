/*
 * The rules by which neighbouring pixels belong together, given by their indices within a map. Each is a
 * template argument of the labelling, so that the compiler inlines it into the loop over pixels; none
 * branches, so that it can vectorise that loop. lib/regions has the same rules in TypeScript.
 */
#ifndef CPCDR_RULES_H
#define CPCDR_RULES_H

#include <cmath>

#include "../shared.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Equal values: what |a - b| <= 0 comes to, equal infinities among them. NaN equals nothing. */
struct EqualRule {
  /* What alike() compares, for who keeps pixels. */
  typedef float Pixel;

  const float* values;

  CPCDR_SHARED EqualRule at(int64_t offset) const { return {values + offset}; }
  CPCDR_SHARED Pixel pixel(int64_t i) const { return values[i]; }
  CPCDR_SHARED bool alike(Pixel a, Pixel b) const { return a == b; }
  CPCDR_SHARED bool joins(int64_t a, int64_t b) const { return alike(values[a], values[b]); }
};

/* |a - b| <= max_jump, in double so that it is exact. */
struct JumpRule {
  typedef float Pixel;

  const float* values;
  double max_jump;

  CPCDR_SHARED JumpRule at(int64_t offset) const { return {values + offset, max_jump}; }
  CPCDR_SHARED Pixel pixel(int64_t i) const { return values[i]; }
  CPCDR_SHARED bool alike(Pixel a, Pixel b) const {
    const double difference = static_cast<double>(a) - static_cast<double>(b);
    return (std::fabs(difference) <= max_jump) | (a == b);
  }
  CPCDR_SHARED bool joins(int64_t a, int64_t b) const { return alike(values[a], values[b]); }
};

/* What a pixel of a surface is taken for; kinds of the ground are odd. */
enum SurfaceKind : uint8_t { kObject = 0, kGround = 1, kSky = 2, kRaised = 3 };

/* What the rule reads of a pixel of a surface. */
struct SurfacePixel {
  uint8_t kind; /* SurfaceKind */
  float height, x, y, z, normal_x, normal_y, normal_z;
};

/*
 * The relative 3-D rule of the regions stage: sky joins sky; ground joins ground of one height; things join
 * where depth differs by a small share and the surface goes on in one direction, or by a quarter of that share,
 * and does not turn into a hollow there, as it does where one thing touches another.
 */
struct SurfaceLimits {
  double kerb, max_jump, min_cosine, crease_cosine;

  CPCDR_SHARED bool level(double height_a, double height_b) const { return std::fabs(height_a - height_b) < kerb; }
  CPCDR_SHARED bool smooth(const SurfacePixel& a, const SurfacePixel& b) const {
    const double za = a.z, zb = b.z, ax = a.normal_x, ay = a.normal_y, az = a.normal_z;
    const double bx = b.normal_x, by = b.normal_y, bz = b.normal_z;
    const double jump = std::fabs(za - zb) / (za < zb ? za : zb);
    const double cosine = ax * bx + ay * by + az * bz;
    const double turn = (static_cast<double>(b.x) - a.x) * (bx - ax) + (static_cast<double>(b.y) - a.y) * (by - ay) +
                        (zb - za) * (bz - az);
    const bool hollow = (turn < 0) & (cosine < crease_cosine);
    return (!(jump >= max_jump)) & (!hollow) & ((cosine > min_cosine) | (jump < max_jump / 4));
  }
  CPCDR_SHARED bool joins(const SurfacePixel& a, const SurfacePixel& b) const {
    const bool ground = a.kind & 1, sky = a.kind == kSky;
    return (a.kind == b.kind) & (sky | (ground & level(a.height, b.height)) | ((!ground) & smooth(a, b)));
  }
};

struct SurfaceRule {
  typedef SurfacePixel Pixel;

  const float* points;  /* [H,W,3] */
  const float* normals; /* [H,W,3] */
  const float* heights; /* [H,W] */
  const uint8_t* kinds; /* [H,W] SurfaceKind */
  SurfaceLimits limits;

  CPCDR_SHARED SurfaceRule at(int64_t offset) const {
    return {points + 3 * offset, normals + 3 * offset, heights + offset, kinds + offset, limits};
  }
  CPCDR_SHARED SurfacePixel pixel(int64_t i) const {
    const float *p = points + 3 * i, *n = normals + 3 * i;
    return {kinds[i], heights[i], p[0], p[1], p[2], n[0], n[1], n[2]};
  }
  CPCDR_SHARED bool alike(const Pixel& a, const Pixel& b) const { return limits.joins(a, b); }
  CPCDR_SHARED bool joins(int64_t a, int64_t b) const { return alike(pixel(a), pixel(b)); }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
