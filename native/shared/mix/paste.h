/* One paste of a composition: what it takes from where, and where that goes (lib/mix/paste.ts). */
#ifndef CPCDR_PASTE_H
#define CPCDR_PASTE_H

#include "box.h"
#include "resample.h"

namespace cpcdr {
namespace CPCDR_ISA {

struct MixSource {
  const uint8_t* rgb;     /* [H,W,3] */
  const float* disparity; /* [H,W] */
  const int32_t* ids;     /* [H,W] */
  int32_t region_offset;
};

/* CPCDR_PASTE_FIELDS doubles of the host. */
struct Paste {
  int mixed, source, region;
  int piece_top, piece_left, piece_bottom, piece_right;
  int top, left, height, width;
  double scale;
  bool flip;
  const double* colour;

  explicit Paste(const double* fields) : scale(fields[11]), flip(fields[12] != 0), colour(fields + 13) {
    int* const integers[] = {&mixed,        &source,      &region, &piece_top, &piece_left, &piece_bottom,
                             &piece_right, &top, &left,   &height,    &width};
    for (int i = 0; i < 11; i++) *integers[i] = static_cast<int>(fields[i]);
  }
  CPCDR_SHARED double source_row(int y) const {
    return piece_top - 0.5 + (y - top + 0.5) * (piece_bottom - piece_top) / height;
  }
  CPCDR_SHARED double source_column(int x) const {
    const double share = (x - left + 0.5) / width;
    return multiply_add(flip ? 1 - share : share, piece_right - piece_left, piece_left - 0.5);
  }
  CPCDR_SHARED Box place() const { return {top, left, top + height, left + width}; }
  /* One pixel wider than the place, since its softened edge reaches over: clipped to the canvas. */
  CPCDR_SHARED Box window(int canvas_height, int canvas_width) const {
    return place().grown(1).within({0, 0, canvas_height, canvas_width});
  }
};

/* Weights of the softened mask, 3 taps of a Gaussian of deviation 1. */
constexpr float kSide = 0.27406862f, kCentre = 0.45186276f;
/* A piece shrinks at most to this share: it bounds the tables of taps. */
constexpr double kSmallestScale = 1.0 / 64;

/* Whether the whole numbers of a paste are so small that sums of a few are none too large; NaN is not. */
inline bool has_sane_numbers(const double* fields) {
  constexpr double kMost = 1 << 28;
  bool sane = true;
  for (int i = 0; i < 11; i++) sane &= fields[i] >= -kMost && fields[i] <= kMost;
  return sane;
}

/* Says what is wrong with the fields of a paste, or null. */
inline const char* fault_of(const double* fields, int sources, int height, int width, int mixed, int previous) {
  if (!has_sane_numbers(fields)) return "composite: a number of a paste is too large";
  const Paste paste(fields);
  if (paste.mixed < previous || paste.mixed >= mixed) return "composite: pastes are not in order of mixed images";
  if (paste.source < 0 || paste.source >= sources) return "composite: a paste of no source";
  if (paste.piece_top < 0 || paste.piece_left < 0 || paste.piece_bottom > height || paste.piece_right > width ||
      paste.piece_top >= paste.piece_bottom || paste.piece_left >= paste.piece_right) {
    return "composite: a piece outside its source";
  }
  if (paste.height < 1 || paste.width < 1 || !(paste.scale >= kSmallestScale)) return "composite: a paste without size";
  return nullptr;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
