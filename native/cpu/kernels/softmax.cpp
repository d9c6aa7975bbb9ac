/* Softmax and its logarithm along the last axis. */
#include <algorithm>

#include "../math.h"
#include "../row.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

void softmax_row(const float* x, float* y, int columns, bool logarithm) {
  const float largest = row_max(x, columns);
  for (int i = 0; i < columns; i++) y[i] = fast_exp(x[i] - largest);
  const float sum = row_sum(y, columns);
  if (logarithm) {
    const float shift = fast_log(sum);
    for (int i = 0; i < columns; i++) y[i] = x[i] - largest - shift;
  } else {
    const float factor = 1 / sum;
    for (int i = 0; i < columns; i++) y[i] *= factor;
  }
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_softmax, (const float* x, float* y, int32_t rows, int32_t columns, int32_t logarithm),
             (x, y, rows, columns, logarithm)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!x || !y) return fail(CPCDR_INVALID_ARGUMENT, "softmax: null pointer");
  if (rows < 0 || columns < 1) return fail(CPCDR_INVALID_ARGUMENT, "softmax: empty rows");
  parallel_for(rows, std::max(1, (1 << 13) / columns), [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      softmax_row(x + row * columns, y + row * columns, columns, logarithm != 0);
    }
  });
  return CPCDR_OK;
}
