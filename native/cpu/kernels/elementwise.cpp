/* Element-wise operations: binary with broadcasting, unary, and selection. */
#include <algorithm>
#include <cmath>

#include "../math.h"
#include "../reduction.h"

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

/* Rows shorter than this are joined into wide ones. */
constexpr int64_t kShortRow = 128;

/* One side of an operation on a matrix of short rows: whole, one row that repeats, or one column that does. */
class Side {
 public:
  /* The strides must be one of the three; `repeated` is what widen() made of a row. */
  Side(const float* values, int row_stride, int column_stride, int64_t columns, const float* repeated)
      : values_(values), repeated_(repeated), columns_(columns), row_(row_stride == 0), column_(column_stride == 0) {}

  static bool fits(int row_stride, int column_stride, int64_t columns) {
    if (column_stride == 0) return row_stride == 1;
    return column_stride == 1 && (row_stride == 0 || row_stride == columns);
  }

  /* The elements of a wide row from the first on, where they stand or put into the buffer. */
  const float* at(int64_t first, int64_t count, float* buffer) const {
    if (row_) return repeated_;
    if (!column_) return values_ + first;
    const float* from = values_ + first / columns_;
    switch (columns_) {
      case 2: repeat<2>(from, count / 2, buffer); break;
      case 3: repeat<3>(from, count / 3, buffer); break;
      default:
        for (int64_t i = 0; i < count; i += columns_) std::fill_n(buffer + i, columns_, from[i / columns_]);
    }
    return buffer;
  }

 private:
  template <int kColumns>
  static void repeat(const float* from, int64_t rows, float* buffer) {
    for (int64_t r = 0; r < rows; r++) {
      for (int c = 0; c < kColumns; c++) buffer[r * kColumns + c] = from[r];
    }
  }

  const float *values_, *repeated_;
  int64_t columns_;
  bool row_, column_;
};

/* Whether this is a matrix of short rows, against one row as a bias is, or against one column. */
bool has_short_rows(const int32_t* sizes) {
  const int64_t columns = sizes[3];
  return sizes[0] == 1 && sizes[1] == 1 && sizes[2] > 1 && columns > 1 && columns < kShortRow &&
         Side::fits(sizes[6], sizes[7], columns) && Side::fits(sizes[10], sizes[11], columns);
}

/* Joins short rows into wide ones; false when memory is exhausted. */
template <typename Out, typename F>
bool combine_short_rows(const float* a, const float* b, Out* out, const int32_t* sizes, const F& f) {
  const int64_t rows = sizes[2], columns = sizes[3], wide = wide_row(rows, columns), elements = rows * columns;
  constexpr int64_t kMaxWide = kWideElements + kShortRow;
  float* repeated = workspace(0, static_cast<size_t>(2 * wide));
  if (!repeated) return false;
  if (sizes[6] == 0) widen(a, columns, wide, repeated);
  if (sizes[10] == 0) widen(b, columns, wide, repeated + wide);
  const Side left(a, sizes[6], sizes[7], columns, repeated);
  const Side right(b, sizes[10], sizes[11], columns, repeated + wide);
  parallel_for((elements + wide - 1) / wide, kGrain / wide + 1, [=](int64_t begin, int64_t end) {
    float buffers[2][kMaxWide];
    for (int64_t i = begin; i < end; i++) {
      const int64_t first = i * wide, count = std::min(wide, elements - first);
      const float *x = left.at(first, count, buffers[0]), *y = right.at(first, count, buffers[1]);
      inner_loop(x, 1, y, 1, out + first, count, f);
    }
  });
  return true;
}

/* Runs over four axes; tasks are runs of inner rows, and pieces of a row where there are few rows. */
template <typename Out, typename F>
void broadcast(const float* a, const float* b, void* target, const int32_t* sizes, const F& f) {
  Out* out = static_cast<Out*>(target);
  if (has_short_rows(sizes) && combine_short_rows(a, b, out, sizes, f)) return;
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
    /* A copy of its own: what f holds could otherwise alias y, and would be read again each time. */
    const F own = f;
    for (int64_t i = begin; i < end; i++) y[i] = own(x[i]);
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
    CPCDR_CASE(CPCDR_SIGMOID_OF, fast_sigmoid(v))
    CPCDR_CASE(CPCDR_RELU_OF, v < 0 ? 0 : v)
    CPCDR_CASE(CPCDR_RELU6_OF, v < 0 ? 0 : v > 6 ? 6 : v)
    CPCDR_CASE(CPCDR_ELU_OF, v >= 0 ? v : fast_expm1(v))
    CPCDR_CASE(CPCDR_LEAKY_RELU_OF, v < 0 ? v * p : v)
    CPCDR_CASE(CPCDR_CLIP, v > q ? q : v < p ? p : v)
    CPCDR_CASE(CPCDR_STEP, v > 0 ? 1 : v != v ? v : p)
    CPCDR_CASE(CPCDR_TANH, fast_tanh(v))
    CPCDR_CASE(CPCDR_LOG1P, fast_log1p(v))
    CPCDR_CASE(CPCDR_SOFTPLUS, fast_softplus(v))
    CPCDR_CASE(CPCDR_FLOOR, std::floor(v))
    CPCDR_CASE(CPCDR_CEIL, std::ceil(v))
    CPCDR_CASE(CPCDR_SIGN, v < 0 ? -1 : v > 0 ? 1 : 0)
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
    for (int64_t i = begin; i < end; i++) {
      const float yes = a[i], no = b[i];
      out[i] = condition[i] ? yes : no;
    }
  });
  return CPCDR_OK;
}

CPCDR_KERNEL(cpcdr_logical, (int32_t op, const uint8_t* a, const uint8_t* b, uint8_t* out, int64_t count),
             (op, a, b, out, count)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!a || !b || !out) return fail(CPCDR_INVALID_ARGUMENT, "logical: null pointer");
  if (op < CPCDR_AND || op > CPCDR_NOT) return fail(CPCDR_INVALID_ARGUMENT, "logical: unknown operation");
  parallel_for(count, 4 * kGrain, [=](int64_t begin, int64_t end) {
    /* Bytes may alias anything, also what this closure holds; these do not. */
    const uint8_t *left = a + begin, *right = b + begin;
    uint8_t* to = out + begin;
    const int64_t size = end - begin;
    if (op == CPCDR_AND) {
      for (int64_t i = 0; i < size; i++) to[i] = (left[i] != 0) & (right[i] != 0);
    } else if (op == CPCDR_OR) {
      for (int64_t i = 0; i < size; i++) to[i] = (left[i] != 0) | (right[i] != 0);
    } else {
      for (int64_t i = 0; i < size; i++) to[i] = left[i] == 0;
    }
  });
  return CPCDR_OK;
}
