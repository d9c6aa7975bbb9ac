/*
 * 2-D convolution NHWC x HWIO: forward, input gradient and filter gradient, each by the way that suits its sizes and
 * precision: few outputs (conv/narrow.h), 3 x 3 filters (conv/winograd.h), any (conv/direct.h).
 */
#include <algorithm>
#include <cmath>

#include "../conv/direct.h"
#include "../conv/narrow.h"
#include "../conv/winograd.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

/* Sigmoid and ELU, after the convolution; the others were applied on the way out. */
void finish_activation(const Conv& conv, float* y) {
  if (conv.activation != CPCDR_SIGMOID && conv.activation != CPCDR_ELU) return;
  const int64_t count = int64_t{conv.batch} * conv.out_height * conv.out_width * conv.out_channels;
  parallel_for(count, 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const float x = y[i];
      y[i] = conv.activation == CPCDR_SIGMOID ? 1.0f / (1.0f + std::exp(-x)) : x < 0 ? std::expm1(x) : x;
    }
  });
}

int32_t status_of(bool done) {
  return done ? CPCDR_OK : fail(CPCDR_OUT_OF_MEMORY, "conv2d: no memory for workspaces");
}

int32_t forward(const Conv& conv, const float* x, const float* filter, const float* bias, float* y, float alpha) {
  const DenseConv dense = dense_of(conv);
  bool done;
  if (is_dense(conv) && suits_narrow(dense)) {
    done = narrow_forward(dense, x, filter, bias, y, conv.activation, alpha);
  } else {
    done = with_factors(conv.precision, [&](auto factor) {
      using Element = decltype(factor);
      if (!is_dense(conv) || !suits_winograd<Element>(dense)) {
        return direct_forward<Element>(conv, x, filter, bias, y, alpha);
      }
      return winograd_forward<Element>(dense, x, {filter, false}, {y, bias, conv.activation, alpha});
    });
  }
  if (done) finish_activation(conv, y);
  return status_of(done);
}

int32_t input_gradient(const Conv& conv, const float* dy, const float* filter, float* dx) {
  const DenseConv dense = dense_gradient_of(conv);
  if (is_dense(conv) && suits_narrow(dense)) return status_of(narrow_input_gradient(dense, dy, filter, dx));
  return status_of(with_factors(conv.precision, [&](auto factor) {
    using Element = decltype(factor);
    if (!is_dense(conv) || !suits_winograd<Element>(dense)) return direct_input_gradient<Element>(conv, dy, filter, dx);
    return winograd_forward<Element>(dense, dy, {filter, true}, {dx, nullptr, CPCDR_LINEAR, 0});
  }));
}

int32_t filter_gradient(const Conv& conv, const float* x, const float* dy, float* dfilter) {
  const DenseConv dense = dense_of(conv);
  if (is_dense(conv) && suits_narrow(dense)) return status_of(narrow_filter_gradient(dense, x, dy, dfilter));
  return status_of(with_factors(conv.precision, [&](auto factor) {
    using Element = decltype(factor);
    if (!is_dense(conv) || !suits_winograd_gradient<Element>(dense)) return direct_filter_gradient<Element>(conv, x, dy, dfilter);
    return winograd_filter_gradient<Element>(dense, x, dy, dfilter);
  }));
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_conv2d,
             (const float* x, const float* filter, const float* bias, float* y, const int32_t* sizes,
              float alpha),
             (x, filter, bias, y, sizes, alpha)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!x || !filter || !y || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "conv2d: null pointer");
  const Conv conv(sizes);
  if (const char* problem = conv.problem()) return fail(CPCDR_INVALID_ARGUMENT, problem);
  if (conv.empty()) return CPCDR_OK;
  return forward(conv, x, filter, bias, y, alpha);
}

CPCDR_KERNEL(cpcdr_conv2d_input_grad,
             (const float* dy, const float* filter, float* dx, const int32_t* sizes),
             (dy, filter, dx, sizes)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!dy || !filter || !dx || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "conv2d_input_grad: null pointer");
  const Conv conv(sizes);
  if (const char* problem = conv.problem()) return fail(CPCDR_INVALID_ARGUMENT, problem);
  if (conv.channels == 0) return CPCDR_OK;
  if (conv.empty()) {
    std::fill_n(dx, int64_t{conv.batch} * conv.height * conv.width * conv.channels, 0.0f);
    return CPCDR_OK;
  }
  return input_gradient(conv, dy, filter, dx);
}

CPCDR_KERNEL(cpcdr_conv2d_filter_grad,
             (const float* x, const float* dy, float* dfilter, const int32_t* sizes),
             (x, dy, dfilter, sizes)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!x || !dy || !dfilter || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "conv2d_filter_grad: null pointer");
  const Conv conv(sizes);
  if (const char* problem = conv.problem()) return fail(CPCDR_INVALID_ARGUMENT, problem);
  if (conv.channels == 0 || conv.empty()) {
    const int64_t floats =
        int64_t{conv.filter_height} * conv.filter_width * conv.channels * conv.out_channels;
    std::fill_n(dfilter, floats, 0.0f);
    return CPCDR_OK;
  }
  return filter_gradient(conv, x, dy, dfilter);
}
