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

/* Sums of random terms in double precision, and what the rounding of such a sum grows with. */
struct Sums {
  std::vector<double> values, squares, terms;

  explicit Sums(int64_t count)
      : values(static_cast<size_t>(count)), squares(static_cast<size_t>(count)), terms(static_cast<size_t>(count)) {}
  void add(size_t i, double term) {
    values[i] += term;
    squares[i] += term * term;
    terms[i]++;
  }
};

/* What makes a sum less exact than one whose terms are added up one by one. */
enum class Parts {
  kNone,
  /* Sums are made of parts that others have too (cpu/conv/winograd.h), so that each is as uncertain as the largest. */
  kShared,
  /* These parts are rounded to bfloat16 besides. */
  kRounded,
};

/*
 * Ends the program when a float32 sum is further off than its rounding explains. Each of the n additions is off by
 * up to 2^-24 of the sum so far, which is about as large as the root of the terms' squares or as the sum itself; the
 * n errors add up like a random walk. That they cancel leaves errors large beside a sum near 0, so that no bound
 * relative to the sum holds. Of 1e7 sums of 1 to 2000 terms the worst was off by 2.4, the mean square's root 0.3; of
 * 3000 convolutions with shared parts by 2.9, of 2000 with rounded ones by 2.5 times 2^-7 of the root of the squares.
 */
inline void expect_sums(const std::string& what, const Floats& got, const Sums& expected, Parts parts = Parts::kNone) {
  double most_terms = 0, most_squares = 0;
  for (size_t i = 0; parts != Parts::kNone && i < expected.values.size(); i++) {
    most_terms = std::fmax(most_terms, expected.terms[i]);
    most_squares = std::fmax(most_squares, expected.squares[i]);
  }
  for (size_t i = 0; i < expected.values.size(); i++) {
    const double squares = std::fmax(expected.squares[i], most_squares), terms = std::fmax(expected.terms[i], most_terms);
    const double size = std::fmax(std::sqrt(squares), std::fabs(expected.values[i]));
    double rounding = std::ldexp(std::sqrt(terms) * size, -24);
    if (parts == Parts::kRounded) rounding += std::ldexp(std::sqrt(squares), -7);
    const double error = std::fabs(got[i] - expected.values[i]);
    if (error <= 5 * rounding) continue;
    std::printf("FAILED %s: expected %g, got %g at %zu of %zu, off by %g roundings\n", what.c_str(),
                expected.values[i], static_cast<double>(got[i]), i, expected.values.size(), error / rounding);
    std::exit(1);
  }
}

inline void expect_status(const std::string& what, int32_t got, int32_t expected) {
  if (got == expected) return;
  std::printf("FAILED %s: expected status %d, got %d\n", what.c_str(), expected, got);
  std::exit(1);
}

#endif
