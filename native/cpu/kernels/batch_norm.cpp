/* Batch normalisation with the batch's own statistics, fused with ReLU and a residual, and its gradient. */
#include <algorithm>
#include <cmath>

#include "../reduction.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

/* Elements of one task. */
constexpr int64_t kGrain = 1 << 14;
/* Rows whose mean is subtracted before squares are summed. */
constexpr int64_t kSampleRows = 64;

/* Calls body(first element, count) for every wide row, in parallel. */
template <typename Body>
void for_wide_rows(int64_t rows, int64_t columns, const Body& body) {
  const int64_t wide = wide_row(rows, columns), elements = rows * columns;
  parallel_for((elements + wide - 1) / wide, std::max<int64_t>(1, kGrain / wide), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) body(row * wide, std::min(wide, elements - row * wide));
  });
}

/* y = x * factor + shift (+ residual), then ReLU. */
template <bool kRelu, bool kResidual>
void normalise(const float* x, const float* residual, const float* factor, const float* shift, float* y,
               int64_t rows, int64_t channels) {
  for_wide_rows(rows, channels, [=](int64_t first, int64_t count) {
    const float *from = x + first, *add = kResidual ? residual + first : nullptr;
    float* to = y + first;
    for (int64_t i = 0; i < count; i++) {
      float value = from[i] * factor[i] + shift[i];
      if (kResidual) value += add[i];
      to[i] = kRelu && value < 0 ? 0 : value;
    }
  });
}

/* dy where the ReLU passed. Both are read in any case, so that no branch keeps vectors away. */
template <bool kRelu>
inline float passed(float dy, float y) {
  return kRelu && y <= 0 ? 0 : dy;
}

/* Sums of dy' and of dy' (x - centre), dy' being what passed. */
template <bool kRelu>
const double* gradient_sums(const float* dy, const float* x, const float* y, const float* centre, int64_t rows,
                            int64_t channels) {
  return column_sums<2>(rows, channels, 1, [=](int64_t at, int64_t count, float* first, float* second) {
    const float *g = dy + at, *in = x + at, *out = y + at;
    for (int64_t i = 0; i < count; i++) {
      const float d = passed<kRelu>(g[i], out[i]);
      first[i] += d;
      second[i] += d * (in[i] - centre[i]);
    }
  });
}

/* dx = dy' * a + x * b + c. */
template <bool kRelu, bool kResidual>
void propagate(const float* dy, const float* x, const float* y, const float* a, const float* b, const float* c,
               float* dx, float* dresidual, int64_t rows, int64_t channels) {
  for_wide_rows(rows, channels, [=](int64_t first, int64_t count) {
    const float *g = dy + first, *in = x + first, *out = y + first;
    float *to = dx + first, *add = kResidual ? dresidual + first : nullptr;
    CPCDR_INDEPENDENT
    for (int64_t i = 0; i < count; i++) {
      const float d = passed<kRelu>(g[i], out[i]);
      to[i] = d * a[i] + in[i] * b[i] + c[i];
      if (kResidual) add[i] = d;
    }
  });
}

/*
 * The mean of some rows, evenly spread. Squares of deviations from it lose no digits, as those from
 * zero would where the mean is far from it.
 */
void sample_mean(const float* x, int64_t rows, int64_t channels, float* mean) {
  const int64_t count = std::min(rows, kSampleRows);
  for (int64_t c = 0; c < channels; c++) mean[c] = 0;
  for (int64_t k = 0; k < count; k++) {
    const float* row = x + k * rows / count * channels;
    for (int64_t c = 0; c < channels; c++) mean[c] += row[c];
  }
  for (int64_t c = 0; c < channels; c++) mean[c] /= static_cast<float>(count);
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_batch_norm,
             (const float* x, const float* scale, const float* offset, const float* residual, float* y,
              float* mean, float* variance, int32_t rows, int32_t channels, float epsilon, int32_t relu),
             (x, scale, offset, residual, y, mean, variance, rows, channels, epsilon, relu)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!x || !scale || !offset || !y || !mean || !variance) {
    return fail(CPCDR_INVALID_ARGUMENT, "batch_norm: null pointer");
  }
  if (rows < 1 || channels < 1) return fail(CPCDR_INVALID_ARGUMENT, "batch_norm: empty input");
  const int64_t wide = wide_row(rows, channels);
  float* memory = workspace(0, static_cast<size_t>(3 * (wide + channels)));
  if (!memory) return fail(CPCDR_OUT_OF_MEMORY, "batch_norm: no memory for coefficients");
  float *factor = memory, *shift = factor + wide, *centre = shift + wide;
  float *factors = centre + wide, *shifts = factors + channels, *centres = shifts + channels;
  sample_mean(x, rows, channels, centres);
  widen(centres, channels, wide, centre);
  const double* sums = column_sums<2>(rows, channels, 1, [=](int64_t at, int64_t count, float* first, float* second) {
    for (int64_t i = 0; i < count; i++) {
      const float d = x[at + i] - centre[i];
      first[i] += d;
      second[i] += d * d;
    }
  });
  if (!sums) return fail(CPCDR_OUT_OF_MEMORY, "batch_norm: no memory for sums");
  for (int c = 0; c < channels; c++) {
    const double average = sums[c] / rows, exact = centres[c] + average;
    const double spread = sums[channels + c] / rows - average * average;
    /* The comparison leaves NaN as it is. */
    const double positive = spread < 0 ? 0 : spread;
    const double scaled = scale[c] / std::sqrt(positive + epsilon);
    mean[c] = static_cast<float>(exact);
    variance[c] = static_cast<float>(positive);
    factors[c] = static_cast<float>(scaled);
    shifts[c] = static_cast<float>(offset[c] - exact * scaled);
  }
  widen(factors, channels, wide, factor);
  widen(shifts, channels, wide, shift);
  const auto run = relu ? (residual ? normalise<true, true> : normalise<true, false>)
                        : (residual ? normalise<false, true> : normalise<false, false>);
  run(x, residual, factor, shift, y, rows, channels);
  return CPCDR_OK;
}

CPCDR_KERNEL(cpcdr_batch_norm_grad,
             (const float* dy, const float* x, const float* y, const float* scale, const float* mean,
              const float* variance, float* dx, float* dscale, float* doffset, float* dresidual, int32_t rows,
              int32_t channels, float epsilon, int32_t relu),
             (dy, x, y, scale, mean, variance, dx, dscale, doffset, dresidual, rows, channels, epsilon, relu)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!dy || !x || !y || !scale || !mean || !variance || !dx || !dscale || !doffset) {
    return fail(CPCDR_INVALID_ARGUMENT, "batch_norm_grad: null pointer");
  }
  if (rows < 1 || channels < 1) return fail(CPCDR_INVALID_ARGUMENT, "batch_norm_grad: empty input");
  const int64_t wide = wide_row(rows, channels);
  float* memory = workspace(0, static_cast<size_t>(3 * (wide + channels)));
  if (!memory) return fail(CPCDR_OUT_OF_MEMORY, "batch_norm_grad: no memory for coefficients");
  float *a = memory, *b = a + wide, *c = b + wide;
  float *as = c + wide, *bs = as + channels, *cs = bs + channels;
  widen(mean, channels, wide, a);
  const double* sums = relu ? gradient_sums<true>(dy, x, y, a, rows, channels)
                            : gradient_sums<false>(dy, x, y, a, rows, channels);
  if (!sums) return fail(CPCDR_OUT_OF_MEMORY, "batch_norm_grad: no memory for sums");
  for (int k = 0; k < channels; k++) {
    const double inverse = 1 / std::sqrt(static_cast<double>(variance[k]) + epsilon);
    const double sum = sums[k], projected = sums[channels + k];
    dscale[k] = static_cast<float>(projected * inverse);
    doffset[k] = static_cast<float>(sum);
    const double slope = -scale[k] * inverse * inverse * inverse * projected / rows;
    as[k] = static_cast<float>(scale[k] * inverse);
    bs[k] = static_cast<float>(slope);
    cs[k] = static_cast<float>(-scale[k] * inverse * sum / rows - slope * mean[k]);
  }
  widen(as, channels, wide, a);
  widen(bs, channels, wide, b);
  widen(cs, channels, wide, c);
  const auto run = relu ? (dresidual ? propagate<true, true> : propagate<true, false>)
                        : (dresidual ? propagate<false, true> : propagate<false, false>);
  run(dy, x, y, a, b, c, dx, dresidual, rows, channels);
  return CPCDR_OK;
}
