/* Where pixels of known inverse depth lie in another view, and the gradients of those positions. */
#include "../dispatch.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

struct Frames {
  int count, height, width;

  explicit Frames(const int32_t* s) : count(s[0]), height(s[1]), width(s[2]) {}
  bool valid() const { return count >= 0 && height > 0 && width > 0; }
  int64_t pixels() const { return int64_t{height} * width; }
};

/* A 3x4 projection of the pixels (x, y, 1, d) of one row, d their inverse depths: what y and 1 give is the same for all. */
struct Projection {
  float slope[3], start[3], shift[3];

  Projection(const float* matrix, int y) {
    for (int r = 0; r < 3; r++) {
      slope[r] = matrix[4 * r];
      start[r] = matrix[4 * r + 1] * static_cast<float>(y) + matrix[4 * r + 2];
      shift[r] = matrix[4 * r + 3];
    }
  }
  float at(int r, int x, float d) const { return slope[r] * static_cast<float>(x) + start[r] + shift[r] * d; }
};

inline float at_least(float z, float least) { return z < least ? least : z; }

void project_row(const Projection& of, int width, float least, const float* disparity, float* positions) {
  for (int x = 0; x < width; x++) {
    const float d = disparity[x], inverse = 1 / at_least(of.at(2, x, d), least);
    positions[2 * x] = of.at(0, x, d) * inverse;
    positions[2 * x + 1] = of.at(1, x, d) * inverse;
  }
}

/* What the three projected numbers of pixel x are to be changed by. */
struct Slopes {
  float of[3];
};

inline Slopes slopes_at(const Projection& of, int x, float least, float d, const float* dy) {
  const float z = of.at(2, x, d), inverse = 1 / at_least(z, least);
  const float right = dy[2 * x] * inverse, down = dy[2 * x + 1] * inverse;
  const float along = -(right * of.at(0, x, d) + down * of.at(1, x, d)) * inverse;
  return {{right, down, z < least ? 0 : along}};
}

void disparity_row(const Projection& of, int width, float least, const float* disparity, const float* dy, float* out) {
  for (int x = 0; x < width; x++) {
    const Slopes slopes = slopes_at(of, x, least, disparity[x], dy);
    out[x] = slopes.of[0] * of.shift[0] + slopes.of[1] * of.shift[1] + slopes.of[2] * of.shift[2];
  }
}

/* Sums along a row of the slopes, and of them times x and d, in lanes that a vector holds. */
struct RowSums {
  static constexpr int kLanes = 16;
  float plain[3][kLanes] = {}, by_x[3][kLanes] = {}, by_d[3][kLanes] = {};

  void add(int lane, const Slopes& slopes, int x, float d) {
    for (int r = 0; r < 3; r++) {
      plain[r][lane] += slopes.of[r];
      by_x[r][lane] += slopes.of[r] * static_cast<float>(x);
      by_d[r][lane] += slopes.of[r] * d;
    }
  }
};

double total(const float (&lanes)[RowSums::kLanes]) {
  double sum = 0;
  for (const float lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

void projection_image(const Frames& s, const float* matrix, float least, const float* disparity, const float* dy,
                      float* out) {
  double sums[12] = {};
  for (int y = 0; y < s.height; y++) {
    const Projection of(matrix, y);
    const int64_t row = int64_t{y} * s.width;
    RowSums lanes;
    int x = 0;
    for (; x + RowSums::kLanes <= s.width; x += RowSums::kLanes) {
      for (int lane = 0; lane < RowSums::kLanes; lane++) {
        const float d = disparity[row + x + lane];
        lanes.add(lane, slopes_at(of, x + lane, least, d, dy + 2 * row), x + lane, d);
      }
    }
    for (; x < s.width; x++) {
      const float d = disparity[row + x];
      lanes.add(x % RowSums::kLanes, slopes_at(of, x, least, d, dy + 2 * row), x, d);
    }
    for (int r = 0; r < 3; r++) {
      const double plain = total(lanes.plain[r]);
      sums[4 * r] += total(lanes.by_x[r]);
      sums[4 * r + 1] += plain * y;
      sums[4 * r + 2] += plain;
      sums[4 * r + 3] += total(lanes.by_d[r]);
    }
  }
  for (int i = 0; i < 12; i++) out[i] = static_cast<float>(sums[i]);
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_project_pixels,
             (const float* disparity, const float* projection, float* positions, const int32_t* sizes, float least),
             (disparity, projection, positions, sizes, least)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!disparity || !projection || !positions || !sizes) {
    return fail(CPCDR_INVALID_ARGUMENT, "project_pixels: null pointer");
  }
  const Frames frames(sizes);
  if (!frames.valid()) return fail(CPCDR_INVALID_ARGUMENT, "project_pixels: sizes out of range");
  constexpr int kRows = 16;
  parallel_for(int64_t{frames.count} * frames.height, kRows, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const Projection of(projection + row / frames.height * 12, static_cast<int>(row % frames.height));
      const int64_t first = row * frames.width;
      project_row(of, frames.width, least, disparity + first, positions + 2 * first);
    }
  });
  return CPCDR_OK;
}

CPCDR_KERNEL(cpcdr_project_pixels_grad,
             (const float* dy, const float* disparity, const float* projection, float* ddisparity, float* dprojection,
              const int32_t* sizes, float least),
             (dy, disparity, projection, ddisparity, dprojection, sizes, least)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!dy || !disparity || !projection || !sizes) {
    return fail(CPCDR_INVALID_ARGUMENT, "project_pixels_grad: null pointer");
  }
  const Frames frames(sizes);
  if (!frames.valid()) return fail(CPCDR_INVALID_ARGUMENT, "project_pixels_grad: sizes out of range");
  parallel_for(frames.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; n++) {
      const float *const matrix = projection + 12 * n, *const of_image = disparity + n * frames.pixels();
      const float* const dy_image = dy + 2 * n * frames.pixels();
      for (int y = 0; ddisparity && y < frames.height; y++) {
        const int64_t row = int64_t{y} * frames.width;
        disparity_row(Projection(matrix, y), frames.width, least, of_image + row, dy_image + 2 * row,
                      ddisparity + n * frames.pixels() + row);
      }
      if (dprojection) projection_image(frames, matrix, least, of_image, dy_image, dprojection + 12 * n);
    }
  });
  return CPCDR_OK;
}
