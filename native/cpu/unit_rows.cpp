/* Compiled once: products take the time, and each instruction set's copy would take room. */
#include "unit_rows.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "thread_pool.h"

namespace cpcdr {
namespace {

constexpr int64_t kRows = 1024;
/* Lengths between 1 / kNear and kNear can be multiplied as they are: the square of none is near a float's limits. */
constexpr double kNear = 4294967296.0;
/* Powers of two that are floats, and so are their inverses. */
constexpr int kMost = 126;

double length_of(const float* row, int depth) {
  double sums[4] = {}; /* which add up beside each other */
  int c = 0;
  for (; c + 4 <= depth; c += 4) {
    for (int k = 0; k < 4; k++) sums[k] += static_cast<double>(row[c + k]) * row[c + k];
  }
  for (; c < depth; c++) sums[0] += static_cast<double>(row[c]) * row[c];
  return std::sqrt((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

/* The exponent of a length that is to be brought near 1; 0 of one that is near enough, or of NaN, infinity and 0. */
int exponent_of(double length) {
  if ((length > 1 / kNear && length < kNear) || !(length > 0 && length < 1e300)) return 0;
  int exponent;
  std::frexp(length, &exponent);
  return std::min(std::max(exponent, -kMost), kMost);
}

float* floats(int64_t count) { return static_cast<float*>(std::malloc(static_cast<size_t>(count) * sizeof(float))); }

/* Writes each row's power of two, mostly 1, and 1 / length of what that makes of it. Answers whether any is not 1. */
bool measure(const float* rows, int64_t count, int depth, float* factors, float* powers) {
  bool far = false;
  parallel_for(count, kRows, [=, &far](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const double length = length_of(rows + i * depth, depth);
      const int exponent = exponent_of(length);
      factors[i] = length > 0 ? static_cast<float>(1 / length) : 0;
      powers[i] = 1;
      if (exponent == 0) continue;
      __atomic_store_n(&far, true, __ATOMIC_RELAXED);
      factors[i] = static_cast<float>(std::ldexp(1.0, exponent) / length);
      powers[i] = static_cast<float>(std::ldexp(1.0, -exponent));
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
