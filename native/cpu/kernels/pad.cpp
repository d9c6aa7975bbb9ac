/* Padding of an image NHWC, constant, reflected or mirrored, and its gradient. */
#include <algorithm>

#include "../dispatch.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

/* The source index of padded position i, or -1 for the constant. offset is 1 for reflect, 0 for symmetric. */
int source_index(int i, int before, int size, int mode) {
  int at = i - before;
  if (at >= 0 && at < size) return at;
  if (mode == 0) return -1;
  const int skip = mode == 1 ? 1 : 0;
  return at < 0 ? -at - 1 + skip : 2 * size - 1 - at - skip;
}

struct Pad {
  int batch, height, width, channels, top, bottom, left, right, mode;

  explicit Pad(const int32_t* s)
      : batch(s[0]), height(s[1]), width(s[2]), channels(s[3]), top(s[4]), bottom(s[5]), left(s[6]), right(s[7]),
        mode(s[8]) {}

  /* What is wrong with the sizes, or null. */
  const char* fault() const {
    if (batch < 0 || height < 1 || width < 1 || channels < 1) return "pad: size below 1";
    if (mode < 0 || mode > 2) return "pad: unknown mode";
    if (std::min(std::min(top, bottom), std::min(left, right)) < 0) return "pad: negative padding";
    const int skip = mode == 1 ? 1 : 0;
    if (mode > 0 && (std::max(top, bottom) > height - skip || std::max(left, right) > width - skip)) {
      return "pad: padding wider than what it mirrors";
    }
    return nullptr;
  }
  int out_height() const { return top + height + bottom; }
  int64_t row() const { return int64_t{width} * channels; }
  int64_t out_row() const { return int64_t{left + width + right} * channels; }
};

/* Calls visit(padding column, the image column that it shows or -1). */
template <typename Visit>
void for_side_columns(const Pad& pad, const Visit& visit) {
  for (int c = 0; c < pad.left; c++) visit(c, source_index(c, pad.left, pad.width, pad.mode));
  for (int c = pad.left + pad.width; c < pad.left + pad.width + pad.right; c++) {
    visit(c, source_index(c, pad.left, pad.width, pad.mode));
  }
}

void pad_images(const Pad& pad, const float* x, float* y, float value) {
  parallel_for(int64_t{pad.batch} * pad.out_height(), 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int row = source_index(static_cast<int>(i % pad.out_height()), pad.top, pad.height, pad.mode);
      float* out = y + i * pad.out_row();
      if (row < 0) {
        std::fill_n(out, pad.out_row(), value);
        continue;
      }
      const float* from = x + (i / pad.out_height() * pad.height + row) * pad.row();
      std::copy_n(from, pad.row(), out + int64_t{pad.left} * pad.channels);
      for_side_columns(pad, [&](int c, int source) {
        float* to = out + int64_t{c} * pad.channels;
        if (source < 0) std::fill_n(to, pad.channels, value);
        else std::copy_n(from + int64_t{source} * pad.channels, pad.channels, to);
      });
    }
  });
}

/* A row of dx gathers from the padded rows that show it, in their order. */
void pad_grad(const Pad& pad, const float* dy, float* dx) {
  parallel_for(int64_t{pad.batch} * pad.height, 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      float* to = dx + i * pad.row();
      std::fill_n(to, pad.row(), 0.0f);
      for (int row = 0; row < pad.out_height(); row++) {
        if (source_index(row, pad.top, pad.height, pad.mode) != i % pad.height) continue;
        const float* from = dy + (i / pad.height * pad.out_height() + row) * pad.out_row();
        const float* inner = from + int64_t{pad.left} * pad.channels;
        for (int64_t k = 0; k < pad.row(); k++) to[k] += inner[k];
        for_side_columns(pad, [&](int c, int source) {
          if (source < 0) return;
          for (int k = 0; k < pad.channels; k++) to[source * pad.channels + k] += from[c * pad.channels + k];
        });
      }
    }
  });
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_pad, (const float* x, float* y, const int32_t* sizes, float value), (x, y, sizes, value)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!x || !y || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "pad: null pointer");
  const Pad pad(sizes);
  if (const char* fault = pad.fault()) return fail(CPCDR_INVALID_ARGUMENT, fault);
  pad_images(pad, x, y, value);
  return CPCDR_OK;
}

CPCDR_KERNEL(cpcdr_pad_grad, (const float* dy, float* dx, const int32_t* sizes), (dy, dx, sizes)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!dy || !dx || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "pad_grad: null pointer");
  const Pad pad(sizes);
  if (const char* fault = pad.fault()) return fail(CPCDR_INVALID_ARGUMENT, fault);
  pad_grad(pad, dy, dx);
  return CPCDR_OK;
}
