/* What a view samples of its canvas, and how far around that pastes can tell: lib/mix/view.ts, reachOf(). */
#ifndef CPCDR_REACH_H
#define CPCDR_REACH_H

#include "box.h"
#include "resample.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Positions along an axis only grow or only shrink, so that both ends of the view bound them. */
inline void seen_along(double scale, double shift, int size, int* first, int* end) {
  *first = size;
  *end = 0;
  for (int k = 0; k < 2; k++) {
    Tap pair[2];
    linear_taps(multiply_add(scale, k * (size - 1), shift), size, 1, pair);
    *first = smaller(*first, pair[0].index);
    *end = larger(*end, pair[1].index + 1);
  }
}

/* The pixels that a view of CPCDR_VIEW_FIELDS doubles samples; the nearest ones are among them. */
inline Box seen_by(const double* fields, int height, int width) {
  Box seen;
  seen_along(fields[1], fields[2], width, &seen.left, &seen.right);
  seen_along(fields[3], fields[4], height, &seen.top, &seen.bottom);
  return seen;
}

/* With a pixel around what is seen, since softened edges reach over. */
inline Box reach_of(const Box& seen, int height, int width) { return seen.grown(1).within({0, 0, height, width}); }

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
