/* Element-wise operations: binary with broadcasting, unary, and selection. */
#include <cmath>

#include "../math.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

/* Elements of one task. */
constexpr int64_t kGrain = 1 << 14;

template <typename Out, typename F>
void inner_loop(const float* a, int64_t stride_a, const float* b, int64_t stride_b, Out* out, int64_t count,
                const F& f) {
  if (stride_a == 1 && stride_b == 1) {
    for (int64_t i = 0; i < count; i++) out[i] = f(a[i], b[i]);
  } else if (stride_a == 1 && stride_b == 0) {
    const float right = *b;
    for (int64_t i = 0; i < count; i++) out[i] = f(a[i], right);
  } else if (stride_a == 0 && stride_b == 1) {
    const float left = *a;
    for (int64_t i = 0; i < count; i++) out[i] = f(left, b[i]);
  } else {
    for (int64_t i = 0; i < count; i++) out[i] = f(a[i * stride_a], b[i * stride_b]);
  }
}

/* Runs over four axes; tasks are runs of inner rows, and pieces of a row where there are few rows. */
template <typename Out, typename F>
void broadcast(const float* a, const float* b, void* target, const int32_t* sizes, const F& f) {
  Out* out = static_cast<Out*>(target);
  const int64_t d1 = sizes[1], d2 = sizes[2], d3 = sizes[3];
  const int32_t *sa = sizes + 4, *sb = sizes + 8;
  const int64_t rows = sizes[0] * d1 * d2;
  const int64_t pieces = rows >= 8 ? 1 : (d3 + kGrain - 1) / kGrain;
  const int64_t piece = pieces ? (d3 + pieces - 1) / pieces : 0;
  const int64_t grain = kGrain / (piece + 1) + 1;
  parallel_for(rows * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; task++) {
      const int64_t row = task / pieces, from = task % pieces * piece;
      const int64_t i2 = row % d2, i1 = row / d2 % d1, i0 = row / d2 / d1;
      const int64_t count = from + piece <= d3 ? piece : d3 - from;
      inner_loop(a + i0 * sa[0] + i1 * sa[1] + i2 * sa[2] + from * sa[3], sa[3],
                 b + i0 * sb[0] + i1 * sb[1] + i2 * sb[2] + from * sb[3], sb[3], out + row * d3 + from, count, f);
    }
  });
}

template <typename F>
void map(const float* x, float* y, int64_t count, const F& f) {
  parallel_for(count, kGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) y[i] = f(x[i]);
  });
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_binary, (int32_t op, const float* a, const float* b, void* out, const int32_t* sizes),
             (op, a, b, out, sizes)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!a || !b || !out || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "binary: null pointer");
  for (int i = 0; i < 4; i++) {
    if (sizes[i] < 0) return fail(CPCDR_INVALID_ARGUMENT, "binary: negative size");
    if (sizes[i] == 0) return CPCDR_OK;
  }
#define CPCDR_CASE(code, type, expression) \
  case code: broadcast<type>(a, b, out, sizes, [](float x, float y) -> type { return expression; }); break;
  switch (op) {
    CPCDR_CASE(CPCDR_ADD, float, x + y)
    CPCDR_CASE(CPCDR_SUB, float, x - y)
    CPCDR_CASE(CPCDR_MUL, float, x * y)
    CPCDR_CASE(CPCDR_DIV, float, x / y)
    CPCDR_CASE(CPCDR_MAXIMUM, float, x > y || x != x ? x : y)
    CPCDR_CASE(CPCDR_MINIMUM, float, x < y || x != x ? x : y)
    CPCDR_CASE(CPCDR_SQUARED_DIFFERENCE, float, (x - y) * (x - y))
    CPCDR_CASE(CPCDR_ELU_GRAD, float, y >= 0 ? x : x * (y + 1))
    CPCDR_CASE(CPCDR_GREATER, uint8_t, x > y)
    CPCDR_CASE(CPCDR_GREATER_EQUAL, uint8_t, x >= y)
    CPCDR_CASE(CPCDR_LESS, uint8_t, x < y)
    CPCDR_CASE(CPCDR_LESS_EQUAL, uint8_t, x <= y)
    CPCDR_CASE(CPCDR_EQUAL, uint8_t, x == y)
    CPCDR_CASE(CPCDR_NOT_EQUAL, uint8_t, x != y)
    default: return fail(CPCDR_INVALID_ARGUMENT, "binary: unknown operation");
  }
#undef CPCDR_CASE
  return CPCDR_OK;
}

CPCDR_KERNEL(cpcdr_unary, (int32_t op, const float* x, float* y, int64_t count, float p, float q),
             (op, x, y, count, p, q)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!x || !y) return fail(CPCDR_INVALID_ARGUMENT, "unary: null pointer");
#define CPCDR_CASE(code, expression) \
  case code: map(x, y, count, [=](float v) -> float { return expression; }); break;
  switch (op) {
    CPCDR_CASE(CPCDR_NEG, -v)
    CPCDR_CASE(CPCDR_ABS, std::fabs(v))
    CPCDR_CASE(CPCDR_SQUARE, v * v)
    CPCDR_CASE(CPCDR_SQRT, std::sqrt(v))
    CPCDR_CASE(CPCDR_RSQRT, 1 / std::sqrt(v))
    CPCDR_CASE(CPCDR_RECIPROCAL, 1 / v)
    CPCDR_CASE(CPCDR_EXP, fast_exp(v))
    CPCDR_CASE(CPCDR_LOG, fast_log(v))
    CPCDR_CASE(CPCDR_SIGMOID_OF, 1 / (1 + fast_exp(-v)))
    CPCDR_CASE(CPCDR_RELU_OF, v < 0 ? 0 : v)
    CPCDR_CASE(CPCDR_RELU6_OF, v < 0 ? 0 : v > 6 ? 6 : v)
    CPCDR_CASE(CPCDR_ELU_OF, v >= 0 ? v : fast_exp(v) - 1)
    CPCDR_CASE(CPCDR_LEAKY_RELU_OF, v < 0 ? v * p : v)
    CPCDR_CASE(CPCDR_CLIP, v > q ? q : v < p ? p : v)
    CPCDR_CASE(CPCDR_STEP, v > 0 ? 1 : v != v ? v : p)
    default: return fail(CPCDR_INVALID_ARGUMENT, "unary: unknown operation");
  }
#undef CPCDR_CASE
  (void)p;
  (void)q;
  return CPCDR_OK;
}

CPCDR_KERNEL(cpcdr_select,
             (const uint8_t* condition, const float* a, const float* b, float* out, int64_t count),
             (condition, a, b, out, count)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!condition || !a || !b || !out) return fail(CPCDR_INVALID_ARGUMENT, "select: null pointer");
  parallel_for(count, kGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) out[i] = condition[i] ? a[i] : b[i];
  });
  return CPCDR_OK;
}
