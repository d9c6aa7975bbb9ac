/* The few helpers of the C++ checks: seeded random values and a comparison that names the case. */
#ifndef CPCDR_CHECK_H
#define CPCDR_CHECK_H

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

using Floats = std::vector<float>;

inline std::mt19937& generator() {
  static std::mt19937 instance(std::getenv("SEED") ? std::atoi(std::getenv("SEED")) : std::random_device{}());
  return instance;
}

inline int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(generator()); }

inline Floats random_floats(int64_t count) {
  std::normal_distribution<float> normal;
  Floats values(static_cast<size_t>(count));
  for (float& value : values) value = normal(generator());
  return values;
}

/* Ends the program when a value is off by more than the bound, relative to 1 + |expected|. */
inline void expect_close(const std::string& what, const Floats& got, const std::vector<double>& expected,
                         double bound) {
  for (size_t i = 0; i < expected.size(); i++) {
    const double error = std::fabs(got[i] - expected[i]) / (1 + std::fabs(expected[i]));
    if (error <= bound) continue;
    std::printf("FAILED %s: expected %g, got %g at %zu of %zu\n", what.c_str(), expected[i],
                static_cast<double>(got[i]), i, expected.size());
    std::exit(1);
  }
}

inline void expect_status(const std::string& what, int32_t got, int32_t expected) {
  if (got == expected) return;
  std::printf("FAILED %s: expected status %d, got %d\n", what.c_str(), expected, got);
  std::exit(1);
}

#endif
