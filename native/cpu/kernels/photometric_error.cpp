/*
 * Photometric error of images NHWC and its gradient: a mix of structural similarity over 3x3 windows with a mirrored
 * border and of absolute differences, the mean over channels.
 */
#include <algorithm>
#include <atomic>
#include <cmath>

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
  int64_t pixels() const { return int64_t{height} * width; }
};

/* What a pixel's error takes of each channel's 1 - SSIM and absolute difference. */
struct Shares {
  float similarity, difference;

  Shares(const Images& s, float ssim_weight)
      : similarity(ssim_weight / (2 * static_cast<float>(s.channels))),
        difference((1 - ssim_weight) / static_cast<float>(s.channels)) {}
};

/*
 * The columns of three pixels about one row of pixels, with a mirrored column at both ends: the pixel in the middle of
 * each, and of the other two, counted from it, the sums of a, b, a^2 + b^2 and (a - b)^2. Counted from 0, variances would
 * be small differences of large numbers, and lose four digits where images are smooth.
 */
struct Columns {
  float *a, *b, *sum_a, *sum_b, *squares, *apart;

  static int64_t floats(const Images& s) { return 6 * (s.row() + 2 * s.channels); }
  Columns(const Images& s, float* memory) {
    const int64_t stride = s.row() + 2 * s.channels;
    for (float** each : {&a, &b, &sum_a, &sum_b, &squares, &apart}) {
      *each = memory + s.channels;
      memory += stride;
    }
  }
};

void mirror_ends(const Images& s, float* row) {
  const int c = s.channels;
  const int64_t size = s.row();
  std::copy_n(row + c, c, row - c);
  std::copy_n(row + size - 2 * c, c, row + size);
}

/* Measures the columns about row y; the border's neighbour is the row on its other side. */
void measure_columns(const Images& s, const float* a, const float* b, int y, const Columns& columns) {
  const int64_t row = s.row();
  const int above = y > 0 ? y - 1 : 1, below = y < s.height - 1 ? y + 1 : s.height - 2;
  const float *a0 = a + above * row, *a1 = a + y * row, *a2 = a + below * row;
  const float *b0 = b + above * row, *b1 = b + y * row, *b2 = b + below * row;
  CPCDR_INDEPENDENT
  for (int64_t i = 0; i < row; i++) {
    const float up_a = a0[i] - a1[i], down_a = a2[i] - a1[i], up_b = b0[i] - b1[i], down_b = b2[i] - b1[i];
    columns.a[i] = a1[i];
    columns.b[i] = b1[i];
    columns.sum_a[i] = up_a + down_a;
    columns.sum_b[i] = up_b + down_b;
    columns.squares[i] = up_a * up_a + down_a * down_a + (up_b * up_b + down_b * down_b);
    columns.apart[i] = (up_a - up_b) * (up_a - up_b) + (down_a - down_b) * (down_a - down_b);
  }
  for (float* each : {columns.a, columns.b, columns.sum_a, columns.sum_b, columns.squares, columns.apart}) {
    mirror_ends(s, each);
  }
}

/*
 * Of one window the means of a and b, how far these are from each other and from the pixel in the middle, and the factors
 * of the similarity n1 n2 / (d1 d2). What is lacking of 1 is (e1 d2 + n1 e2) / (d1 d2), with e = d - n: as 1 - similarity
 * it would lose all digits where images are nearly the same.
 */
struct Window {
  float a, b, apart, offset_a, offset_b, n1, n2, d1, d2, e1, e2;

  float dissimilarity() const { return (e1 * d2 + n1 * e2) / (d1 * d2); }
};

/* Sums over a window, counted from its middle pixel. */
struct WindowSums {
  float a, b, squares, apart;

  /* Column j beside the middle one i, counted from i's pixel in place of its own. */
  void add(const Columns& columns, int64_t i, int64_t j) {
    const float from_a = columns.a[j] - columns.a[i], from_b = columns.b[j] - columns.b[i], from = from_a - from_b;
    const float sum_a = columns.sum_a[j], sum_b = columns.sum_b[j];
    a += sum_a + 3 * from_a;
    b += sum_b + 3 * from_b;
    squares += columns.squares[j] + from_a * (2 * sum_a + 3 * from_a) + from_b * (2 * sum_b + 3 * from_b);
    apart += columns.apart[j] + from * (2 * (sum_a - sum_b) + 3 * from);
  }
};

inline Window window_at(const Columns& columns, int64_t i, int c) {
  WindowSums sums{columns.sum_a[i], columns.sum_b[i], columns.squares[i], columns.apart[i]};
  sums.add(columns, i, i - c);
  sums.add(columns, i, i + c);
  constexpr float each = 1.0f / 9;
  Window w;
  w.offset_a = sums.a * each;
  w.offset_b = sums.b * each;
  w.a = columns.a[i] + w.offset_a;
  w.b = columns.b[i] + w.offset_b;
  const float offsets_apart = w.offset_a - w.offset_b;
  w.apart = columns.a[i] - columns.b[i] + offsets_apart;
  w.n1 = 2 * w.a * w.b + kC1;
  w.e1 = w.apart * w.apart;
  w.d1 = w.n1 + w.e1;
  w.d2 = sums.squares * each - (w.offset_a * w.offset_a + w.offset_b * w.offset_b) + kC2;
  w.e2 = sums.apart * each - offsets_apart * offsets_apart;
  w.n2 = w.d2 - w.e2;
  return w;
}

/* Memory: columns and a row. */
void errors(const Images& s, const Shares& shares, const float* a, const float* b, float* y, float* memory) {
  const Columns columns(s, memory);
  const int64_t row = s.row();
  float* const of_channels = memory + Columns::floats(s);
  for (int r = 0; r < s.height; r++) {
    measure_columns(s, a, b, r, columns);
    CPCDR_INDEPENDENT
    for (int64_t i = 0; i < row; i++) {
      const Window w = window_at(columns, i, s.channels);
      of_channels[i] = shares.similarity * w.dissimilarity() +
                       shares.difference * std::fabs(columns.a[i] - columns.b[i]);
    }
    float* const out = y + int64_t{r} * s.width;
    for (int x = 0; x < s.width; x++) {
      float sum = 0;
      for (int c = 0; c < s.channels; c++) sum += of_channels[x * s.channels + c];
      out[x] = sum;
    }
  }
}

/* Calls body(row) for every row whose windows hold row y, twice where they hold it twice. */
template <typename Body>
inline void for_windows(const Images& s, int y, const Body& body) {
  body(y);
  if (y > 0) body(y - 1);
  if (y < s.height - 1) body(y + 1);
  if (y == 1) body(0);
  if (y == s.height - 2) body(s.height - 1);
}

/* Of rows of windows, those about the row at hand are kept: row r at r % 3. */
constexpr int kKept = 3;

/*
 * Adds up what every window gives its pixels: the transpose of the mirrored 3x3 sum, of the kept rows `from` into
 * `row` for line y. `down` holds the column sums.
 */
void spread(const Images& s, const float* from, int y, float* down, float* row) {
  const int64_t n = s.row();
  const int c = s.channels;
  std::fill_n(down, n, 0.0f);
  for_windows(s, y, [&](int r) {
    const float* const own = from + r % kKept * n;
    for (int64_t i = 0; i < n; i++) down[i] += own[i];
  });
  std::copy_n(down, n, row);
  for (int64_t i = c; i < n; i++) row[i] += down[i - c];
  for (int64_t i = 0; i < n - c; i++) row[i] += down[i + c];
  for (int i = 0; i < c; i++) {
    row[c + i] += down[i];
    row[n - 2 * c + i] += down[n - c + i];
  }
}

/*
 * The same of `from` times how far the pixel's value in `image` is from the window's middle one, added to `row`:
 * `down` holds the column sums of `from`, `moment` those of the product with the column's own pixel in line y.
 */
void spread_distances(const Images& s, const float* from, const float* image, int y, float* down, float* moment,
                      float* row) {
  const int64_t n = s.row();
  const int c = s.channels;
  const float* line = image + y * n;
  std::fill_n(down, n, 0.0f);
  std::fill_n(moment, n, 0.0f);
  for_windows(s, y, [&](int r) {
    const float *const own = from + r % kKept * n, *const middle = image + r * n;
    CPCDR_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
      down[i] += own[i];
      moment[i] += own[i] * (line[i] - middle[i]);
    }
  });
  const auto add = [&](int64_t i, int64_t j) { row[i] += moment[j] + down[j] * (line[i] - line[j]); };
  for (int64_t i = 0; i < n; i++) row[i] += moment[i];
  for (int64_t i = c; i < n; i++) add(i, i - c);
  for (int64_t i = 0; i < n - c; i++) add(i, i + c);
  for (int i = 0; i < c; i++) {
    add(c + i, i);
    add(n - 2 * c + i, n - c + i);
  }
}

/* A row of pixels' numbers, once for each channel. */
void repeat(const Images& s, const float* from, float* row) {
  for (int x = 0; x < s.width; x++) {
    for (int c = 0; c < s.channels; c++) row[x * s.channels + c] = from[x];
  }
}

/*
 * With g the gradient of a window's similarity S, and its derivatives by the mean and variance of a and the covariance,
 *   m = 2 (b n2 / (d1 d2) - a S / d1) = 2 n2 (b e1 - n1 (a - b)) / (d1^2 d2),  v = -S / d2,  k = 2 n1 / (d1 d2),
 * a pixel (p, q)'s gradient is the sum over its windows of g (m + 2 v (p - a) + k (q - b)) / 9. Pixels and means are
 * counted from the window's middle pixel, so that no large numbers cancel. Where pixels are equal the absolute
 * difference has no slope.
 *
 * Memory: columns, three times the kept rows, and two rows.
 */
void errors_grad(const Images& s, const Shares& shares, const float* dy, const float* a, const float* b, float* da,
                 float* memory) {
  const int64_t row = s.row(), kept = kKept * row;
  const Columns columns(s, memory);
  float *by_mean = memory + Columns::floats(s), *by_variance = by_mean + kept, *by_covariance = by_variance + kept;
  float *down = by_covariance + kept, *moment = down + row;
  float* const each = down; /* dy of each channel, never while column sums are */
  const auto measure = [&](int r) {
    measure_columns(s, a, b, r, columns);
    repeat(s, dy + int64_t{r} * s.width, each);
    float *const to_mean = by_mean + r % kKept * row, *const to_variance = by_variance + r % kKept * row;
    float* const to_covariance = by_covariance + r % kKept * row;
    CPCDR_INDEPENDENT
    for (int64_t i = 0; i < row; i++) {
      const Window w = window_at(columns, i, s.channels);
      const float g = each[i] * (-shares.similarity / 9), inverse = 1 / (w.d1 * w.d2), ssim = w.n1 * w.n2 * inverse;
      const float mean = 2 * g * w.n2 * (w.b * w.e1 - w.n1 * w.apart) * inverse / w.d1;
      const float variance = -2 * g * ssim * w.d1 * inverse, covariance = 2 * g * w.n1 * inverse;
      to_mean[i] = mean - variance * w.offset_a - covariance * w.offset_b;
      to_variance[i] = variance;
      to_covariance[i] = covariance;
    }
  };
  measure(0);
  for (int r = 0; r < s.height; r++) {
    if (r + 1 < s.height) measure(r + 1);
    float* const out = da + r * row;
    spread(s, by_mean, r, down, out);
    spread_distances(s, by_variance, a, r, down, moment, out);
    spread_distances(s, by_covariance, b, r, down, moment, out);
    repeat(s, dy + int64_t{r} * s.width, each);
    const float *const p = a + r * row, *const q = b + r * row;
    for (int64_t i = 0; i < row; i++) {
      const float sign = static_cast<float>(p[i] > q[i]) - static_cast<float>(p[i] < q[i]);
      out[i] += shares.difference * sign * each[i];
    }
  }
}

/* Runs body(image, target, memory) for every image of a and its own of b; false when there is no memory. */
template <typename Body>
bool for_images(const Images& s, int64_t floats, const Body& body) {
  std::atomic<bool> done{true};
  parallel_for(s.count, 1, [&](int64_t begin, int64_t end) {
    float* memory = workspace(0, static_cast<size_t>(floats));
    if (!memory) {
      done = false;
      return;
    }
    for (int64_t n = begin; n < end; n++) body(n, n % s.targets, memory);
  });
  return done;
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_photometric_error,
             (const float* a, const float* b, float* y, const int32_t* sizes, float ssim_weight),
             (a, b, y, sizes, ssim_weight)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!a || !b || !y || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "photometric_error: null pointer");
  const Images s(sizes);
  if (!s.valid()) return fail(CPCDR_INVALID_ARGUMENT, "photometric_error: sizes out of range");
  const Shares shares(s, ssim_weight);
  const bool done = for_images(s, Columns::floats(s) + s.row(), [&](int64_t n, int64_t target, float* memory) {
    errors(s, shares, a + n * s.image(), b + target * s.image(), y + n * s.pixels(), memory);
  });
  return done ? CPCDR_OK : fail(CPCDR_OUT_OF_MEMORY, "photometric_error: out of memory");
}

CPCDR_KERNEL(cpcdr_photometric_error_grad,
             (const float* dy, const float* a, const float* b, float* da, const int32_t* sizes, float ssim_weight),
             (dy, a, b, da, sizes, ssim_weight)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!dy || !a || !b || !da || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "photometric_error_grad: null pointer");
  const Images s(sizes);
  if (!s.valid()) return fail(CPCDR_INVALID_ARGUMENT, "photometric_error_grad: sizes out of range");
  const Shares shares(s, ssim_weight);
  const int64_t floats = Columns::floats(s) + (3 * kKept + 2) * s.row();
  const bool done = for_images(s, floats, [&](int64_t n, int64_t target, float* memory) {
    errors_grad(s, shares, dy + n * s.pixels(), a + n * s.image(), b + target * s.image(), da + n * s.image(), memory);
  });
  return done ? CPCDR_OK : fail(CPCDR_OUT_OF_MEMORY, "photometric_error_grad: out of memory");
}
