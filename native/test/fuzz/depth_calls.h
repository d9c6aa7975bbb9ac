/* Calls that depth training makes. */
#ifndef CPCDR_FUZZ_DEPTH_CALLS_H
#define CPCDR_FUZZ_DEPTH_CALLS_H

#include "case.h"

namespace fuzz {

inline int32_t grid_sample(Case& c) {
  const int b = pick(1, 2), h = pick(1, 12), w = pick(1, 12), n = pick(1, 5), oh = pick(1, 20), ow = pick(1, 20);
  return cpcdr_grid_sample(c.floats(b * h * w * n), c.floats(b * oh * ow * 2), c.floats(b * oh * ow * n),
                           c.sizes({b, h, w, n, oh, ow, pick(0, 1)}));
}
inline int32_t grid_sample_grad(Case& c) {
  const int b = pick(1, 2), h = pick(1, 12), w = pick(1, 12), n = pick(1, 5), oh = pick(1, 20), ow = pick(1, 20);
  return cpcdr_grid_sample_grad(c.floats(b * oh * ow * n), c.floats(b * h * w * n), c.floats(b * oh * ow * 2),
                                pick(0, 3) ? c.floats(b * h * w * n) : nullptr, c.floats(b * oh * ow * 2),
                                c.sizes({b, h, w, n, oh, ow, pick(0, 1)}));
}
inline int32_t project_pixels(Case& c) {
  const int b = pick(0, 3), h = pick(1, 12), w = pick(1, 40), n = b * h * w;
  return cpcdr_project_pixels(c.floats(n), c.floats(12 * b), c.floats(2 * n), c.sizes({b, h, w}), 1e-3f);
}
inline int32_t project_pixels_grad(Case& c) {
  const int b = pick(0, 3), h = pick(1, 12), w = pick(1, 40), n = b * h * w;
  return cpcdr_project_pixels_grad(c.floats(2 * n), c.floats(n), c.floats(12 * b), pick(0, 3) ? c.floats(n) : nullptr,
                                   pick(0, 3) ? c.floats(12 * b) : nullptr, c.sizes({b, h, w}), 1e-3f);
}
inline int32_t photometric_error(Case& c) {
  const int t = pick(1, 2), n = t * pick(1, 2), h = pick(2, 12), w = pick(2, 40), k = pick(1, 4), each = h * w * k;
  return cpcdr_photometric_error(c.floats(n * each), c.floats(t * each), c.floats(n * h * w), c.sizes({n, t, h, w, k}),
                                 0.85f);
}
inline int32_t photometric_error_grad(Case& c) {
  const int t = pick(1, 2), n = t * pick(1, 2), h = pick(2, 12), w = pick(2, 40), k = pick(1, 4), each = h * w * k;
  return cpcdr_photometric_error_grad(c.floats(n * h * w), c.floats(n * each), c.floats(t * each), c.floats(n * each),
                                      c.sizes({n, t, h, w, k}), 0.85f);
}
inline int32_t align_motion(Case& c) {
  const int b = pick(1, 2), h = pick(1, 12), w = pick(1, 40), n = b * h * w;
  return cpcdr_align_motion(c.floats(n), c.floats(n), c.floats(n), c.floats(9 * b), c.floats(12 * b), c.floats(12 * b),
                            c.sizes({b, h, w, pick(1, 4)}), 0.1f, 1e-3f);
}
inline int32_t alignment_error(Case& c) {
  const int b = pick(1, 2), h = pick(1, 12), w = pick(1, 40), n = b * h * w;
  return cpcdr_alignment_error(c.floats(n), c.floats(n), c.floats(n), c.floats(9 * b), c.floats(12 * b), c.floats(b),
                               c.sizes({b, h, w}), 0.1f);
}

}  // namespace fuzz
#endif
