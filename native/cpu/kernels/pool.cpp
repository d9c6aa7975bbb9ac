/* Maximum and average pooling NHWC and their gradients. */
#include <algorithm>
#include <cstdlib>
#include <limits>

#include "../dispatch.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

/* Columns [begin, end). */
struct Range {
  int begin, end;
};

/* Beyond it sums of positions would not hold. */
constexpr int64_t kWidestPad = 1 << 28;

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
           dilation_width > 0 && std::max(std::abs(int64_t{pad_top}), std::abs(int64_t{pad_left})) <= kWidestPad;
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

  /* The first output column whose filter column j lies at or right of column x. */
  int first_at(int j, int x) const {
    const int distance = x + pad_left - j * dilation_width;
    return distance <= 0 ? 0 : (distance + stride_width - 1) / stride_width;
  }

  /* Output columns [begin, end) whose filter column j lies in the image. */
  Range columns(int j) const {
    const int begin = std::min(out_width, first_at(j, 0));
    return {begin, std::max(begin, std::min(out_width, first_at(j, width)))};
  }

  /* Output columns whose whole window lies between the left and the right border. */
  Range inner_columns() const {
    const int begin = columns(0).begin;
    return {begin, std::max(begin, columns(filter_width - 1).end)};
  }

  int column_of(int ox, int j) const { return ox * stride_width - pad_left + j * dilation_width; }

  /* Pixels of the image under a window, rows times columns. */
  static int count(int out, int stride, int pad, int filter, int dilation, int size) {
    int pixels = 0;
    for (int k = 0; k < filter; k++) {
      const int at = out * stride - pad + k * dilation;
      pixels += at >= 0 && at < size;
    }
    return pixels;
  }
  int rows_under(int oy) const {
    return count(oy, stride_height, pad_top, filter_height, dilation_height, height);
  }
  int columns_under(int ox) const {
    return count(ox, stride_width, pad_left, filter_width, dilation_width, width);
  }

  int64_t image() const { return int64_t{height} * width * channels; }
  int64_t out_row() const { return int64_t{out_width} * channels; }
};

/*
 * f(element of an output row, element of an image row) for the output columns of a range and the pixels
 * under filter column j; at stride 1 that is one run whatever the number of channels.
 */
template <typename F>
void for_pairs(const Pool& pool, Range range, int j, const F& f) {
  const int64_t channels = pool.channels, columns = range.end - range.begin;
  const int64_t out = range.begin * channels, in = pool.column_of(range.begin, j) * channels;
  if (pool.stride_width == 1) {
    for (int64_t k = 0; k < columns * channels; k++) f(out + k, in + k);
  } else if (channels == 3) {
    const int64_t step = 3 * pool.stride_width;
    for (int64_t n = 0; n < columns; n++) {
      for (int64_t c = 0; c < 3; c++) f(out + n * 3 + c, in + n * step + c);
    }
  } else {
    const int64_t step = channels * pool.stride_width;
    for (int64_t n = 0; n < columns; n++) {
      for (int64_t c = 0; c < channels; c++) f(out + n * channels + c, in + n * step + c);
    }
  }
}

/* Calls body(image, output row) in parallel. */
template <typename Body>
void for_rows(const Pool& pool, const Body& body) {
  parallel_for(int64_t{pool.batch} * pool.out_height, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) body(i / pool.out_height, static_cast<int>(i % pool.out_height));
  });
}

/* Calls visit(image row, filter column, output columns) for the taps of an output row. */
template <typename Visit>
void for_taps(const Pool& pool, const float* image, int oy, const Visit& visit) {
  for (int i = 0; i < pool.filter_height; i++) {
    const int y = oy * pool.stride_height - pool.pad_top + i * pool.dilation_height;
    if (y < 0 || y >= pool.height) continue;
    for (int j = 0; j < pool.filter_width; j++) {
      visit(image + int64_t{y} * pool.width * pool.channels, j, pool.columns(j));
    }
  }
}

void max_pool(const Pool& pool, const float* x, float* y) {
  for_rows(pool, [&](int64_t n, int oy) {
    float* out = y + (n * pool.out_height + oy) * pool.out_row();
    std::fill_n(out, pool.out_row(), -std::numeric_limits<float>::infinity());
    for_taps(pool, x + n * pool.image(), oy, [&](const float* row, int j, Range range) {
      for_pairs(pool, range, j, [=](int64_t to, int64_t from) {
        out[to] = row[from] > out[to] ? row[from] : out[to];
      });
    });
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
    float* out = y + (n * pool.out_height + oy) * pool.out_row();
    std::fill_n(out, pool.out_row(), 0.0f);
    for_taps(pool, x + n * pool.image(), oy, [&](const float* row, int j, Range range) {
      for_pairs(pool, range, j, [=](int64_t to, int64_t from) { out[to] += row[from]; });
    });
    /* Inner columns are alike in how many pixels lie under their windows. */
    const int rows = pool.rows_under(oy);
    const Range inner = pool.inner_columns();
    for (int ox = 0, end = 0; ox < pool.out_width; ox = end) {
      end = ox == inner.begin && inner.end > ox ? inner.end : ox + 1;
      const float factor = 1.0f / static_cast<float>(rows * pool.columns_under(ox));
      for (int64_t k = int64_t{ox} * pool.channels; k < int64_t{end} * pool.channels; k++) out[k] *= factor;
    }
  });
}

/* One task some rows of dx, which gather their shares in the order of filter rows and columns. */
void avg_pool_grad(const Pool& pool, const float* dy, float* dx) {
  const float factor = 1.0f / static_cast<float>(pool.filter_height * pool.filter_width);
  parallel_for(int64_t{pool.batch} * pool.height, 4, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const int y = static_cast<int>(row % pool.height);
      float* to = dx + row * pool.width * pool.channels;
      std::fill_n(to, int64_t{pool.width} * pool.channels, 0.0f);
      for (int i = 0; i < pool.filter_height; i++) {
        const int distance = y + pool.pad_top - i * pool.dilation_height;
        const int oy = distance / pool.stride_height;
        if (distance < 0 || distance % pool.stride_height != 0 || oy >= pool.out_height) continue;
        const float* from = dy + (row / pool.height * pool.out_height + oy) * pool.out_row();
        for (int j = 0; j < pool.filter_width; j++) {
          for_pairs(pool, pool.columns(j), j, [=](int64_t out, int64_t in) { to[in] += from[out] * factor; });
        }
      }
    }
  });
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

template <typename... Pointers>
bool any_null(const Pointers*... pointers) {
  return (... || !pointers);
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

#define CPCDR_POOL(name, parameters, arguments, call)                                              \
  CPCDR_KERNEL(name, parameters, arguments) {                                                      \
    using namespace cpcdr;                                                                         \
    using namespace cpcdr::CPCDR_ISA;                                                              \
    if (any_null arguments) return fail(CPCDR_INVALID_ARGUMENT, #name ": null pointer");           \
    const Pool pool(sizes);                                                                        \
    if (!pool.valid()) return fail(CPCDR_INVALID_ARGUMENT, #name ": size, stride or filter below 1, or padding too wide"); \
    call;                                                                                          \
    return CPCDR_OK;                                                                               \
  }

CPCDR_POOL(cpcdr_max_pool, (const float* x, float* y, const int32_t* sizes), (x, y, sizes), max_pool(pool, x, y))
CPCDR_POOL(cpcdr_avg_pool, (const float* x, float* y, const int32_t* sizes), (x, y, sizes), avg_pool(pool, x, y))
CPCDR_POOL(cpcdr_max_pool_grad, (const float* dy, const float* x, float* dx, const int32_t* sizes),
           (dy, x, dx, sizes), max_pool_grad(pool, dy, x, dx))
CPCDR_POOL(cpcdr_avg_pool_grad, (const float* x, float* y, const int32_t* sizes), (x, y, sizes),
           avg_pool_grad(pool, x, y))
