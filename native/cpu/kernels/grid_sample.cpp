/* Bilinear sampling of an image NHWC at positions in pixels, and its gradients. */
#include <algorithm>
#include <cmath>

#include "../dispatch.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

struct Sampling {
  int batch, height, width, channels, out_height, out_width;
  bool zeros;

  explicit Sampling(const int32_t* s)
      : batch(s[0]), height(s[1]), width(s[2]), channels(s[3]), out_height(s[4]), out_width(s[5]), zeros(s[6] != 0) {}

  bool valid() const {
    return batch >= 0 && height > 0 && width > 0 && channels > 0 && out_height >= 0 && out_width >= 0;
  }
  int64_t image() const { return int64_t{height} * width * channels; }
  int64_t positions() const { return int64_t{out_height} * out_width; }
};

/* Four neighbours of a position, their weights, and whether the position still moves with the grid. */
struct Corners {
  int64_t at[4]; /* -1 outside, which counts as zero */
  float weight[4];
  float fx, fy;
  bool moves_x, moves_y;
};

Corners corners_of(const Sampling& s, float x, float y) {
  Corners k;
  k.moves_x = k.moves_y = true;
  if (!s.zeros) {
    k.moves_x = x > 0 && x < static_cast<float>(s.width - 1);
    k.moves_y = y > 0 && y < static_cast<float>(s.height - 1);
    /* The comparison also sends NaN to 0. */
    x = x > 0 ? std::min(x, static_cast<float>(s.width - 1)) : 0;
    y = y > 0 ? std::min(y, static_cast<float>(s.height - 1)) : 0;
  } else {
    /* Far positions are zero anyway; the bound keeps the conversion to integers defined. */
    x = x > -2 ? std::min(x, static_cast<float>(s.width + 1)) : -2;
    y = y > -2 ? std::min(y, static_cast<float>(s.height + 1)) : -2;
  }
  const float floor_x = std::floor(x), floor_y = std::floor(y);
  const int x0 = static_cast<int>(floor_x), y0 = static_cast<int>(floor_y);
  k.fx = x - floor_x;
  k.fy = y - floor_y;
  const float wx[2] = {1 - k.fx, k.fx}, wy[2] = {1 - k.fy, k.fy};
  for (int j = 0; j < 2; j++) {
    for (int i = 0; i < 2; i++) {
      int xx = x0 + i, yy = y0 + j;
      const bool inside = xx >= 0 && xx < s.width && yy >= 0 && yy < s.height;
      if (!inside && !s.zeros) {
        xx = std::min(xx, s.width - 1);
        yy = std::min(yy, s.height - 1);
      }
      k.at[2 * j + i] = inside || !s.zeros ? (int64_t{yy} * s.width + xx) * s.channels : -1;
      k.weight[2 * j + i] = wx[i] * wy[j];
    }
  }
  return k;
}

void sample(const Sampling& s, const float* x, const float* grid, float* y) {
  parallel_for(s.batch * s.positions(), 512, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const float* image = x + i / s.positions() * s.image();
      const Corners k = corners_of(s, grid[2 * i], grid[2 * i + 1]);
      float* out = y + i * s.channels;
      std::fill_n(out, s.channels, 0.0f);
      for (int corner = 0; corner < 4; corner++) {
        if (k.at[corner] < 0) continue;
        for (int c = 0; c < s.channels; c++) out[c] += k.weight[corner] * image[k.at[corner] + c];
      }
    }
  });
}

/* One task an image, so that shares add up in one order. */
void sample_grad(const Sampling& s, const float* dy, const float* x, const float* grid, float* dx, float* dgrid) {
  parallel_for(s.batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; n++) {
      const float* image = x + n * s.image();
      float* image_grad = dx ? dx + n * s.image() : nullptr;
      if (image_grad) std::fill_n(image_grad, s.image(), 0.0f);
      for (int64_t i = n * s.positions(); i < (n + 1) * s.positions(); i++) {
        const Corners k = corners_of(s, grid[2 * i], grid[2 * i + 1]);
        const float* from = dy + i * s.channels;
        float dot[4] = {};
        for (int corner = 0; corner < 4; corner++) {
          if (k.at[corner] < 0) continue;
          for (int c = 0; c < s.channels; c++) dot[corner] += from[c] * image[k.at[corner] + c];
          if (!image_grad) continue;
          for (int c = 0; c < s.channels; c++) image_grad[k.at[corner] + c] += from[c] * k.weight[corner];
        }
        dgrid[2 * i] = k.moves_x ? (dot[1] - dot[0]) * (1 - k.fy) + (dot[3] - dot[2]) * k.fy : 0;
        dgrid[2 * i + 1] = k.moves_y ? (dot[2] - dot[0]) * (1 - k.fx) + (dot[3] - dot[1]) * k.fx : 0;
      }
    }
  });
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_grid_sample, (const float* x, const float* grid, float* y, const int32_t* sizes),
             (x, grid, y, sizes)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!x || !grid || !y || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "grid_sample: null pointer");
  const Sampling sampling(sizes);
  if (!sampling.valid()) return fail(CPCDR_INVALID_ARGUMENT, "grid_sample: size below 1");
  sample(sampling, x, grid, y);
  return CPCDR_OK;
}

CPCDR_KERNEL(cpcdr_grid_sample_grad,
             (const float* dy, const float* x, const float* grid, float* dx, float* dgrid, const int32_t* sizes),
             (dy, x, grid, dx, dgrid, sizes)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!dy || !x || !grid || !dgrid || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "grid_sample_grad: null pointer");
  const Sampling sampling(sizes);
  if (!sampling.valid()) return fail(CPCDR_INVALID_ARGUMENT, "grid_sample_grad: size below 1");
  sample_grad(sampling, dy, x, grid, dx, dgrid);
  return CPCDR_OK;
}
