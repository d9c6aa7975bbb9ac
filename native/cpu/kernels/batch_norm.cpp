/* Batch normalisation with the batch's own statistics, fused with ReLU and a residual, and its gradient. */
#include <algorithm>
#include <cmath>

#include "../reduction.h"
#include "../vec.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

constexpr int64_t kRowGrain = 256;

/* y = x * factor + shift (+ residual), then ReLU, over rows [begin, end). */
template <bool kRelu, bool kResidual>
void normalise(const float* x, const float* residual, const float* factor, const float* shift, float* y,
               int64_t begin, int64_t end, int channels) {
  for (int64_t row = begin; row < end; row++) {
    const float* from = x + row * channels;
    const float* add = kResidual ? residual + row * channels : nullptr;
    float* to = y + row * channels;
    for (int c = 0; c < channels; c++) {
      float value = from[c] * factor[c] + shift[c];
      if (kResidual) value += add[c];
      to[c] = kRelu && value < 0 ? 0 : value;
    }
  }
}

/* dx = dy' * a + x * b + c, where dy' is dy where the ReLU passed. */
template <bool kRelu, bool kResidual>
void propagate(const float* dy, const float* x, const float* y, const float* a, const float* b, const float* c,
               float* dx, float* dresidual, int64_t begin, int64_t end, int channels) {
  for (int64_t i = begin; i < end; i++) {
    const int64_t at = i * channels;
    for (int k = 0; k < channels; k++) {
      const float d = kRelu && !(y[at + k] > 0) ? 0 : dy[at + k];
      dx[at + k] = d * a[k] + x[at + k] * b[k] + c[k];
      if (kResidual) dresidual[at + k] = d;
    }
  }
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
  float* factor = workspace(0, static_cast<size_t>(2 * channels));
  double* sums = column_sums<2>(rows, channels, 1, [=](int64_t row, float* first, float* second) {
    /* Deviations from the first row: nearly centred, so that squares lose no digits. */
    const float* from = x + row * channels;
    for (int c = 0; c < channels; c++) {
      const float d = from[c] - x[c];
      first[c] += d;
      second[c] += d * d;
    }
  });
  if (!factor || !sums) return fail(CPCDR_OUT_OF_MEMORY, "batch_norm: no memory for sums");
  float* shift = factor + channels;
  for (int c = 0; c < channels; c++) {
    const double average = sums[c] / rows;
    const double spread = std::max(0.0, sums[channels + c] / rows - average * average);
    mean[c] = static_cast<float>(x[c] + average);
    variance[c] = static_cast<float>(spread);
    factor[c] = static_cast<float>(scale[c] / std::sqrt(spread + epsilon));
    shift[c] = offset[c] - mean[c] * factor[c];
  }
  parallel_for(rows, kRowGrain, [=](int64_t begin, int64_t end) {
    if (relu && residual) normalise<true, true>(x, residual, factor, shift, y, begin, end, channels);
    else if (relu) normalise<true, false>(x, residual, factor, shift, y, begin, end, channels);
    else if (residual) normalise<false, true>(x, residual, factor, shift, y, begin, end, channels);
    else normalise<false, false>(x, residual, factor, shift, y, begin, end, channels);
  });
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
  float* factors = workspace(0, static_cast<size_t>(3 * channels));
  double* sums = column_sums<2>(rows, channels, 1, [=](int64_t row, float* first, float* second) {
    const int64_t at = row * channels;
    for (int c = 0; c < channels; c++) {
      const float d = relu && !(y[at + c] > 0) ? 0 : dy[at + c];
      first[c] += d;
      second[c] += d * (x[at + c] - mean[c]);
    }
  });
  if (!factors || !sums) return fail(CPCDR_OUT_OF_MEMORY, "batch_norm_grad: no memory for sums");
  float *a = factors, *b = a + channels, *c = b + channels;
  for (int k = 0; k < channels; k++) {
    const double inverse = 1 / std::sqrt(static_cast<double>(variance[k]) + epsilon);
    const double sum = sums[k], projected = sums[channels + k];
    dscale[k] = static_cast<float>(projected * inverse);
    doffset[k] = static_cast<float>(sum);
    const double slope = -scale[k] * inverse * inverse * inverse * projected / rows;
    a[k] = static_cast<float>(scale[k] * inverse);
    b[k] = static_cast<float>(slope);
    c[k] = static_cast<float>(-scale[k] * inverse * sum / rows - slope * mean[k]);
  }
  parallel_for(rows, kRowGrain, [=](int64_t begin, int64_t end) {
    if (relu && dresidual) propagate<true, true>(dy, x, y, a, b, c, dx, dresidual, begin, end, channels);
    else if (relu) propagate<true, false>(dy, x, y, a, b, c, dx, dresidual, begin, end, channels);
    else if (dresidual) propagate<false, true>(dy, x, y, a, b, c, dx, dresidual, begin, end, channels);
    else propagate<false, false>(dy, x, y, a, b, c, dx, dresidual, begin, end, channels);
  });
  return CPCDR_OK;
}
