/* Structural similarity over 3x3 windows of images NHWC with a mirrored border, and its gradient. */
#include <algorithm>
#include <atomic>

#include "../dispatch.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

constexpr float kC1 = 0.01f * 0.01f, kC2 = 0.03f * 0.03f;

struct Images {
  int count, targets, height, width, channels;

  explicit Images(const int32_t* s) : count(s[0]), targets(s[1]), height(s[2]), width(s[3]), channels(s[4]) {}

  bool valid() const {
    return count >= 0 && targets > 0 && count % targets == 0 && height > 1 && width > 1 && channels > 0;
  }
  int64_t row() const { return int64_t{width} * channels; }
  int64_t image() const { return height * row(); }
};

/* Sums over the window of one row of pixels: a, b, a^2 + b^2 and ab, each with a mirrored pixel at both ends. */
struct Sums {
  float *a, *b, *squares, *product;

  static int64_t floats(const Images& s) { return 4 * (s.row() + 2 * s.channels); }
  Sums(const Images& s, float* memory) {
    const int64_t stride = s.row() + 2 * s.channels;
    a = memory + s.channels;
    b = a + stride;
    squares = b + stride;
    product = squares + stride;
  }
};

void mirror_ends(const Images& s, float* sums) {
  const int c = s.channels;
  const int64_t row = s.row();
  std::copy_n(sums + c, c, sums - c);
  std::copy_n(sums + row - 2 * c, c, sums + row);
}

/* Sums of three rows, column by column; the border's neighbour is the row on its other side. */
void sum_rows(const Images& s, const float* a, const float* b, int y, const Sums& sums) {
  const int64_t row = s.row();
  const int above = y > 0 ? y - 1 : 1, below = y < s.height - 1 ? y + 1 : s.height - 2;
  const float *a0 = a + above * row, *a1 = a + y * row, *a2 = a + below * row;
  const float *b0 = b + above * row, *b1 = b + y * row, *b2 = b + below * row;
  for (int64_t i = 0; i < row; i++) {
    sums.a[i] = a0[i] + a1[i] + a2[i];
    sums.b[i] = b0[i] + b1[i] + b2[i];
    sums.squares[i] =
        a0[i] * a0[i] + a1[i] * a1[i] + a2[i] * a2[i] + (b0[i] * b0[i] + b1[i] * b1[i] + b2[i] * b2[i]);
    sums.product[i] = a0[i] * b0[i] + a1[i] * b1[i] + a2[i] * b2[i];
  }
  for (float* ends : {sums.a, sums.b, sums.squares, sums.product}) mirror_ends(s, ends);
}

/* Factors of the similarity n1 n2 / (d1 d2) of one window. */
struct Factors {
  float a, b, n1, n2, d1, d2;
};

inline Factors factors_at(const Sums& sums, int64_t i, int c) {
  const auto mean = [&](const float* v) { return (v[i - c] + v[i] + v[i + c]) * (1.0f / 9); };
  Factors f;
  f.a = mean(sums.a);
  f.b = mean(sums.b);
  const float squares = f.a * f.a + f.b * f.b, product = f.a * f.b;
  f.n1 = 2 * product + kC1;
  f.n2 = 2 * (mean(sums.product) - product) + kC2;
  f.d1 = squares + kC1;
  f.d2 = mean(sums.squares) - squares + kC2;
  return f;
}

void similarity(const Images& s, const float* a, const float* b, float* y, float* memory) {
  const Sums sums(s, memory);
  for (int r = 0; r < s.height; r++) {
    sum_rows(s, a, b, r, sums);
    float* out = y + r * s.row();
    for (int64_t i = 0; i < s.row(); i++) {
      const Factors f = factors_at(sums, i, s.channels);
      out[i] = f.n1 * f.n2 / (f.d1 * f.d2);
    }
  }
}

/*
 * Adds up what every window gives its pixels: the transpose of the mirrored 3x3 sum, of image `from` into
 * `row` for line y. `down` holds the column sums.
 */
void spread(const Images& s, const float* from, int y, float* down, float* row) {
  const int64_t n = s.row();
  const int c = s.channels;
  std::copy_n(from + y * n, n, down);
  const auto add_row = [&](int r) {
    for (int64_t i = 0; i < n; i++) down[i] += from[r * n + i];
  };
  if (y > 0) add_row(y - 1);
  if (y < s.height - 1) add_row(y + 1);
  if (y == 1) add_row(0);
  if (y == s.height - 2) add_row(s.height - 1);
  std::copy_n(down, n, row);
  for (int64_t i = c; i < n; i++) row[i] += down[i - c];
  for (int64_t i = 0; i < n - c; i++) row[i] += down[i + c];
  for (int i = 0; i < c; i++) {
    row[c + i] += down[i];
    row[n - 2 * c + i] += down[n - c + i];
  }
}

/*
 * With g the gradient of a window's similarity S, and its derivatives by the means of a, a^2 and ab,
 *   dS/da = 2 b (n2 - n1) / (d1 d2) - 2 a S (1/d1 - 1/d2),  dS/da^2 = -S / d2,  dS/dab = 2 n1 / (d1 d2),
 * a pixel's gradient is the sum over its windows of g (dS/da + 2 a dS/da^2 + b dS/dab) / 9.
 */
void similarity_grad(const Images& s, const float* dy, const float* a, const float* b, float* da, float* memory) {
  const int64_t row = s.row(), image = s.image();
  const Sums sums(s, memory);
  float *by_mean = memory + Sums::floats(s), *by_square = by_mean + image, *by_product = by_square + image;
  float *down = by_product + image, *mean = down + row, *square = mean + row, *product = square + row;
  for (int r = 0; r < s.height; r++) {
    sum_rows(s, a, b, r, sums);
    for (int64_t i = 0; i < row; i++) {
      const Factors f = factors_at(sums, i, s.channels);
      const float g = dy[r * row + i] * (1.0f / 9), inverse = 1 / (f.d1 * f.d2), ssim = f.n1 * f.n2 * inverse;
      const int64_t at = r * row + i;
      by_mean[at] = g * (2 * f.b * (f.n2 - f.n1) * inverse - 2 * f.a * ssim * (f.d2 - f.d1) * inverse);
      by_square[at] = -g * ssim * f.d1 * inverse;
      by_product[at] = g * 2 * f.n1 * inverse;
    }
  }
  for (int r = 0; r < s.height; r++) {
    spread(s, by_mean, r, down, mean);
    spread(s, by_square, r, down, square);
    spread(s, by_product, r, down, product);
    for (int64_t i = 0; i < row; i++) {
      const int64_t at = r * row + i;
      da[at] = mean[i] + 2 * a[at] * square[i] + b[at] * product[i];
    }
  }
}

/* Runs body(image, target, memory) for every image; false when there is no memory. */
template <typename Body>
bool for_images(const Images& s, int64_t floats, const Body& body) {
  std::atomic<bool> done{true};
  parallel_for(s.count, 1, [&](int64_t begin, int64_t end) {
    float* memory = workspace(0, static_cast<size_t>(floats));
    if (!memory) {
      done = false;
      return;
    }
    for (int64_t n = begin; n < end; n++) body(n * s.image(), n % s.targets * s.image(), memory);
  });
  return done;
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_ssim, (const float* a, const float* b, float* y, const int32_t* sizes), (a, b, y, sizes)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!a || !b || !y || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "ssim: null pointer");
  const Images images(sizes);
  if (!images.valid()) return fail(CPCDR_INVALID_ARGUMENT, "ssim: sizes out of range");
  const bool done = for_images(images, Sums::floats(images), [&](int64_t image, int64_t target, float* memory) {
    similarity(images, a + image, b + target, y + image, memory);
  });
  return done ? CPCDR_OK : fail(CPCDR_OUT_OF_MEMORY, "ssim: out of memory");
}

CPCDR_KERNEL(cpcdr_ssim_grad,
             (const float* dy, const float* a, const float* b, float* da, const int32_t* sizes),
             (dy, a, b, da, sizes)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!dy || !a || !b || !da || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "ssim_grad: null pointer");
  const Images images(sizes);
  if (!images.valid()) return fail(CPCDR_INVALID_ARGUMENT, "ssim_grad: sizes out of range");
  const int64_t floats = Sums::floats(images) + 3 * images.image() + 4 * images.row();
  const bool done = for_images(images, floats, [&](int64_t image, int64_t target, float* memory) {
    similarity_grad(images, dy + image, a + image, b + target, da + image, memory);
  });
  return done ? CPCDR_OK : fail(CPCDR_OUT_OF_MEMORY, "ssim_grad: out of memory");
}
