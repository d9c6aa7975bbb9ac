/* Compiled once, since sums in double of one row after the other gain nothing from wider vectors. */
#include "unit_rows.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "thread_pool.h"

namespace cpcdr {
namespace {

constexpr int64_t kRows = 1024;
/* Lengths within 2^-kNear..2^kNear can be multiplied as they are: the square of none is near a float's limits. */
constexpr int kNear = 32;
/* Powers of two that are floats, and so are their inverses. */
constexpr int kMost = 126;

float* floats(int64_t count) { return static_cast<float*>(std::malloc(static_cast<size_t>(count) * sizeof(float))); }

/* Writes each row's power of two, mostly 1, and 1 / length of what that makes of it. Answers whether any is not 1. */
bool measure(const float* rows, int64_t count, int depth, float* factors, float* powers) {
  bool far = false;
  parallel_for(count, kRows, [=, &far](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      double sum = 0;
      for (int c = 0; c < depth; c++) sum += static_cast<double>(rows[i * depth + c]) * rows[i * depth + c];
      const double length = std::sqrt(sum);
      int exponent = 0;
      if (length > 0 && length < 1e300) std::frexp(length, &exponent);
      exponent = std::abs(exponent) <= kNear ? 0 : std::min(std::max(exponent, -kMost), kMost);
      if (exponent) __atomic_store_n(&far, true, __ATOMIC_RELAXED);
      powers[i] = static_cast<float>(std::ldexp(1.0, -exponent));
      factors[i] = length > 0 ? static_cast<float>(std::ldexp(1.0, exponent) / length) : 0;
    }
  });
  return far;
}

void multiply(const float* rows, int64_t count, int depth, const float* powers, float* out) {
  parallel_for(count, kRows, [=](int64_t begin, int64_t end) {
    for (int64_t at = begin * depth; at < end * depth; at++) out[at] = rows[at] * powers[at / depth];
  });
}

}  // namespace

UnitRows::UnitRows(const float* a, int64_t n, const float* b, int64_t k, int depth)
    : a_(a), b_(b), n_(n), factors_(floats(2 * (n + k))) {
  if (!factors_) return;
  float* const powers = factors_ + n + k;
  const bool far_a = measure(a, n, depth, factors_, powers);
  far_ = measure(b, k, depth, factors_ + n, powers + n) || far_a;
  if (!far_ || !(near_ = floats((n + k) * depth))) return;
  multiply(a, n, depth, powers, near_);
  multiply(b, k, depth, powers + n, near_ + n * depth);
  a_ = near_;
  b_ = near_ + n * depth;
}

UnitRows::~UnitRows() {
  std::free(factors_);
  std::free(near_);
}

}  // namespace cpcdr
