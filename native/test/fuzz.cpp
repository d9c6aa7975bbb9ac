/*
 * A seeded fuzz loop over the CPU library's ABI, for ASan and UBSan: random sizes in arrays that end where they say,
 * values of every kind, and every so often one null pointer or one size, operation or setting that makes no sense.
 * What is sound must succeed; all else may answer any status, but answer it must.
 *
 *     fuzz SECONDS     with SEED in the environment: the same calls again
 */
#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>

#include "../include/cpcdr.h"
#include "check.h"

namespace {

using Sizes = std::vector<int32_t>;

/* What a call gets; one argument of it may be spoilt. */
class Case {
 public:
  explicit Case(bool spoil) : spoil_(spoil), spoil_pointer_(spoil && pick(0, 2) == 0), pointer_at_(pick(0, 9)) {}

  bool sound() const { return !spoilt_; }

  float* floats(int64_t count) {
    float* const values = array<float>(count);
    const int kind = pick(0, 9);
    for (int64_t i = 0; values && i < count; i++) values[i] = draw_float(kind);
    return values;
  }
  int32_t* words(int64_t count, int low, int high) {
    int32_t* const values = array<int32_t>(count);
    for (int64_t i = 0; values && i < count; i++) values[i] = pick(low, high);
    return values;
  }
  uint8_t* bytes(int64_t count, int high = 255) {
    uint8_t* const values = array<uint8_t>(count);
    for (int64_t i = 0; values && i < count; i++) values[i] = static_cast<uint8_t>(pick(0, high));
    return values;
  }
  double* doubles(int64_t count) {
    double* const values = array<double>(count);
    for (int64_t i = 0; values && i < count; i++) values[i] = static_cast<double>(draw_float(pick(0, 9)));
    return values;
  }
  /* Sizes as they are, but for one of the first `count` where the case is to be spoilt so: none becomes larger. */
  const int32_t* sizes(Sizes values, size_t count = 64) {
    if (spoil_ && !spoil_pointer_) {
      const int32_t bad[] = {0, -1, -7, INT32_MIN};
      values[static_cast<size_t>(pick(0, static_cast<int>(std::min(count, values.size())) - 1))] = bad[pick(0, 3)];
      spoilt_ = true;
    }
    int32_t* const kept = array<int32_t>(static_cast<int64_t>(values.size()));
    if (kept) std::memcpy(kept, values.data(), values.size() * sizeof(int32_t));
    return kept;
  }
  /* A number that is passed by itself. */
  int32_t number(int32_t value) {
    if (!spoil_ || spoil_pointer_ || pick(0, 1)) return value;
    spoilt_ = true;
    const int32_t bad[] = {0, -1, -7, INT32_MIN};
    return bad[pick(0, 3)];
  }
  double setting(double value) {
    if (!spoil_ || spoil_pointer_ || pick(0, 2)) return value;
    spoilt_ = true;
    const double bad[] = {NAN, INFINITY, -INFINITY, -1, 0, 1e308};
    return bad[pick(0, 5)];
  }
  int32_t operation(int last) {
    if (!spoil_ || spoil_pointer_ || pick(0, 2)) return pick(0, last);
    spoilt_ = true;
    return pick(0, 1) ? -pick(1, 1 << 30) : pick(last + 1, 1 << 30);
  }

 private:
  static float draw_float(int kind) {
    const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-40f, 0.0f, -0.0f};
    if (kind == 0 && pick(0, 3) == 0) return odd[pick(0, 7)];
    if (kind == 1) return static_cast<float>(pick(0, 3));
    return std::normal_distribution<float>()(generator()) * (kind == 2 ? 1e6f : 1.0f);
  }
  template <typename T>
  T* array(int64_t count) {
    if (spoil_pointer_ && pointers_++ == pointer_at_) {
      spoilt_ = true;
      return nullptr;
    }
    /* One of malloc's own, so that a step past the end is seen; none of them is of size 0, which may be null. */
    held_.emplace_back(std::malloc(count > 0 ? static_cast<size_t>(count) * sizeof(T) : 1), &std::free);
    return static_cast<T*>(held_.back().get());
  }

  bool spoil_, spoil_pointer_, spoilt_ = false;
  int pointer_at_, pointers_ = 0;
  std::vector<std::unique_ptr<void, decltype(&std::free)>> held_;
};

using Entry = int32_t (*)(Case&);

int32_t matmul(Case& c) {
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

int32_t conv2d(Case& c) {
  const Window s;
  return cpcdr_conv2d(c.floats(s.x()), c.floats(s.f()), pick(0, 1) ? c.floats(s.o) : nullptr, c.floats(s.y()),
                      c.sizes(s.conv(pick(0, 5))), 0.1f);
}
int32_t conv2d_input_grad(Case& c) {
  const Window s;
  return cpcdr_conv2d_input_grad(c.floats(s.y()), c.floats(s.f()), c.floats(s.x()), c.sizes(s.conv(0)));
}
int32_t conv2d_filter_grad(Case& c) {
  const Window s;
  return cpcdr_conv2d_filter_grad(c.floats(s.x()), c.floats(s.y()), c.floats(s.f()), c.sizes(s.conv(0)));
}
int32_t max_pool(Case& c) {
  const Window s;
  return cpcdr_max_pool(c.floats(s.x()), c.floats(s.pooled()), c.sizes(s.pool()));
}
int32_t max_pool_grad(Case& c) {
  const Window s;
  return cpcdr_max_pool_grad(c.floats(s.pooled()), c.floats(s.x()), c.floats(s.x()), c.sizes(s.pool()));
}
int32_t avg_pool(Case& c) {
  const Window s;
  return cpcdr_avg_pool(c.floats(s.x()), c.floats(s.pooled()), c.sizes(s.pool()));
}
int32_t avg_pool_grad(Case& c) {
  const Window s;
  return cpcdr_avg_pool_grad(c.floats(s.pooled()), c.floats(s.x()), c.sizes(s.pool()));
}
int32_t batch_norm(Case& c) {
  const int r = pick(1, 100), n = pick(1, 40);
  return cpcdr_batch_norm(c.floats(r * n), c.floats(n), c.floats(n), pick(0, 1) ? c.floats(r * n) : nullptr,
                          c.floats(r * n), c.floats(n), c.floats(n), c.number(r), c.number(n), 1e-3f, pick(0, 1));
}
int32_t batch_norm_grad(Case& c) {
  const int r = pick(1, 100), n = pick(1, 40);
  return cpcdr_batch_norm_grad(c.floats(r * n), c.floats(r * n), c.floats(r * n), c.floats(n), c.floats(n), c.floats(n),
                               c.floats(r * n), c.floats(n), c.floats(n), pick(0, 1) ? c.floats(r * n) : nullptr,
                               c.number(r), c.number(n), 1e-3f, pick(0, 1));
}
int32_t binary(Case& c) {
  const int e[] = {pick(1, 5), pick(1, 5), pick(1, 5), pick(1, 40)};
  const int n = e[0] * e[1] * e[2] * e[3];
  const Sizes s = {e[0], e[1], e[2], e[3], e[1] * e[2] * e[3], e[2] * e[3], e[3], 1, 0, 0, 0, pick(0, 1)};
  const int32_t op = c.operation(CPCDR_NOT_EQUAL);
  return cpcdr_binary(op, c.floats(n), c.floats(e[3]), c.floats(n), c.sizes(s, 4));
}
int32_t unary(Case& c) {
  const int n = pick(1, 300);
  const int32_t op = c.operation(CPCDR_SIGN);
  return cpcdr_unary(op, c.floats(n), c.floats(n), c.number(n), 0.1f, 2);
}
int32_t select(Case& c) {
  const int n = pick(1, 300);
  return cpcdr_select(c.bytes(n), c.floats(n), c.floats(n), c.floats(n), c.number(n));
}
int32_t logical(Case& c) {
  const int n = pick(1, 300);
  const int32_t op = c.operation(CPCDR_NOT);
  return cpcdr_logical(op, c.bytes(n), c.bytes(n), c.bytes(n), c.number(n));
}
int32_t reduce(Case& c) {
  const int o = pick(1, 9), e = pick(1, 60), i = pick(1, 40);
  const int32_t op = c.operation(CPCDR_MIN);
  return cpcdr_reduce(op, c.floats(o * e * i), c.floats(o * i), c.number(o), c.number(e), c.number(i));
}
int32_t arg_max(Case& c) {
  const int o = pick(1, 9), e = pick(1, 60), i = pick(1, 40);
  return cpcdr_arg_max(c.floats(o * e * i), c.words(o * i, 0, 0), c.number(o), c.number(e), c.number(i));
}
int32_t softmax(Case& c) {
  const int r = pick(1, 30), n = pick(1, 90);
  return cpcdr_softmax(c.floats(r * n), c.floats(r * n), c.number(r), c.number(n), pick(0, 1));
}
template <int32_t (*function)(const float*, float*, const int32_t*), bool kBack>
int32_t resize(Case& c) {
  const int b = pick(1, 2), h = pick(1, 12), w = pick(1, 12), n = pick(1, 5), oh = pick(1, 20), ow = pick(1, 20);
  const int64_t small = int64_t{b} * h * w * n, large = int64_t{b} * oh * ow * n;
  const int align = pick(0, 1);
  return function(c.floats(kBack ? large : small), c.floats(kBack ? small : large),
                  c.sizes({b, h, w, n, oh, ow, align, align ? 0 : pick(0, 1)}));
}
int32_t grid_sample(Case& c) {
  const int b = pick(1, 2), h = pick(1, 12), w = pick(1, 12), n = pick(1, 5), oh = pick(1, 20), ow = pick(1, 20);
  return cpcdr_grid_sample(c.floats(b * h * w * n), c.floats(b * oh * ow * 2), c.floats(b * oh * ow * n),
                           c.sizes({b, h, w, n, oh, ow, pick(0, 1)}));
}
int32_t grid_sample_grad(Case& c) {
  const int b = pick(1, 2), h = pick(1, 12), w = pick(1, 12), n = pick(1, 5), oh = pick(1, 20), ow = pick(1, 20);
  return cpcdr_grid_sample_grad(c.floats(b * oh * ow * n), c.floats(b * h * w * n), c.floats(b * oh * ow * 2),
                                pick(0, 3) ? c.floats(b * h * w * n) : nullptr, c.floats(b * oh * ow * 2),
                                c.sizes({b, h, w, n, oh, ow, pick(0, 1)}));
}
int32_t project_pixels(Case& c) {
  const int b = pick(0, 3), h = pick(1, 12), w = pick(1, 40), n = b * h * w;
  return cpcdr_project_pixels(c.floats(n), c.floats(12 * b), c.floats(2 * n), c.sizes({b, h, w}), 1e-3f);
}
int32_t project_pixels_grad(Case& c) {
  const int b = pick(0, 3), h = pick(1, 12), w = pick(1, 40), n = b * h * w;
  return cpcdr_project_pixels_grad(c.floats(2 * n), c.floats(n), c.floats(12 * b), pick(0, 3) ? c.floats(n) : nullptr,
                                   pick(0, 3) ? c.floats(12 * b) : nullptr, c.sizes({b, h, w}), 1e-3f);
}
int32_t photometric_error(Case& c) {
  const int t = pick(1, 2), n = t * pick(1, 2), h = pick(2, 12), w = pick(2, 40), k = pick(1, 4), each = h * w * k;
  return cpcdr_photometric_error(c.floats(n * each), c.floats(t * each), c.floats(n * h * w), c.sizes({n, t, h, w, k}),
                                 0.85f);
}
int32_t photometric_error_grad(Case& c) {
  const int t = pick(1, 2), n = t * pick(1, 2), h = pick(2, 12), w = pick(2, 40), k = pick(1, 4), each = h * w * k;
  return cpcdr_photometric_error_grad(c.floats(n * h * w), c.floats(n * each), c.floats(t * each), c.floats(n * each),
                                      c.sizes({n, t, h, w, k}), 0.85f);
}
int32_t align_motion(Case& c) {
  const int b = pick(1, 2), h = pick(1, 12), w = pick(1, 40), n = b * h * w;
  return cpcdr_align_motion(c.floats(n), c.floats(n), c.floats(n), c.floats(9 * b), c.floats(12 * b), c.floats(12 * b),
                            c.sizes({b, h, w, pick(1, 4)}), 0.1f, 1e-3f);
}
int32_t alignment_error(Case& c) {
  const int b = pick(1, 2), h = pick(1, 12), w = pick(1, 40), n = b * h * w;
  return cpcdr_alignment_error(c.floats(n), c.floats(n), c.floats(n), c.floats(9 * b), c.floats(12 * b), c.floats(b),
                               c.sizes({b, h, w}), 0.1f);
}
int32_t gather(Case& c) {
  const int b = pick(1, 2), o = pick(1, 4), e = pick(1, 9), i = pick(1, 20), n = pick(1, 12);
  return cpcdr_gather(c.floats(b * o * e * i), c.words(b * n, 0, e - 1), c.floats(b * o * n * i), c.sizes({b, o, e, i, n}));
}
int32_t segment_sum(Case& c) {
  const int rows = pick(1, 60), inner = pick(1, 20), count = pick(1, 9);
  return cpcdr_segment_sum(c.floats(rows * inner), pick(0, 1) ? c.words(rows, 0, rows - 1) : nullptr,
                           c.words(rows, -2, count + 1), c.floats(count * inner), c.sizes({rows, inner, count, pick(0, 1)}));
}
template <bool kBack>
int32_t pad(Case& c) {
  const int b = pick(1, 2), h = pick(4, 12), w = pick(4, 12), n = pick(1, 5), mode = pick(0, 2);
  const int t = pick(0, 3), d = pick(0, 3), l = pick(0, 3), r = pick(0, 3);
  const int64_t in = int64_t{b} * h * w * n, out = int64_t{b} * (h + t + d) * (w + l + r) * n;
  if (kBack) return cpcdr_pad_grad(c.floats(out), c.floats(in), c.sizes({b, h, w, n, t, d, l, r, mode}));
  return cpcdr_pad(c.floats(in), c.floats(out), c.sizes({b, h, w, n, t, d, l, r, mode}), 0.5f);
}
int32_t adam(Case& c) {
  const int n = pick(1, 300);
  return cpcdr_adam(c.floats(n), c.floats(n), c.floats(n), c.floats(n), c.number(n), 1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f,
                    c.number(pick(1, 9)));
}
int32_t sgd(Case& c) {
  const int n = pick(1, 300);
  return cpcdr_sgd(c.floats(n), c.floats(n), c.floats(n), c.number(n), 0.1f, 0.9f, 1e-4f, pick(0, 1));
}
int32_t label(Case& c) {
  const int b = pick(1, 3), h = pick(1, 30), w = pick(1, 150), n = b * h * w;
  return cpcdr_label(c.floats(n), c.words(n, -9, 9), c.words(b, -9, 9),
                     c.sizes({b, h, w, pick(0, 1) ? 8 : 4, pick(0, 1)}), c.setting(pick(0, 2) * 0.5),
                     static_cast<float>(c.setting(0)));
}
int32_t label_bytes(Case& c) {
  const int b = pick(1, 3), h = pick(1, 30), w = pick(1, 150), n = b * h * w;
  return cpcdr_label_bytes(c.bytes(n, pick(1, 255)), c.words(n, -9, 9), c.words(b, -9, 9),
                           c.sizes({b, h, w, pick(0, 1) ? 8 : 4, pick(0, 1)}), c.setting(pick(0, 300)),
                           c.setting(pick(-1, 256)));
}
int32_t label_surfaces(Case& c) {
  const int b = pick(1, 2), h = pick(1, 20), w = pick(1, 80), n = b * h * w;
  return cpcdr_label_surfaces(c.floats(3 * n), c.floats(3 * n), c.floats(n), c.bytes(n), c.words(n, -9, 9),
                              c.words(b, -9, 9), c.sizes({b, h, w, pick(0, 1) ? 8 : 4}), c.setting(0.1), c.setting(0.3),
                              c.setting(0.5), c.setting(0.9));
}
int32_t label_statistics(Case& c) {
  const int h = pick(1, 30), w = pick(1, 80), n = h * w, count = pick(1, 9), capacity = pick(1, 9);
  return cpcdr_label_statistics(c.words(n, -1, count - 1), c.floats(n), c.floats(3 * n), c.words(5 * count, 0, 0),
                                c.doubles(4 * count), c.words(3 * capacity, 0, 0), c.words(1, 0, 0),
                                c.sizes({h, w, count, capacity}));
}
int32_t depth_regions(Case& c) {
  const int h = pick(1, 30), w = pick(1, 60), n = h * w, trials = pick(1, 9), capacity = pick(1, 20);
  double* const settings = c.doubles(14);
  const double plain[] = {1, 2, 0.5, 0.5, 0.01, 0.3, 0.5, 0.9, 0.1, 0.9, 50, double(pick(0, 9)), pick(0, 1) ? NAN : 0.05, 9};
  const bool strange = pick(0, 3) == 0;
  if (settings && !strange) std::memcpy(settings, plain, sizeof plain);
  const int32_t status = cpcdr_depth_regions(c.floats(n), c.floats(n), reinterpret_cast<uint32_t*>(c.words(3 * trials, 0, INT32_MAX)),
                             c.words(n, 0, 0), c.doubles(CPCDR_REGION_FIELDS * capacity), c.words(1, 0, 0),
                             c.sizes({h, w, trials, capacity}), settings);
  return strange && status == CPCDR_INVALID_ARGUMENT ? CPCDR_OK : status;
}
int32_t superpixels(Case& c) {
  const int h = pick(2, 30), w = pick(2, 60);
  return cpcdr_superpixels(c.bytes(3 * h * w), c.floats(256), c.words(h * w, 0, 0),
                           c.sizes({h, w, pick(1, h), pick(1, w), pick(1, 5), pick(1, 3)}), c.setting(0.1));
}
int32_t segment_median(Case& c) {
  const int n = pick(1, 300), count = pick(1, 9);
  return cpcdr_segment_median(c.floats(n), c.words(n, 0, count - 1), c.floats(n), c.number(n), c.number(count));
}
int32_t similarity(Case& c) {
  const int n = pick(1, 40), k = pick(1, 40), d = pick(1, 40);
  return cpcdr_similarity(c.floats(n * d), c.floats(k * d), c.floats(n * k), c.sizes({n, k, d, pick(0, 1)}));
}
int32_t prototype_loss(Case& c) {
  const int n = pick(1, 60), k = pick(1, 40), d = pick(1, 60), groups = pick(1, 30);
  return cpcdr_prototype_loss(c.floats(n * d), c.floats(k * d), c.words(n, -1, groups - 1), c.floats(2),
                              c.words(n, 0, 0), c.floats(n * d), c.floats(k * d),
                              c.sizes({n, k, d, groups, pick(0, 3), pick(0, n)}), static_cast<float>(c.setting(0.05)),
                              static_cast<float>(c.setting(0.1)));
}
int32_t composite(Case& c) {
  const int count = pick(1, 2), h = pick(1, 20), w = pick(1, 40), mixed = pick(1, 2), n = h * w, pastes = pick(1, 5);
  std::vector<const void*> sources;
  for (int s = 0; s < count; s++) {
    sources.push_back(c.bytes(3 * n));
    sources.push_back(c.floats(n));
    sources.push_back(c.words(n, 0, 2));
  }
  std::vector<double> plan, views;
  const double odd[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, 2147483647, -2147483648.0, 0, -1, 0.3};
  const auto colours = [](std::vector<double>* to) {
    for (int s = 0; s < CPCDR_COLOUR_STEPS; s++) to->insert(to->end(), {double(pick(0, 4)), pick(0, 20) * 0.1});
  };
  for (int p = 0; p < pastes; p++) {
    const int top = pick(0, h - 1), left = pick(0, w - 1);
    plan.insert(plan.end(), {double(p * mixed / pastes), double(pick(0, count - 1)), double(pick(-1, 2)), double(top),
                             double(left), double(pick(top + 1, h)), double(pick(left + 1, w)), double(pick(-h, h)),
                             double(pick(-w, w)), double(pick(1, h)), double(pick(1, w)), pick(1, 20) * 0.1,
                             double(pick(0, 1))});
    colours(&plan);
  }
  for (int m = 0; m < mixed; m++) {
    views.insert(views.end(), {double(pick(0, count - 1)), 0.7, 1, 0.6, 2, pick(0, 1) * 0.7});
    colours(&views);
  }
  /* Numbers of the plan that make no sense. */
  const bool strange = pick(0, 2) == 0;
  std::vector<double>& spoiled = pick(0, 1) ? plan : views;
  if (strange) spoiled[static_cast<size_t>(pick(0, static_cast<int>(spoiled.size()) - 1))] = odd[pick(0, 9)];
  const int32_t status =
      cpcdr_composite(sources.data(), c.words(count, 0, 9), plan.data(), views.data(), c.floats(3 * mixed * n),
                      c.words(mixed * n, 0, 0), c.words(mixed * n, 0, 0), c.words(pastes, 0, 0),
                      c.sizes({count, h, w, mixed, pastes, pick(0, 1), pick(0, 1)}));
  return strange && status == CPCDR_INVALID_ARGUMENT ? CPCDR_OK : status;
}

const struct {
  const char* name;
  Entry call;
} kEntries[] = {
    {"matmul", matmul}, {"conv2d", conv2d}, {"conv2d_input_grad", conv2d_input_grad},
    {"conv2d_filter_grad", conv2d_filter_grad}, {"batch_norm", batch_norm}, {"batch_norm_grad", batch_norm_grad},
    {"binary", binary}, {"unary", unary}, {"select", select}, {"logical", logical}, {"reduce", reduce},
    {"arg_max", arg_max}, {"softmax", softmax}, {"max_pool", max_pool}, {"max_pool_grad", max_pool_grad},
    {"avg_pool", avg_pool}, {"avg_pool_grad", avg_pool_grad},
    {"resize_bilinear", resize<cpcdr_resize_bilinear, false>},
    {"resize_bilinear_grad", resize<cpcdr_resize_bilinear_grad, true>},
    {"resize_nearest", resize<cpcdr_resize_nearest, false>},
    {"resize_nearest_grad", resize<cpcdr_resize_nearest_grad, true>}, {"grid_sample", grid_sample},
    {"grid_sample_grad", grid_sample_grad}, {"project_pixels", project_pixels}, {"project_pixels_grad", project_pixels_grad}, {"photometric_error", photometric_error},
    {"photometric_error_grad", photometric_error_grad}, {"align_motion", align_motion},
    {"alignment_error", alignment_error}, {"gather", gather}, {"segment_sum", segment_sum}, {"pad", pad<false>},
    {"pad_grad", pad<true>}, {"adam", adam}, {"sgd", sgd}, {"label", label}, {"label_bytes", label_bytes},
    {"label_surfaces", label_surfaces}, {"label_statistics", label_statistics}, {"depth_regions", depth_regions},
    {"superpixels", superpixels}, {"segment_median", segment_median}, {"similarity", similarity},
    {"prototype_loss", prototype_loss}, {"composite", composite},
};

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 10;
  const char* const text = std::getenv("SEED");
  const unsigned seed = text ? static_cast<unsigned>(std::atoi(text)) : std::random_device{}();
  const bool trace = std::getenv("TRACE") != nullptr;
  const auto started = std::chrono::steady_clock::now();
  int64_t calls = 0, refused = 0;
  while (std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count() < seconds) {
    /* Each call has a seed of its own, which is all that it takes to see it again. */
    const unsigned own = seed + static_cast<unsigned>(calls++);
    generator().seed(own);
    const auto& entry = kEntries[pick(0, static_cast<int>(sizeof kEntries / sizeof *kEntries) - 1)];
    if (trace) std::fprintf(stderr, "SEED=%u %s\n", own, entry.name);
    Case one(pick(0, 1));
    const int32_t status = entry.call(one);
    refused += status != CPCDR_OK;
    const bool known = status == CPCDR_OK || status == CPCDR_INVALID_ARGUMENT || status == CPCDR_OUT_OF_MEMORY;
    if (known && (status == CPCDR_OK || !one.sound())) continue;
    std::printf("FAILED SEED=%u %s: status %d, %s\n", own, entry.name, status, cpcdr_last_error());
    return 1;
  }
  std::printf("ok: %lld fuzzed calls on %s, %lld refused, SEED=%u\n", static_cast<long long>(calls), cpcdr_isa(),
              static_cast<long long>(refused), seed);
}
