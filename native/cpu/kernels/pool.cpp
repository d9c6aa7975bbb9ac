/* Maximum and average pooling NHWC and the gradient of the maximum. */
#include <algorithm>
#include <limits>

#include "../dispatch.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

struct Pool {
  int batch, height, width, channels, out_height, out_width, filter_height, filter_width, stride_height,
      stride_width, dilation_height, dilation_width, pad_top, pad_left;

  explicit Pool(const int32_t* s)
      : batch(s[0]), height(s[1]), width(s[2]), channels(s[3]), out_height(s[4]), out_width(s[5]),
        filter_height(s[6]), filter_width(s[7]), stride_height(s[8]), stride_width(s[9]), dilation_height(s[10]),
        dilation_width(s[11]), pad_top(s[12]), pad_left(s[13]) {}

  bool valid() const {
    return batch >= 0 && height > 0 && width > 0 && channels > 0 && out_height >= 0 && out_width >= 0 &&
           filter_height > 0 && filter_width > 0 && stride_height > 0 && stride_width > 0 && dilation_height > 0 &&
           dilation_width > 0;
  }

  /* Calls visit(offset of the pixel in its image) for the image pixels under a window. */
  template <typename Visit>
  void window(int oy, int ox, const Visit& visit) const {
    for (int i = 0; i < filter_height; i++) {
      const int y = oy * stride_height - pad_top + i * dilation_height;
      if (y < 0 || y >= height) continue;
      for (int j = 0; j < filter_width; j++) {
        const int x = ox * stride_width - pad_left + j * dilation_width;
        if (x >= 0 && x < width) visit((int64_t{y} * width + x) * channels);
      }
    }
  }
};

/* Calls body(image, output row) in parallel. */
template <typename Body>
void for_rows(const Pool& pool, const Body& body) {
  parallel_for(int64_t{pool.batch} * pool.out_height, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) body(i / pool.out_height, static_cast<int>(i % pool.out_height));
  });
}

void max_pool(const Pool& pool, const float* x, float* y) {
  for_rows(pool, [&](int64_t n, int oy) {
    const float* image = x + n * pool.height * pool.width * pool.channels;
    for (int ox = 0; ox < pool.out_width; ox++) {
      float* out = y + ((n * pool.out_height + oy) * pool.out_width + ox) * pool.channels;
      std::fill_n(out, pool.channels, -std::numeric_limits<float>::infinity());
      pool.window(oy, ox, [&](int64_t at) {
        for (int c = 0; c < pool.channels; c++) {
          const float value = image[at + c];
          out[c] = value > out[c] ? value : out[c];
        }
      });
    }
  });
}

/* One task an image, so that overlapping windows add up in one order. */
void max_pool_grad(const Pool& pool, const float* dy, const float* x, float* dx) {
  const int64_t image_floats = int64_t{pool.height} * pool.width * pool.channels;
  constexpr int kChannels = 64;
  parallel_for(pool.batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; n++) {
      const float* image = x + n * image_floats;
      float* to = dx + n * image_floats;
      std::fill_n(to, image_floats, 0.0f);
      for (int oy = 0; oy < pool.out_height; oy++) {
        for (int ox = 0; ox < pool.out_width; ox++) {
          const float* from = dy + ((n * pool.out_height + oy) * pool.out_width + ox) * pool.channels;
          for (int c0 = 0; c0 < pool.channels; c0 += kChannels) {
            const int count = std::min(kChannels, pool.channels - c0);
            float best[kChannels];
            int32_t where[kChannels];
            std::fill_n(best, count, -std::numeric_limits<float>::infinity());
            std::fill_n(where, count, -1);
            pool.window(oy, ox, [&](int64_t at) {
              const float* values = image + at + c0;
              const int32_t place = static_cast<int32_t>(at);
              for (int c = 0; c < count; c++) {
                const bool larger = values[c] > best[c];
                best[c] = larger ? values[c] : best[c];
                where[c] = larger ? place : where[c];
              }
            });
            for (int c = 0; c < count; c++) {
              if (where[c] >= 0) to[where[c] + c0 + c] += from[c0 + c];
            }
          }
        }
      }
    }
  });
}

void avg_pool(const Pool& pool, const float* x, float* y) {
  for_rows(pool, [&](int64_t n, int oy) {
    const float* image = x + n * pool.height * pool.width * pool.channels;
    for (int ox = 0; ox < pool.out_width; ox++) {
      float* out = y + ((n * pool.out_height + oy) * pool.out_width + ox) * pool.channels;
      std::fill_n(out, pool.channels, 0.0f);
      int pixels = 0;
      pool.window(oy, ox, [&](int64_t at) {
        pixels++;
        for (int c = 0; c < pool.channels; c++) out[c] += image[at + c];
      });
      const float factor = 1.0f / static_cast<float>(pixels);
      for (int c = 0; c < pool.channels; c++) out[c] *= factor;
    }
  });
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

#define CPCDR_POOL(name, parameters, arguments, call)                                              \
  CPCDR_KERNEL(name, parameters, arguments) {                                                      \
    using namespace cpcdr;                                                                         \
    using namespace cpcdr::CPCDR_ISA;                                                              \
    if (!x || !sizes) return fail(CPCDR_INVALID_ARGUMENT, #name ": null pointer");                 \
    const Pool pool(sizes);                                                                        \
    if (!pool.valid()) return fail(CPCDR_INVALID_ARGUMENT, #name ": size, stride or filter below 1"); \
    call;                                                                                          \
    return CPCDR_OK;                                                                               \
  }

CPCDR_POOL(cpcdr_max_pool, (const float* x, float* y, const int32_t* sizes), (x, y, sizes), max_pool(pool, x, y))
CPCDR_POOL(cpcdr_avg_pool, (const float* x, float* y, const int32_t* sizes), (x, y, sizes), avg_pool(pool, x, y))
CPCDR_POOL(cpcdr_max_pool_grad, (const float* dy, const float* x, float* dx, const int32_t* sizes),
           (dy, x, dx, sizes), max_pool_grad(pool, dy, x, dx))
