/* Bilinear and nearest resizing NHWC with TensorFlow's three conventions of pixel positions. */
#include <algorithm>
#include <cmath>

#include "../dispatch.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

struct Resize {
  int batch, height, width, channels, out_height, out_width;
  bool align_corners, half_pixel;

  explicit Resize(const int32_t* s)
      : batch(s[0]), height(s[1]), width(s[2]), channels(s[3]), out_height(s[4]), out_width(s[5]),
        align_corners(s[6] != 0), half_pixel(s[7] != 0) {}

  bool valid() const {
    return batch >= 0 && height > 0 && width > 0 && channels > 0 && out_height > 0 && out_width > 0;
  }

  float scale(int in, int out) const {
    return align_corners && out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                                    : static_cast<float>(in) / static_cast<float>(out);
  }
};

/* The two source pixels of an output pixel and the weight of the second. */
struct Tap {
  int low, high;
  float weight;
};

Tap tap_at(const Resize& resize, int index, int in, int out) {
  const float step = resize.scale(in, out);
  const float at = resize.half_pixel ? (static_cast<float>(index) + 0.5f) * step - 0.5f
                                     : static_cast<float>(index) * step;
  const float clamped = std::max(0.0f, at);
  const int low = std::min(in - 1, static_cast<int>(std::floor(clamped)));
  const int high = std::min(in - 1, static_cast<int>(std::ceil(clamped)));
  return {low, high, at - static_cast<float>(std::floor(at)) > 0 && at > 0 ? clamped - static_cast<float>(low) : 0};
}

void bilinear(const Resize& r, const float* x, float* y) {
  parallel_for(int64_t{r.batch} * r.out_height, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const float* image = x + i / r.out_height * r.height * r.width * r.channels;
      const Tap v = tap_at(r, static_cast<int>(i % r.out_height), r.height, r.out_height);
      const float* upper = image + int64_t{v.low} * r.width * r.channels;
      const float* lower = image + int64_t{v.high} * r.width * r.channels;
      float* out = y + i * r.out_width * r.channels;
      for (int ox = 0; ox < r.out_width; ox++, out += r.channels) {
        const Tap h = tap_at(r, ox, r.width, r.out_width);
        const int a = h.low * r.channels, b = h.high * r.channels;
        for (int c = 0; c < r.channels; c++) {
          const float top = upper[a + c] + (upper[b + c] - upper[a + c]) * h.weight;
          const float bottom = lower[a + c] + (lower[b + c] - lower[a + c]) * h.weight;
          out[c] = top + (bottom - top) * v.weight;
        }
      }
    }
  });
}

/* One task an image, so that shares add up in one order. */
void bilinear_grad(const Resize& r, const float* dy, float* dx) {
  parallel_for(r.batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; n++) {
      float* image = dx + n * r.height * r.width * r.channels;
      std::fill_n(image, int64_t{r.height} * r.width * r.channels, 0.0f);
      const float* from = dy + n * r.out_height * r.out_width * r.channels;
      for (int oy = 0; oy < r.out_height; oy++) {
        const Tap v = tap_at(r, oy, r.height, r.out_height);
        float* upper = image + int64_t{v.low} * r.width * r.channels;
        float* lower = image + int64_t{v.high} * r.width * r.channels;
        for (int ox = 0; ox < r.out_width; ox++, from += r.channels) {
          const Tap h = tap_at(r, ox, r.width, r.out_width);
          const int a = h.low * r.channels, b = h.high * r.channels;
          const float w00 = (1 - v.weight) * (1 - h.weight), w01 = (1 - v.weight) * h.weight;
          const float w10 = v.weight * (1 - h.weight), w11 = v.weight * h.weight;
          for (int c = 0; c < r.channels; c++) upper[a + c] += from[c] * w00;
          for (int c = 0; c < r.channels; c++) upper[b + c] += from[c] * w01;
          for (int c = 0; c < r.channels; c++) lower[a + c] += from[c] * w10;
          for (int c = 0; c < r.channels; c++) lower[b + c] += from[c] * w11;
        }
      }
    }
  });
}

int nearest_at(const Resize& r, int index, int in, int out) {
  const float step = r.scale(in, out);
  const float at = r.half_pixel ? (static_cast<float>(index) + 0.5f) * step : static_cast<float>(index) * step;
  return std::min(in - 1, static_cast<int>(r.align_corners ? std::round(at) : std::floor(at)));
}

void nearest(const Resize& r, const float* x, float* y) {
  parallel_for(int64_t{r.batch} * r.out_height, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t row = i / r.out_height * r.height +
                          nearest_at(r, static_cast<int>(i % r.out_height), r.height, r.out_height);
      float* out = y + i * r.out_width * r.channels;
      for (int ox = 0; ox < r.out_width; ox++, out += r.channels) {
        std::copy_n(x + (row * r.width + nearest_at(r, ox, r.width, r.out_width)) * r.channels, r.channels, out);
      }
    }
  });
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

#define CPCDR_RESIZE(name, from, to, call)                                                          \
  CPCDR_KERNEL(name, (const float* from, float* to, const int32_t* sizes), (from, to, sizes)) {     \
    using namespace cpcdr;                                                                          \
    using namespace cpcdr::CPCDR_ISA;                                                               \
    if (!from || !to || !sizes) return fail(CPCDR_INVALID_ARGUMENT, #name ": null pointer");        \
    const Resize resize(sizes);                                                                     \
    if (!resize.valid()) return fail(CPCDR_INVALID_ARGUMENT, #name ": size below 1");               \
    call(resize, from, to);                                                                         \
    return CPCDR_OK;                                                                                \
  }

CPCDR_RESIZE(cpcdr_resize_bilinear, x, y, bilinear)
CPCDR_RESIZE(cpcdr_resize_bilinear_grad, dy, dx, bilinear_grad)
CPCDR_RESIZE(cpcdr_resize_nearest, x, y, nearest)
