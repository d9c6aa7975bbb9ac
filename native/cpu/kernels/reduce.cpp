/* Sum, mean, maximum, minimum and the maximum's place over the middle axis of [outer, extent, inner]. */
#include <algorithm>

#include "../reduction.h"
#include "../row.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

/* Elements that are summed in float lanes before they go to a double. */
constexpr int64_t kRun = 1024;

double sum_row(const float* x, int64_t count) {
  double total = 0;
  for (int64_t i = 0; i < count; i += kRun) {
    total += static_cast<double>(row_sum(x + i, std::min(kRun, count - i)));
  }
  return total;
}

/* Sums of rows of kExtent elements, vectorised over rows. */
template <int kExtent>
void sum_narrow_rows(const float* x, float* y, int64_t begin, int64_t end, float factor) {
  for (int64_t o = begin; o < end; o++) {
    float total = x[o * kExtent];
    for (int e = 1; e < kExtent; e++) total += x[o * kExtent + e];
    y[o] = total * factor;
  }
}

void sum_some_rows(const float* x, float* y, int64_t begin, int64_t end, int64_t extent, double factor) {
  switch (extent) {
    case 2: return sum_narrow_rows<2>(x, y, begin, end, static_cast<float>(factor));
    case 3: return sum_narrow_rows<3>(x, y, begin, end, static_cast<float>(factor));
    case 4: return sum_narrow_rows<4>(x, y, begin, end, static_cast<float>(factor));
    default:
      for (int64_t o = begin; o < end; o++) y[o] = static_cast<float>(sum_row(x + o * extent, extent) * factor);
  }
}

/* Calls body(outer index, first inner, count) for pieces of the inner axis, in parallel. */
template <typename Body>
void for_pieces(int64_t outer, int64_t extent, int64_t inner, const Body& body) {
  constexpr int64_t kPiece = 4096;
  const int64_t pieces = (inner + kPiece - 1) / kPiece;
  const int64_t grain = std::max<int64_t>(1, (1 << 14) / (extent * std::min(inner, kPiece) + 1));
  parallel_for(outer * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; task++) {
      const int64_t first = task % pieces * kPiece;
      body(task / pieces, first, std::min(kPiece, inner - first));
    }
  });
}

template <bool kLarger>
void extremes(const float* x, float* y, int64_t outer, int64_t extent, int64_t inner) {
  for_pieces(outer, extent, inner, [=](int64_t o, int64_t first, int64_t count) {
    const float* from = x + o * extent * inner + first;
    float* to = y + o * inner + first;
    if (inner == 1) {
      *to = row_extreme<kLarger>(from, extent);
      return;
    }
    std::copy_n(from, count, to);
    for (int64_t e = 1; e < extent; e++) {
      for (int64_t i = 0; i < count; i++) to[i] = extreme<kLarger>(to[i], from[e * inner + i]);
    }
  });
}

/* Sums of rows: one task a group of rows; a single long row is cut at fixed places. */
bool sum_rows(const float* x, float* y, int64_t outer, int64_t extent, double factor) {
  constexpr int64_t kPiece = 1 << 16;
  if (outer >= 8 || extent <= kPiece) {
    parallel_for(outer, std::max<int64_t>(1, (1 << 14) / (extent + 1)), [=](int64_t begin, int64_t end) {
      sum_some_rows(x, y, begin, end, extent, factor);
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

/* At most kBlockRows rows, in float. */
void sum_short_columns(const float* x, float* y, int64_t outer, int64_t extent, int64_t inner, double factor) {
  for_pieces(outer, extent, inner, [=](int64_t o, int64_t first, int64_t count) {
    const float* from = x + o * extent * inner + first;
    float* to = y + o * inner + first;
    std::copy_n(from, count, to);
    for (int64_t e = 1; e < extent; e++) {
      for (int64_t i = 0; i < count; i++) to[i] += from[e * inner + i];
    }
    for (int64_t i = 0; i < count; i++) to[i] = static_cast<float>(static_cast<double>(to[i]) * factor);
  });
}

bool sum_columns(const float* x, float* y, int64_t outer, int64_t extent, int64_t inner, double factor) {
  if (extent <= kBlockRows) {
    sum_short_columns(x, y, outer, extent, inner, factor);
    return true;
  }
  for (int64_t o = 0; o < outer; o++) {
    const float* from = x + o * extent * inner;
    const double* sums = column_sums<1>(extent, inner, 0, [=](int64_t at, int64_t count, float* sum) {
      for (int64_t i = 0; i < count; i++) sum[i] += from[at + i];
    });
    if (!sums) return false;
    for (int64_t i = 0; i < inner; i++) y[o * inner + i] = static_cast<float>(sums[i] * factor);
  }
  return true;
}

/* The first place of a value in a row, or its length. */
int64_t find(const float* x, int64_t count, float value) {
  constexpr int64_t kSlots = 16;
  int64_t i = 0;
  for (; i + kSlots <= count; i += kSlots) {
    int32_t found = 0;
    for (int64_t k = 0; k < kSlots; k++) found |= x[i + k] == value;
    if (found) break;
  }
  while (i < count && x[i] != value) i++;
  return i;
}

/* Index of the first largest element; NaN counts only where it comes first, as in tfjs. */
void arg_max(const float* x, int32_t* y, int64_t outer, int64_t extent, int64_t inner) {
  for_pieces(outer, extent, inner, [=](int64_t o, int64_t first, int64_t count) {
    const float* from = x + o * extent * inner + first;
    int32_t* to = y + o * inner + first;
    if (inner == 1) {
      *to = from[0] != from[0] ? 0 : static_cast<int32_t>(find(from, extent, row_max(from, extent)));
      return;
    }
    for (int64_t i = 0; i < count; i++) {
      float largest = from[i];
      to[i] = 0;
      for (int64_t e = 1; e < extent; e++) {
        const float value = from[e * inner + i];
        if (!(value > largest)) continue;
        largest = value;
        to[i] = static_cast<int32_t>(e);
      }
    }
  });
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

CPCDR_KERNEL(cpcdr_arg_max, (const float* x, int32_t* y, int32_t outer, int32_t extent, int32_t inner),
             (x, y, outer, extent, inner)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!x || !y) return fail(CPCDR_INVALID_ARGUMENT, "arg_max: null pointer");
  if (outer < 1 || extent < 1 || inner < 1) return fail(CPCDR_INVALID_ARGUMENT, "arg_max: empty input");
  arg_max(x, y, outer, extent, inner);
  return CPCDR_OK;
}
