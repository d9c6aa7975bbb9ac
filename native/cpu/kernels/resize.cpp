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
  return {low, high, clamped - static_cast<float>(low)};
}

/* Taps of all output rows, then of all output columns; null when memory is exhausted. */
Tap* all_taps(const Resize& r) {
  const size_t count = static_cast<size_t>(r.out_height) + static_cast<size_t>(r.out_width);
  Tap* taps = reinterpret_cast<Tap*>(workspace(0, count * sizeof(Tap) / sizeof(float)));
  if (!taps) return nullptr;
  for (int i = 0; i < r.out_height; i++) taps[i] = tap_at(r, i, r.height, r.out_height);
  for (int i = 0; i < r.out_width; i++) taps[r.out_height + i] = tap_at(r, i, r.width, r.out_width);
  return taps;
}

bool bilinear(const Resize& r, const float* x, float* y) {
  const Tap* rows = all_taps(r);
  if (!rows) return false;
  const Tap* columns = rows + r.out_height;
  parallel_for(int64_t{r.batch} * r.out_height, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const float* image = x + i / r.out_height * r.height * r.width * r.channels;
      const Tap v = rows[i % r.out_height];
      const float* upper = image + int64_t{v.low} * r.width * r.channels;
      const float* lower = image + int64_t{v.high} * r.width * r.channels;
      float* out = y + i * r.out_width * r.channels;
      for (int ox = 0; ox < r.out_width; ox++, out += r.channels) {
        const Tap h = columns[ox];
        const int a = h.low * r.channels, b = h.high * r.channels;
        for (int c = 0; c < r.channels; c++) {
          const float top = upper[a + c] + (upper[b + c] - upper[a + c]) * h.weight;
          const float bottom = lower[a + c] + (lower[b + c] - lower[a + c]) * h.weight;
          out[c] = top + (bottom - top) * v.weight;
        }
      }
    }
  });
  return true;
}

/* dx's row gathers the output rows that read it, in their order, whatever the number of threads. */
bool bilinear_grad(const Resize& r, const float* dy, float* dx) {
  const Tap* rows = all_taps(r);
  if (!rows) return false;
  const Tap* columns = rows + r.out_height;
  parallel_for(int64_t{r.batch} * r.height, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int row = static_cast<int>(i % r.height);
      float* to = dx + i * r.width * r.channels;
      std::fill_n(to, int64_t{r.width} * r.channels, 0.0f);
      for (int oy = 0; oy < r.out_height; oy++) {
        const Tap v = rows[oy];
        if (v.low != row && v.high != row) continue;
        const float share = (v.low == row ? 1 - v.weight : 0) + (v.high == row ? v.weight : 0);
        const float* from = dy + (i / r.height * r.out_height + oy) * r.out_width * r.channels;
        for (int ox = 0; ox < r.out_width; ox++, from += r.channels) {
          const Tap h = columns[ox];
          float *left = to + h.low * r.channels, *right = to + h.high * r.channels;
          const float w0 = share * (1 - h.weight), w1 = share * h.weight;
          for (int c = 0; c < r.channels; c++) left[c] += from[c] * w0;
          for (int c = 0; c < r.channels; c++) right[c] += from[c] * w1;
        }
      }
    }
  });
  return true;
}

int nearest_at(const Resize& r, int index, int in, int out) {
  const float step = r.scale(in, out);
  const float at = r.half_pixel ? (static_cast<float>(index) + 0.5f) * step : static_cast<float>(index) * step;
  return std::min(in - 1, static_cast<int>(r.align_corners ? std::round(at) : std::floor(at)));
}

/* Source rows of all output rows, then source columns of all output columns. */
int32_t* all_nearest(const Resize& r) {
  int32_t* places = reinterpret_cast<int32_t*>(
      workspace(0, static_cast<size_t>(r.out_height) + static_cast<size_t>(r.out_width)));
  if (!places) return nullptr;
  for (int i = 0; i < r.out_height; i++) places[i] = nearest_at(r, i, r.height, r.out_height);
  for (int i = 0; i < r.out_width; i++) places[r.out_height + i] = nearest_at(r, i, r.width, r.out_width);
  return places;
}

bool nearest(const Resize& r, const float* x, float* y) {
  const int32_t* rows = all_nearest(r);
  if (!rows) return false;
  const int32_t* columns = rows + r.out_height;
  parallel_for(int64_t{r.batch} * r.out_height, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const float* row = x + (i / r.out_height * r.height + rows[i % r.out_height]) * r.width * r.channels;
      float* out = y + i * r.out_width * r.channels;
      for (int ox = 0; ox < r.out_width; ox++, out += r.channels) {
        std::copy_n(row + int64_t{columns[ox]} * r.channels, r.channels, out);
      }
    }
  });
  return true;
}

bool nearest_grad(const Resize& r, const float* dy, float* dx) {
  const int32_t* rows = all_nearest(r);
  if (!rows) return false;
  const int32_t* columns = rows + r.out_height;
  parallel_for(int64_t{r.batch} * r.height, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      float* row = dx + i * r.width * r.channels;
      std::fill_n(row, int64_t{r.width} * r.channels, 0.0f);
      for (int oy = 0; oy < r.out_height; oy++) {
        if (rows[oy] != i % r.height) continue;
        const float* from = dy + (i / r.height * r.out_height + oy) * r.out_width * r.channels;
        for (int ox = 0; ox < r.out_width; ox++, from += r.channels) {
          float* to = row + int64_t{columns[ox]} * r.channels;
          for (int c = 0; c < r.channels; c++) to[c] += from[c];
        }
      }
    }
  });
  return true;
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
    if (!call(resize, from, to)) return fail(CPCDR_OUT_OF_MEMORY, #name ": no memory for positions"); \
    return CPCDR_OK;                                                                                \
  }

CPCDR_RESIZE(cpcdr_resize_bilinear, x, y, bilinear)
CPCDR_RESIZE(cpcdr_resize_bilinear_grad, dy, dx, bilinear_grad)
CPCDR_RESIZE(cpcdr_resize_nearest, x, y, nearest)
CPCDR_RESIZE(cpcdr_resize_nearest_grad, dy, dx, nearest_grad)
