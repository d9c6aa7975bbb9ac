/*
 * The rules by which neighbouring pixels belong together, given by their indices within a map. Each is a
 * template argument of the labelling, so that the compiler inlines it into the loop over pixels; none
 * branches, so that it can vectorise that loop. lib/regions has the same rules in TypeScript.
 */
#ifndef CPCDR_RULES_H
#define CPCDR_RULES_H

#include <cmath>

#include "shared.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Equal values: what |a - b| <= 0 comes to, equal infinities among them. NaN equals nothing. */
struct EqualRule {
  const float* values;

  CPCDR_SHARED EqualRule at(int64_t offset) const { return {values + offset}; }
  CPCDR_SHARED bool joins(int64_t a, int64_t b) const { return values[a] == values[b]; }
};

/* |a - b| <= max_jump, in double so that it is exact. */
struct JumpRule {
  const float* values;
  double max_jump;

  CPCDR_SHARED JumpRule at(int64_t offset) const { return {values + offset, max_jump}; }
  CPCDR_SHARED bool joins(int64_t a, int64_t b) const {
    const double difference = static_cast<double>(values[a]) - static_cast<double>(values[b]);
    return (std::fabs(difference) <= max_jump) | (values[a] == values[b]);
  }
};

/* What a pixel of a surface is taken for; kinds of the ground are odd. */
enum SurfaceKind : uint8_t { kObject = 0, kGround = 1, kSky = 2, kRaised = 3 };

/*
 * The relative 3-D rule of the regions stage: sky joins sky; ground joins ground of one height; things join
 * where depth differs by a small share and the surface goes on in one direction, or by a quarter of that share,
 * and does not turn into a hollow there, as it does where one thing touches another.
 */
struct SurfaceRule {
  const float* points;  /* [H,W,3] */
  const float* normals; /* [H,W,3] */
  const float* heights; /* [H,W] */
  const uint8_t* kinds; /* [H,W] SurfaceKind */
  double kerb, max_jump, min_cosine, crease_cosine;

  CPCDR_SHARED SurfaceRule at(int64_t offset) const {
    return {points + 3 * offset, normals + 3 * offset, heights + offset, kinds + offset,
            kerb,                max_jump,             min_cosine,       crease_cosine};
  }
  CPCDR_SHARED bool joins(int64_t a, int64_t b) const {
    const bool level = std::fabs(static_cast<double>(heights[a]) - static_cast<double>(heights[b])) < kerb;
    const double za = points[3 * a + 2], zb = points[3 * b + 2];
    const double jump = std::fabs(za - zb) / (za < zb ? za : zb);
    double cosine = 0, turn = 0;
    for (int c = 0; c < 3; c++) {
      const double u = normals[3 * a + c], v = normals[3 * b + c];
      cosine += u * v;
      turn += (static_cast<double>(points[3 * b + c]) - points[3 * a + c]) * (v - u);
    }
    const bool hollow = (turn < 0) & (cosine < crease_cosine);
    const bool smooth = (!(jump >= max_jump)) & (!hollow) & ((cosine > min_cosine) | (jump < max_jump / 4));
    const bool ground = kinds[a] & 1, sky = kinds[a] == kSky;
    return (kinds[a] == kinds[b]) & (sky | (ground & level) | ((!ground) & smooth));
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
