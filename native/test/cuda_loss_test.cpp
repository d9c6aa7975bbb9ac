/*
 * The CUDA library's similarity and prototype loss, run by the emulator, against plain loops in double; in float32, and
 * with factors rounded as tensor cores round them.
 */
#include "emulator.h"

#include "../include/cpcdr.h"
#include "../shared/loss/prototype_loss_call.h"
#include "../shared/loss/similarity_call.h"

namespace {

using namespace cpcdr::shared;
using Doubles = std::vector<double>;
using Ids = std::vector<int32_t>;

/* [n, k] dot products. */
Doubles products(const Floats& a, const Floats& b, int n, int k, int d) {
  Doubles out(static_cast<size_t>(n * k));
  for (int i = 0; i < n; i++) {
    for (int c = 0; c < k; c++) {
      double sum = 0;
      for (int e = 0; e < d; e++) {
        sum += double(a[static_cast<size_t>(i * d + e)]) * double(b[static_cast<size_t>(c * d + e)]);
      }
      out[static_cast<size_t>(i * k + c)] = sum;
    }
  }
  return out;
}

/* Rows to the nearest values of 11 significant bits, as TF32 has them. */
Floats rounded_rows(Floats rows) {
  for (float& value : rows) {
    int exponent;
    const double mantissa = std::frexp(double(value), &exponent);
    value = static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(mantissa, 11)), exponent - 11));
  }
  return rows;
}

double length(const Floats& rows, int i, int d) {
  double sum = 0;
  for (int e = 0; e < d; e++) {
    sum += double(rows[static_cast<size_t>(i * d + e)]) * double(rows[static_cast<size_t>(i * d + e)]);
  }
  return std::sqrt(sum);
}

void check_similarity() {
  const int n = pick(1, 200), k = pick(1, 150), d = pick(1, 90);
  Floats a = random_floats(n * d), b = random_floats(k * d);
  std::fill_n(a.begin(), d, 0.0f);
  const int32_t sizes[] = {n, k, d, pick(0, 1)};
  Floats out(static_cast<size_t>(n * k), NAN);
  /* Rows of any length: what is beyond the range of halves is brought there. */
  const auto scale = [d](Floats* rows, int i, int exponent) {
    for (size_t at = static_cast<size_t>(i * d); at < static_cast<size_t>((i + 1) * d); at++) {
      (*rows)[at] = std::ldexp((*rows)[at], exponent);
    }
  };
  Ids exponents(static_cast<size_t>(n));
  Floats scaled = a, scaled_b = b;
  /* Of cosines both factors are of any length that floats have. */
  const int most = sizes[3] ? 120 : 60;
  for (int i = 0; i < n; i++) scale(&scaled, i, exponents[static_cast<size_t>(i)] = pick(-most, most));
  for (int c = 0; sizes[3] && c < k; c++) scale(&scaled_b, c, pick(-most, most));
  Emulator device;
  const bool rounded = pick(0, 1);
  if (rounded) device.use_tensor_cores();
  expect_status("similarity", similarity_on(device, scaled.data(), scaled_b.data(), out.data(), sizes), 0);
  for (int i = 0; !sizes[3] && i < n * k; i++) {
    float& value = out[static_cast<size_t>(i)];
    value = std::ldexp(value, -exponents[static_cast<size_t>(i / k)]);
  }
  Doubles expected = rounded ? products(rounded_rows(a), rounded_rows(b), n, k, d) : products(a, b, n, k, d);
  for (int i = 0; sizes[3] && i < n; i++) {
    for (int c = 0; c < k; c++) {
      const double lengths = length(a, i, d) * length(b, c, d);
      double& value = expected[static_cast<size_t>(i * k + c)];
      value = lengths > 0 ? value / lengths : 0;
    }
  }
  expect_close("similarity", out, expected, 1e-5);
}

/* Arrays of no elements are null. */
void check_no_rows() {
  Emulator device;
  const float row = 1;
  const int32_t no_rows[] = {0, 1, 1, 1}, no_columns[] = {1, 0, 1, 0}, some[] = {1, 1, 1, 1};
  expect_status("no rows", similarity_on(device, nullptr, &row, nullptr, no_rows), CPCDR_OK);
  expect_status("no columns", similarity_on(device, &row, nullptr, nullptr, no_columns), CPCDR_OK);
  expect_status("no result", similarity_on(device, &row, &row, nullptr, some), CPCDR_INVALID_ARGUMENT);
}

struct Expected {
  Doubles dfeatures, dprototypes;
  Doubles of_features, of_prototypes; /* the same sums of absolute values of the softmax, the targets and factors */
  double loss = 0, entropy = 0;
  Ids nearest;
};

/* The definition, plainly (lib/pretrain/prototype_loss.ts). */
Expected plain_loss(const Floats& f, const Floats& p, const Ids& groups, const int32_t* sizes, double epsilon,
                    double temperature) {
  const int n = sizes[0], k = sizes[1], d = sizes[2], iterations = sizes[4];
  const Doubles s = products(f, p, n, k, d);
  Doubles q(s.size(), 0), rows(static_cast<size_t>(k), 0);
  const auto at = [k](int i, int c) { return static_cast<size_t>(i * k + c); };
  const auto present = [&](int i) { return groups[static_cast<size_t>(i)] >= 0; };
  int count = 0, counted = 0;
  for (int i = 0; i < n; i++) count += present(i);
  for (int i = 0; i < std::min(n, sizes[5]); i++) counted += present(i);
  for (int i = 0; i < n; i++) {
    for (int c = 0; c < k; c++) q[at(i, c)] = present(i) ? std::exp(s[at(i, c)] / epsilon) : 0;
  }
  for (int iteration = 0; iteration <= iterations; iteration++) {
    for (int c = 0; iteration > 0 && c < k; c++) {
      double sum = 0;
      for (int i = 0; i < n; i++) sum += q[at(i, c)];
      for (int i = 0; i < n; i++) q[at(i, c)] /= sum > 0 ? sum : 1;
    }
    if (iteration == 0 && iterations > 0) continue;
    for (int i = 0; i < n; i++) {
      double sum = 0;
      for (int c = 0; c < k; c++) sum += q[at(i, c)];
      for (int c = 0; c < k; c++) q[at(i, c)] /= sum > 0 ? sum : 1;
    }
  }
  Doubles targets(static_cast<size_t>(std::max(1, sizes[3]) * k), 0), members(static_cast<size_t>(std::max(1, sizes[3])), 0);
  for (int i = 0; i < n; i++) {
    if (!present(i)) continue;
    members[static_cast<size_t>(groups[static_cast<size_t>(i)])]++;
    for (int c = 0; c < k; c++) targets[at(groups[static_cast<size_t>(i)], c)] += q[at(i, c)];
  }
  const Doubles no_features(f.size(), 0), no_prototypes(p.size(), 0);
  Expected out{no_features, no_prototypes, no_features, no_prototypes, 0, 0, Ids(static_cast<size_t>(n), 0)};
  for (int i = 0; i < n; i++) {
    for (int c = 1; c < k; c++) {
      int32_t& best = out.nearest[static_cast<size_t>(i)];
      if (s[at(i, c)] > s[at(i, best)]) best = c;
    }
    if (!present(i)) continue;
    double total = 0;
    for (int c = 0; c < k; c++) total += std::exp(s[at(i, c)] / temperature);
    for (int c = 0; c < k; c++) {
      const double target = targets[at(groups[static_cast<size_t>(i)], c)] / members[static_cast<size_t>(groups[static_cast<size_t>(i)])];
      const double logarithm = s[at(i, c)] / temperature - std::log(total);
      out.loss -= target * logarithm / count;
      if (i < sizes[5]) out.entropy -= q[at(i, c)] * std::log(q[at(i, c)] + 1e-12) / (counted * std::log(double(k)));
      const double ds = (std::exp(logarithm) - target) / (count * temperature);
      const double sizes_of = (std::exp(logarithm) + target) / (count * temperature);
      for (int e = 0; e < d; e++) {
        const size_t of_row = static_cast<size_t>(i * d + e), of_column = static_cast<size_t>(c * d + e);
        out.dfeatures[of_row] += ds * double(p[of_column]);
        out.dprototypes[of_column] += ds * double(f[of_row]);
        out.of_features[of_row] += sizes_of * std::fabs(double(p[of_column]));
        out.of_prototypes[of_column] += sizes_of * std::fabs(double(f[of_row]));
      }
    }
  }
  return out;
}

Floats unit_rows(int count, int d) {
  Floats rows = random_floats(count * d);
  for (int i = 0; i < count; i++) {
    const double own = length(rows, i, d);
    for (int e = 0; e < d; e++) rows[static_cast<size_t>(i * d + e)] /= static_cast<float>(own);
  }
  return rows;
}

/*
 * Scores of unit rows that are kept in 16 bits are off by half of this. Exponents then are off by as much over epsilon
 * or temperature, and factors of rows and columns by no more.
 */
constexpr double kScoreStep = 1.0 / 32767;

/*
 * What float32 makes softmax and targets off by, of themselves: a score over epsilon (20 at most), the factors of its
 * row and column, which are as large, and their sum are rounded to 2^-24 of themselves before they become an exponent.
 */
constexpr double kExponentRounding = 4 * 20.0 / (1 << 24);

/*
 * Errors of 2e-4 of the largest value, which is what training feels; and of the sum of absolute values what softmax
 * and targets are off by, since they may cancel in every element, and more where ds and the factors of its sums are
 * rounded to 2^-11 of themselves and scores to steps.
 */
void expect_near(const char* what, const Floats& got, const Doubles& expected, const Doubles& absolute, double share) {
  double largest = 1e-30;
  for (const double value : expected) largest = std::max(largest, std::fabs(value));
  for (size_t i = 0; i < expected.size(); i++) {
    const double bound = 2e-4 * largest + absolute[i] * share;
    if (std::fabs(got[i] - expected[i]) <= bound) continue;
    std::printf("FAILED %s: expected %g at %zu, got %g, off by more than %g\n", what, expected[i], i,
                static_cast<double>(got[i]), bound);
    std::exit(1);
  }
}

void check_loss() {
  /* Now and then more groups than have their targets in memory at a time. */
  const bool many = pick(0, 7) == 0;
  /* And more columns than are kept. */
  const bool wide = !many && pick(0, 15) == 0;
  const int n = many ? pick(1100, 2500) : wide ? pick(1, 30) : pick(0, 9) == 0 ? pick(1, 4) : pick(1, 300);
  const int k = many ? pick(2, 20) : wide ? pick(900, 1200) : pick(2, 280);
  /* In two dimensions many scores are all but 1, which rounded factors exceed. */
  const int d = pick(0, 9) == 0   ? 2
                : wide            ? pick(1, 20)
                : pick(0, 9) == 0 ? pick(240, 270)
                : many            ? pick(1, 10)
                : pick(0, 3)      ? pick(1, 60)
                                  : pick(120, 140);
  const int group_count = many || pick(0, 2) == 0 ? n : pick(1, 40);
  const Floats f = unit_rows(n, d), p = unit_rows(k, d);
  Ids groups(static_cast<size_t>(n)), nearest(groups.size(), -7);
  /* One group may take most rows, so that it reaches over many blocks. */
  const bool uneven = !many && pick(0, 1);
  /* Powers for targets are squares of those for softmax, or not. */
  const bool square = pick(0, 1);
  const float epsilon = square ? 0.05f : 0.06f, temperature = 0.1f;
  /* Gradients that begin anywhere in memory: what is kept there before must lie where it may. */
  const size_t into = static_cast<size_t>(pick(0, 3));
  for (int32_t& group : groups) group = uneven && pick(0, 3) ? 0 : pick(-1, group_count - 1);
  const int32_t sizes[] = {n, k, d, group_count, pick(0, 3), pick(1, n)};
  Floats result(2, NAN), all_df(into + f.size(), NAN), dp(p.size(), NAN);
  Emulator device;
  const bool rounded = pick(0, 1);
  if (rounded) device.use_tensor_cores();
  /* Float32 scores of all rows, of half at a time as if these were many, or none kept. */
  const int64_t small = pick(0, 2) ? pick(0, 1) ? 0 : int64_t{1} << 30 : -1;
  expect_status("prototype_loss", prototype_loss_on(device, {f.data(), p.data(), groups.data(), result.data(), nearest.data(),
                                                             all_df.data() + into, dp.data(), sizes, epsilon,
                                                             temperature}, small), 0);
  for (size_t i = 0; i < into; i++) expect_status("memory before the gradient", std::isnan(all_df[i]), 1);
  const Floats df(all_df.begin() + static_cast<std::ptrdiff_t>(into), all_df.end());
  const Floats seen_f = rounded ? rounded_rows(f) : f, seen_p = rounded ? rounded_rows(p) : p;
  const Expected expected = plain_loss(seen_f, seen_p, groups, sizes, double(epsilon), double(temperature));
  const bool any = std::any_of(groups.begin(), groups.begin() + sizes[5], [](int32_t g) { return g >= 0; });
  const bool stepped = small >= 0 && (rounded || small == 0);
  const double bound = 1e-5 + (stepped ? kScoreStep / 0.05 : 0);
  expect_close("loss", {result[0]}, {expected.loss}, bound);
  if (any) expect_close("entropy", {result[1]}, {expected.entropy}, bound);
  const double share = kExponentRounding + (rounded ? 1.0 / 1024 : 0) + (stepped ? kScoreStep / 0.05 : 0);
  expect_near("gradient of features", df, expected.dfeatures, expected.of_features, share);
  expect_near("gradient of prototypes", dp, expected.dprototypes, expected.of_prototypes, share);
  const Doubles s = products(seen_f, seen_p, n, k, d);
  for (int i = 0; i < n; i++) {
    const size_t row = static_cast<size_t>(i * k), own = static_cast<size_t>(i);
    const double behind = s[row + static_cast<size_t>(expected.nearest[own])] - s[row + static_cast<size_t>(nearest[own])];
    expect_status("nearest prototype", behind <= 1e-6 + (rounded ? 1.001 * kScoreStep : 0), 1);
  }
}

/* The same bytes every time, whatever the order of blocks and threads. */
void check_repeats() {
  const int n = pick(100, 400), k = pick(2, 100), d = pick(1, 40);
  const Floats f = unit_rows(n, d), p = unit_rows(k, d);
  Ids groups(static_cast<size_t>(n)), nearest(groups.size());
  for (int32_t& group : groups) group = pick(-1, 9);
  const int32_t sizes[] = {n, k, d, 10, 3, n};
  Floats first;
  const bool rounded = pick(0, 1);
  for (int round = 0; round < 2; round++) {
    Floats all(2 + f.size() + p.size(), NAN);
    Emulator device;
    if (rounded) device.use_tensor_cores();
    expect_status("prototype_loss", prototype_loss_on(device, {f.data(), p.data(), groups.data(), all.data(), nearest.data(),
                                                               all.data() + 2, all.data() + 2 + f.size(), sizes, 0.05f,
                                                               0.1f}), 0);
    if (round == 0) first = all;
    else expect_status("equal bytes", std::memcmp(first.data(), all.data(), 4 * all.size()), 0);
  }
}

/* Scores far beyond cosines stay finite; bad arguments are refused; memory stays within its bound. */
void check_bounds() {
  const int n = pick(1, 200), k = pick(2, 50), d = pick(1, 10);
  Floats f = random_floats(n * d), p = random_floats(k * d), result(2), df(f.size(), NAN), dp(p.size(), NAN);
  for (float& value : f) value *= 30;
  Ids groups(static_cast<size_t>(n)), nearest(groups.size());
  for (int32_t& group : groups) group = pick(-1, 4);
  int32_t sizes[] = {n, k, d, 5, pick(0, 3), n};
  Emulator device;
  if (pick(0, 1)) device.use_tensor_cores();
  const auto run = [&] {
    return prototype_loss_on(device, {f.data(), p.data(), groups.data(), result.data(), nearest.data(), df.data(),
                                      dp.data(), sizes, 0.05f, 0.1f});
  };
  expect_status("wide scores", run(), 0);
  for (const float value : df) expect_status("finite gradient", std::isfinite(value), 1);
  for (const float value : dp) expect_status("finite gradient", std::isfinite(value), 1);
  groups[static_cast<size_t>(pick(0, n - 1))] = 5;
  expect_status("a group beyond group_count", run(), CPCDR_INVALID_ARGUMENT);
  sizes[pick(0, 2)] = 0;
  expect_status("no rows", run(), CPCDR_INVALID_ARGUMENT);
}

/* A device that lends memory and computes nothing. */
class Lender : public Emulator {
 public:
  template <typename Kernel>
  int32_t launch(int64_t, const Kernel&) {
    return CPCDR_OK;
  }
  int32_t zero(void*, size_t) { return CPCDR_OK; }
  bool sort(const int32_t*, int32_t*, const int32_t*, int32_t*, int64_t, int) { return true; }
  int32_t read(void* to, const void* from, size_t bytes) {
    if (bytes != sizeof(LossFacts)) return Emulator::read(to, from, bytes);
    *static_cast<LossFacts*>(to) = {0, 115200, 115200, 16, 1, 1};
    return CPCDR_OK;
  }
};

/* A loss of the paper's size takes less than 1.1 matrices [n, k] of half precision, however many groups there are. */
void check_memory() {
  const int n = 115200, k = 1000, d = 128;
  float none = 0;
  int32_t nearest = 0;
  for (const int mode : {0, 1, 2}) {
    for (const int group_count : {1, n / 16, n}) {
      Ids groups(static_cast<size_t>(n));
      for (int i = 0; i < n; i++) groups[static_cast<size_t>(i)] = i % group_count;
      const int32_t sizes[] = {n, k, d, group_count, 3, n};
      Lender device;
      if (mode == 2) device.use_tensor_cores();
      expect_status("prototype_loss", prototype_loss_on(device, {&none, &none, groups.data(), &none, &nearest, &none, &none,
                                                                 sizes, 0.05f, 0.1f}, mode == 0 ? -1 : kSmallScores), 0);
      const double matrices = static_cast<double>(device.bytes()) / (2.0 * n * k);
      const char* const names[] = {"no scores kept", "exact", "rounded"};
      std::printf("memory for %d groups, %s: %.3f matrices\n", group_count, names[mode], matrices);
      expect_status("less memory than 1.1 matrices", matrices < 1.1, 1);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = argc > 1 ? std::atoi(argv[1]) : 300;
  for (int i = 0; i < cases; i++) {
    check_similarity();
    check_loss();
    check_repeats();
    check_bounds();
  }
  check_no_rows();
  check_memory();
  std::printf("ok: %d random losses as the CUDA library computes them\n", cases);
}
