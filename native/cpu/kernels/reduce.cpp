/* Sum, mean, maximum and minimum over the middle axis of [outer, extent, inner]. */
#include <algorithm>
#include <limits>

#include "../reduction.h"
#include "../vec.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

/* Elements that are summed in float lanes before they go to a double. */
constexpr int64_t kRun = 1024;

double sum_run(const float* x, int64_t count) {
  constexpr int kSlots = 32;
  float lanes[kSlots] = {};
  int64_t i = 0;
  for (; i + kSlots <= count; i += kSlots) {
    for (int k = 0; k < kSlots; k++) lanes[k] += x[i + k];
  }
  double total = 0;
  for (; i < count; i++) total += static_cast<double>(x[i]);
  for (float lane : lanes) total += static_cast<double>(lane);
  return total;
}

double sum_row(const float* x, int64_t count) {
  double total = 0;
  for (int64_t i = 0; i < count; i += kRun) total += sum_run(x + i, std::min(kRun, count - i));
  return total;
}

/* The larger (or smaller) of two; NaN wins. */
template <bool kLarger>
inline float extreme(float a, float b) {
  if (a != a) return a;
  return b != b || (kLarger ? b > a : b < a) ? b : a;
}

template <bool kLarger>
void extremes(const float* x, float* y, int64_t outer, int64_t extent, int64_t inner) {
  const float start = kLarger ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity();
  parallel_for(outer, std::max<int64_t>(1, (1 << 14) / (extent * inner + 1)), [=](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++) {
      const float* from = x + o * extent * inner;
      float* to = y + o * inner;
      std::fill_n(to, inner, start);
      for (int64_t e = 0; e < extent; e++) {
        for (int64_t i = 0; i < inner; i++) to[i] = extreme<kLarger>(to[i], from[e * inner + i]);
      }
    }
  });
}

/* Sums of rows: one task a group of rows; a single long row is cut at fixed places. */
bool sum_rows(const float* x, float* y, int64_t outer, int64_t extent, double factor) {
  constexpr int64_t kPiece = 1 << 16;
  if (outer >= 8 || extent <= kPiece) {
    parallel_for(outer, std::max<int64_t>(1, (1 << 14) / (extent + 1)), [=](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; o++) y[o] = static_cast<float>(sum_row(x + o * extent, extent) * factor);
    });
    return true;
  }
  const int64_t pieces = (extent + kPiece - 1) / kPiece;
  double* partial = reinterpret_cast<double*>(workspace(0, static_cast<size_t>(2 * pieces)));
  if (!partial) return false;
  for (int64_t o = 0; o < outer; o++) {
    parallel_for(pieces, 1, [=](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; p++) {
        partial[p] = sum_row(x + o * extent + p * kPiece, std::min(kPiece, extent - p * kPiece));
      }
    });
    double total = 0;
    for (int64_t p = 0; p < pieces; p++) total += partial[p];
    y[o] = static_cast<float>(total * factor);
  }
  return true;
}

bool sum_columns(const float* x, float* y, int64_t outer, int64_t extent, int inner, double factor) {
  for (int64_t o = 0; o < outer; o++) {
    const float* from = x + o * extent * inner;
    const double* sums = column_sums<1>(extent, inner, 0, [=](int64_t row, float* sum) {
      for (int i = 0; i < inner; i++) sum[i] += from[row * inner + i];
    });
    if (!sums) return false;
    for (int i = 0; i < inner; i++) y[o * inner + i] = static_cast<float>(sums[i] * factor);
  }
  return true;
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_reduce,
             (int32_t op, const float* x, float* y, int32_t outer, int32_t extent, int32_t inner),
             (op, x, y, outer, extent, inner)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!x || !y) return fail(CPCDR_INVALID_ARGUMENT, "reduce: null pointer");
  if (outer < 1 || extent < 1 || inner < 1) return fail(CPCDR_INVALID_ARGUMENT, "reduce: empty input");
  if (op == CPCDR_MAX) extremes<true>(x, y, outer, extent, inner);
  else if (op == CPCDR_MIN) extremes<false>(x, y, outer, extent, inner);
  else if (op == CPCDR_SUM || op == CPCDR_MEAN) {
    const double factor = op == CPCDR_MEAN ? 1.0 / extent : 1.0;
    const bool done = inner == 1 ? sum_rows(x, y, outer, extent, factor)
                                 : sum_columns(x, y, outer, extent, inner, factor);
    if (!done) return fail(CPCDR_OUT_OF_MEMORY, "reduce: no memory for partial sums");
  } else {
    return fail(CPCDR_INVALID_ARGUMENT, "reduce: unknown operation");
  }
  return CPCDR_OK;
}
