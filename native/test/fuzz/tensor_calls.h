/* Calls that tensor ops make: products, convolutions, pools, normalisation, elements, resizing, optimizers. */
#ifndef CPCDR_FUZZ_TENSOR_CALLS_H
#define CPCDR_FUZZ_TENSOR_CALLS_H

#include "case.h"

namespace fuzz {

inline int32_t matmul(Case& c) {
  const int b = pick(1, 3), m = pick(1, 40), n = pick(1, 70), k = pick(1, 40);
  return cpcdr_matmul(c.floats(b * m * k), c.floats(b * k * n), pick(0, 1) ? c.floats(n) : nullptr, c.floats(b * m * n),
                      c.sizes({b, m, n, k, pick(0, 1), pick(0, 1), m * k, k * n, pick(0, 5)}), 0.1f);
}

/* Sizes of a convolution; out may hang over as far as it likes, what it reads outside is zero. */
struct Window {
  /* Some are of the kind that goes by tiles: many channels, 3 x 3, dense. */
  bool tiled = pick(0, 3) == 0;
  int b = pick(1, 2), h = pick(1, 16), w = pick(1, 16), i = tiled ? pick(16, 50) : pick(1, 9),
      kh = tiled ? 3 : pick(1, 4), kw = tiled ? 3 : pick(1, 4), o = tiled ? pick(16, 50) : pick(1, 20),
      sh = tiled ? 1 : pick(1, 3), sw = tiled ? 1 : pick(1, 3), dh = tiled ? 1 : pick(1, 2), dw = tiled ? 1 : pick(1, 2),
      top = pick(0, 3), left = pick(0, 3);
  int oh = std::max(1, (h + 2 * top - dh * (kh - 1) - 1) / sh + 1), ow = std::max(1, (w + 2 * left - dw * (kw - 1) - 1) / sw + 1);
  int32_t precision = cpcdr_bfloat16() ? pick(CPCDR_FLOAT32, CPCDR_BFLOAT16) : CPCDR_FLOAT32;
  int64_t x() const { return int64_t{b} * h * w * i; }
  int64_t y() const { return int64_t{b} * oh * ow * o; }
  int64_t f() const { return int64_t{kh} * kw * i * o; }
  Sizes conv(int activation) const { return {b, h, w, i, kh, kw, oh, ow, o, sh, sw, dh, dw, top, left, activation, precision}; }
  Sizes pool() const { return {b, h, w, i, oh, ow, kh, kw, sh, sw, dh, dw, top, left}; }
  int64_t pooled() const { return int64_t{b} * oh * ow * i; }
};

inline int32_t conv2d(Case& c) {
  const Window s;
  return cpcdr_conv2d(c.floats(s.x()), c.floats(s.f()), pick(0, 1) ? c.floats(s.o) : nullptr, c.floats(s.y()),
                      c.sizes(s.conv(pick(0, 5))), 0.1f);
}
inline int32_t conv2d_input_grad(Case& c) {
  const Window s;
  return cpcdr_conv2d_input_grad(c.floats(s.y()), c.floats(s.f()), c.floats(s.x()), c.sizes(s.conv(0)));
}
inline int32_t conv2d_filter_grad(Case& c) {
  const Window s;
  return cpcdr_conv2d_filter_grad(c.floats(s.x()), c.floats(s.y()), c.floats(s.f()), c.sizes(s.conv(0)));
}
inline int32_t max_pool(Case& c) {
  const Window s;
  return cpcdr_max_pool(c.floats(s.x()), c.floats(s.pooled()), c.sizes(s.pool()));
}
inline int32_t max_pool_grad(Case& c) {
  const Window s;
  return cpcdr_max_pool_grad(c.floats(s.pooled()), c.floats(s.x()), c.floats(s.x()), c.sizes(s.pool()));
}
inline int32_t avg_pool(Case& c) {
  const Window s;
  return cpcdr_avg_pool(c.floats(s.x()), c.floats(s.pooled()), c.sizes(s.pool()));
}
inline int32_t avg_pool_grad(Case& c) {
  const Window s;
  return cpcdr_avg_pool_grad(c.floats(s.pooled()), c.floats(s.x()), c.sizes(s.pool()));
}
inline int32_t batch_norm(Case& c) {
  const int r = pick(1, 100), n = pick(1, 40);
  return cpcdr_batch_norm(c.floats(r * n), c.floats(n), c.floats(n), pick(0, 1) ? c.floats(r * n) : nullptr,
                          c.floats(r * n), c.floats(n), c.floats(n), c.number(r), c.number(n), 1e-3f, pick(0, 1));
}
inline int32_t batch_norm_grad(Case& c) {
  const int r = pick(1, 100), n = pick(1, 40);
  return cpcdr_batch_norm_grad(c.floats(r * n), c.floats(r * n), c.floats(r * n), c.floats(n), c.floats(n), c.floats(n),
                               c.floats(r * n), c.floats(n), c.floats(n), pick(0, 1) ? c.floats(r * n) : nullptr,
                               c.number(r), c.number(n), 1e-3f, pick(0, 1));
}
inline int32_t binary(Case& c) {
  const int e[] = {pick(1, 5), pick(1, 5), pick(1, 5), pick(1, 40)};
  const int n = e[0] * e[1] * e[2] * e[3];
  const Sizes s = {e[0], e[1], e[2], e[3], e[1] * e[2] * e[3], e[2] * e[3], e[3], 1, 0, 0, 0, pick(0, 1)};
  const int32_t op = c.operation(CPCDR_NOT_EQUAL);
  return cpcdr_binary(op, c.floats(n), c.floats(e[3]), c.floats(n), c.sizes(s, 4));
}
inline int32_t unary(Case& c) {
  const int n = pick(1, 300);
  const int32_t op = c.operation(CPCDR_SIGN);
  return cpcdr_unary(op, c.floats(n), c.floats(n), c.number(n), 0.1f, 2);
}
inline int32_t select(Case& c) {
  const int n = pick(1, 300);
  return cpcdr_select(c.bytes(n), c.floats(n), c.floats(n), c.floats(n), c.number(n));
}
inline int32_t logical(Case& c) {
  const int n = pick(1, 300);
  const int32_t op = c.operation(CPCDR_NOT);
  return cpcdr_logical(op, c.bytes(n), c.bytes(n), c.bytes(n), c.number(n));
}
inline int32_t reduce(Case& c) {
  const int o = pick(1, 9), e = pick(1, 60), i = pick(1, 40);
  const int32_t op = c.operation(CPCDR_MIN);
  return cpcdr_reduce(op, c.floats(o * e * i), c.floats(o * i), c.number(o), c.number(e), c.number(i));
}
inline int32_t arg_max(Case& c) {
  const int o = pick(1, 9), e = pick(1, 60), i = pick(1, 40);
  return cpcdr_arg_max(c.floats(o * e * i), c.words(o * i, 0, 0), c.number(o), c.number(e), c.number(i));
}
inline int32_t softmax(Case& c) {
  const int r = pick(1, 30), n = pick(1, 90);
  return cpcdr_softmax(c.floats(r * n), c.floats(r * n), c.number(r), c.number(n), pick(0, 1));
}
template <int32_t (*function)(const float*, float*, const int32_t*), bool kBack>
inline int32_t resize(Case& c) {
  const int b = pick(1, 2), h = pick(1, 12), w = pick(1, 12), n = pick(1, 5), oh = pick(1, 20), ow = pick(1, 20);
  const int64_t small = int64_t{b} * h * w * n, large = int64_t{b} * oh * ow * n;
  const int align = pick(0, 1);
  return function(c.floats(kBack ? large : small), c.floats(kBack ? small : large),
                  c.sizes({b, h, w, n, oh, ow, align, align ? 0 : pick(0, 1)}));
}
inline int32_t gather(Case& c) {
  const int b = pick(1, 2), o = pick(1, 4), e = pick(1, 9), i = pick(1, 20), n = pick(1, 12);
  return cpcdr_gather(c.floats(b * o * e * i), c.words(b * n, 0, e - 1), c.floats(b * o * n * i), c.sizes({b, o, e, i, n}));
}
inline int32_t segment_sum(Case& c) {
  const int rows = pick(1, 60), inner = pick(1, 20), count = pick(1, 9);
  return cpcdr_segment_sum(c.floats(rows * inner), pick(0, 1) ? c.words(rows, 0, rows - 1) : nullptr,
                           c.words(rows, -2, count + 1), c.floats(count * inner), c.sizes({rows, inner, count, pick(0, 1)}));
}
template <bool kBack>
inline int32_t pad(Case& c) {
  const int b = pick(1, 2), h = pick(4, 12), w = pick(4, 12), n = pick(1, 5), mode = pick(0, 2);
  const int t = pick(0, 3), d = pick(0, 3), l = pick(0, 3), r = pick(0, 3);
  const int64_t in = int64_t{b} * h * w * n, out = int64_t{b} * (h + t + d) * (w + l + r) * n;
  if (kBack) return cpcdr_pad_grad(c.floats(out), c.floats(in), c.sizes({b, h, w, n, t, d, l, r, mode}));
  return cpcdr_pad(c.floats(in), c.floats(out), c.sizes({b, h, w, n, t, d, l, r, mode}), 0.5f);
}
inline int32_t adam(Case& c) {
  const int n = pick(1, 300);
  return cpcdr_adam(c.floats(n), c.floats(n), c.floats(n), c.floats(n), c.number(n), 1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f,
                    c.number(pick(1, 9)));
}
inline int32_t sgd(Case& c) {
  const int n = pick(1, 300);
  return cpcdr_sgd(c.floats(n), c.floats(n), c.floats(n), c.number(n), 0.1f, 0.9f, 1e-4f, pick(0, 1));
}

}  // namespace fuzz
#endif
