/* exp, log and their kin that the compiler vectorises: Cephes' polynomials, NaN and infinity kept. */
#ifndef CPCDR_MATH_H
#define CPCDR_MATH_H

#include <cstdint>
#include <cstring>
#include <limits>

#include "dispatch.h"

namespace cpcdr {
namespace CPCDR_ISA {

template <typename To, typename From>
inline To bits_of(From from) {
  static_assert(sizeof(To) == sizeof(From), "same size");
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

/* 2^n as two factors, since neither 2^128 nor 2^-149 is a normal float; n within -252..254. */
struct PowerOfTwo {
  float first, second;
};

inline PowerOfTwo power_of_two(int32_t n) {
  const uint32_t half = static_cast<uint32_t>(n >> 1), rest = static_cast<uint32_t>(n) - half;
  return {bits_of<float>((half + 127u) << 23), bits_of<float>((rest + 127u) << 23)};
}

/* x = n ln 2 + r; answers exp(r) - 1. The low bits of the shifted value hold n. */
inline float reduced_expm1(float x, int32_t* n) {
  /* Adding and taking away 1.5 * 2^23 rounds to the nearest integer. */
  const float shifted = x * 1.44269504f + 12582912.0f;
  const float rounded = shifted - 12582912.0f;
  const float r = x - rounded * 0.693359375f + rounded * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  *n = static_cast<int32_t>(bits_of<uint32_t>(shifted) - 0x4B400000u);
  return p * r * r + r;
}

inline float fast_exp(float x) {
  /* Beyond these bounds the result is infinite or 0 all the same. */
  const float bounded = x > 89.0f ? 89.0f : x < -104.0f ? -104.0f : x;
  int32_t n;
  const float r = reduced_expm1(bounded, &n);
  const PowerOfTwo scale = power_of_two(n);
  return (r + 1.0f) * scale.first * scale.second;
}

/* exp(x) - 1 for x up to 80, without cancellation near 0. */
inline float fast_expm1(float x) {
  const float bounded = x > 80.0f ? 80.0f : x < -30.0f ? -30.0f : x;
  int32_t n;
  const float r = reduced_expm1(bounded, &n);
  const float scale = power_of_two(n).first * power_of_two(n).second;
  return scale * r + (scale - 1.0f);
}

inline float fast_log(float x) {
  const bool denormal = x < std::numeric_limits<float>::min();
  const uint32_t bits = bits_of<uint32_t>(denormal ? x * 8388608.0f : x);
  /* x = m * 2^e with m in [sqrt(1/2), sqrt(2)). */
  const int32_t e0 = static_cast<int32_t>(bits - 0x3F3504F3u) >> 23;
  const float m = bits_of<float>(bits - (static_cast<uint32_t>(e0) << 23)) - 1.0f;
  const float e = static_cast<float>(e0) - (denormal ? 23.0f : 0.0f);
  const float z = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const float finite = m * z * p + e * -2.12194440e-4f - 0.5f * z + m + e * 0.693359375f;
  const float infinity = std::numeric_limits<float>::infinity();
  const float positive = x == infinity ? infinity : finite;
  const float negative = x < 0 ? std::numeric_limits<float>::quiet_NaN() : -infinity;
  return x > 0 ? positive : x != x ? x : negative;
}

/* log(1 + x), the rounding of 1 + x made good. */
inline float fast_log1p(float x) {
  const float u = 1.0f + x;
  const float corrected = fast_log(u) * (x / (u - 1.0f));
  return u == 1.0f || u == std::numeric_limits<float>::infinity() ? x : u > 0 ? corrected : fast_log(u);
}

/* 1 / (1 + exp(-x)), by the exponential that does not overflow. */
inline float fast_sigmoid(float x) {
  const float e = fast_exp(x < 0 ? x : -x);
  return (x < 0 ? e : 1.0f) / (1.0f + e);
}

/* log(1 + exp(x)) */
inline float fast_softplus(float x) {
  const float e = fast_exp(x < 0 ? x : -x), u = 1.0f + e;
  return (x < 0 ? 0.0f : x) + fast_log(u) + (e - (u - 1.0f)) / u;
}

inline float fast_tanh(float x) {
  const float magnitude = x < 0 ? -x : x;
  const float e = fast_expm1(-2.0f * magnitude);
  const float result = -e / (e + 2.0f);
  return x < 0 ? -result : x == 0 ? x : result;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
