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

  /* Offsets in an image are int32. */
  bool valid() const {
    return batch >= 0 && height > 0 && width > 0 && channels > 0 && out_height >= 0 && out_width >= 0 &&
           image() <= INT32_MAX;
  }
  int64_t image() const { return int64_t{height} * width * channels; }
  int64_t positions() const { return int64_t{out_height} * out_width; }
};

/* Four neighbours of a position as offsets in the image, their weights, and where it still moves. */
struct Corners {
  int32_t at[4];   /* of those outside, some pixel inside */
  float weight[4]; /* 0 of those outside where zeros pad */
  float inside[4]; /* 1, or 0 of those outside where zeros pad */
  float fx, fy;
  bool moves_x, moves_y;
};

/* Neither branches nor reads out of range whatever the position, NaN among it. */
template <bool kZeros>
inline Corners corners_of(const Sampling& s, float x, float y) {
  Corners k;
  const float right = static_cast<float>(s.width - 1), bottom = static_cast<float>(s.height - 1);
  k.moves_x = kZeros || (x > 0 && x < right);
  k.moves_y = kZeros || (y > 0 && y < bottom);
  /* Farther than 2 outside nothing changes any more; the comparison also sends NaN there. */
  const float margin = kZeros ? 2 : 0;
  x = x > -margin ? std::min(x, right + margin) : -margin;
  y = y > -margin ? std::min(y, bottom + margin) : -margin;
  const float floor_x = std::floor(x), floor_y = std::floor(y);
  k.fx = x - floor_x;
  k.fy = y - floor_y;
  const int x0 = static_cast<int>(floor_x), y0 = static_cast<int>(floor_y);
  const float wx[2] = {1 - k.fx, k.fx}, wy[2] = {1 - k.fy, k.fy};
  for (int j = 0; j < 2; j++) {
    const int row = std::max(0, std::min(y0 + j, s.height - 1));
    for (int i = 0; i < 2; i++) {
      const int column = std::max(0, std::min(x0 + i, s.width - 1));
      const bool inside = !kZeros || (row == y0 + j && column == x0 + i);
      k.at[2 * j + i] = (row * s.width + column) * s.channels;
      k.inside[2 * j + i] = inside ? 1.0f : 0.0f;
      k.weight[2 * j + i] = inside ? wx[i] * wy[j] : 0.0f;
    }
  }
  return k;
}

/* Calls body with the number of channels as a constant where it is a common small one. */
template <typename Body>
void for_channels(int channels, const Body& body) {
  switch (channels) {
    case 1: return body([] { return 1; });
    case 2: return body([] { return 2; });
    case 3: return body([] { return 3; });
    default: return body([channels] { return channels; });
  }
}

template <bool kZeros>
void sample(const Sampling& s, const float* x, const float* grid, float* y) {
  for_channels(s.channels, [&](auto channels) {
    parallel_for(s.batch * s.positions(), 512, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        const float* image = x + i / s.positions() * s.image();
        const Corners k = corners_of<kZeros>(s, grid[2 * i], grid[2 * i + 1]);
        float* out = y + i * channels();
        for (int c = 0; c < channels(); c++) {
          out[c] = k.weight[0] * image[k.at[0] + c] + k.weight[1] * image[k.at[1] + c] +
                   k.weight[2] * image[k.at[2] + c] + k.weight[3] * image[k.at[3] + c];
        }
      }
    });
  });
}

template <bool kZeros>
void grid_grad(const Sampling& s, const float* dy, const float* x, const float* grid, float* dgrid) {
  for_channels(s.channels, [&](auto channels) {
    parallel_for(s.batch * s.positions(), 512, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        const float *image = x + i / s.positions() * s.image(), *from = dy + i * channels();
        const Corners k = corners_of<kZeros>(s, grid[2 * i], grid[2 * i + 1]);
        float dot[4] = {};
        for (int c = 0; c < channels(); c++) {
          for (int corner = 0; corner < 4; corner++) dot[corner] += from[c] * image[k.at[corner] + c];
        }
        for (int corner = 0; corner < 4; corner++) dot[corner] *= k.inside[corner];
        const float along_x = (dot[1] - dot[0]) * (1 - k.fy) + (dot[3] - dot[2]) * k.fy;
        const float along_y = (dot[2] - dot[0]) * (1 - k.fx) + (dot[3] - dot[1]) * k.fx;
        dgrid[2 * i] = k.moves_x ? along_x : 0;
        dgrid[2 * i + 1] = k.moves_y ? along_y : 0;
      }
    });
  });
}

/* One task an image, so that shares add up in one order. */
template <bool kZeros>
void image_grad(const Sampling& s, const float* dy, const float* grid, float* dx) {
  for_channels(s.channels, [&](auto channels) {
    parallel_for(s.batch, 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; n++) {
        float* image = dx + n * s.image();
        std::fill_n(image, s.image(), 0.0f);
        for (int64_t i = n * s.positions(); i < (n + 1) * s.positions(); i++) {
          const Corners k = corners_of<kZeros>(s, grid[2 * i], grid[2 * i + 1]);
          const float* from = dy + i * channels();
          for (int corner = 0; corner < 4; corner++) {
            for (int c = 0; c < channels(); c++) image[k.at[corner] + c] += from[c] * k.weight[corner];
          }
        }
      }
    });
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
  if (!sampling.valid()) return fail(CPCDR_INVALID_ARGUMENT, "grid_sample: size below 1 or image too large");
  if (sampling.zeros) sample<true>(sampling, x, grid, y);
  else sample<false>(sampling, x, grid, y);
  return CPCDR_OK;
}

CPCDR_KERNEL(cpcdr_grid_sample_grad,
             (const float* dy, const float* x, const float* grid, float* dx, float* dgrid, const int32_t* sizes),
             (dy, x, grid, dx, dgrid, sizes)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!dy || !x || !grid || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "grid_sample_grad: null pointer");
  const Sampling sampling(sizes);
  if (!sampling.valid()) return fail(CPCDR_INVALID_ARGUMENT, "grid_sample_grad: size below 1 or image too large");
  if (dgrid && sampling.zeros) grid_grad<true>(sampling, dy, x, grid, dgrid);
  else if (dgrid) grid_grad<false>(sampling, dy, x, grid, dgrid);
  if (dx && sampling.zeros) image_grad<true>(sampling, dy, grid, dx);
  else if (dx) image_grad<false>(sampling, dy, grid, dx);
  return CPCDR_OK;
}
