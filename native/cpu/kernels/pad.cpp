/* Padding of an image NHWC: constant, reflected or mirrored. */
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

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_pad, (const float* x, float* y, const int32_t* sizes, float value), (x, y, sizes, value)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!x || !y || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "pad: null pointer");
  const int batch = sizes[0], height = sizes[1], width = sizes[2], channels = sizes[3];
  const int top = sizes[4], bottom = sizes[5], left = sizes[6], right = sizes[7], mode = sizes[8];
  if (batch < 0 || height < 1 || width < 1 || channels < 1 || mode < 0 || mode > 2) {
    return fail(CPCDR_INVALID_ARGUMENT, "pad: size below 1 or unknown mode");
  }
  if (std::min(std::min(top, bottom), std::min(left, right)) < 0) {
    return fail(CPCDR_INVALID_ARGUMENT, "pad: negative padding");
  }
  const int skip = mode == 1 ? 1 : 0;
  if (mode > 0 && (std::max(top, bottom) > height - skip || std::max(left, right) > width - skip)) {
    return fail(CPCDR_INVALID_ARGUMENT, "pad: padding wider than what it mirrors");
  }
  const int out_height = top + height + bottom, out_width = left + width + right;
  parallel_for(int64_t{batch} * out_height, 8, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int row = source_index(static_cast<int>(i % out_height), top, height, mode);
      float* out = y + i * out_width * channels;
      if (row < 0) {
        std::fill_n(out, int64_t{out_width} * channels, value);
        continue;
      }
      const float* from = x + (i / out_height * height + row) * width * channels;
      std::copy_n(from, int64_t{width} * channels, out + int64_t{left} * channels);
      for (int c = 0; c < out_width; c++) {
        if (c == left) c += width;
        if (c >= out_width) break;
        const int column = source_index(c, left, width, mode);
        float* to = out + int64_t{c} * channels;
        if (column < 0) std::fill_n(to, channels, value);
        else std::copy_n(from + int64_t{column} * channels, channels, to);
      }
    }
  });
  return CPCDR_OK;
}
