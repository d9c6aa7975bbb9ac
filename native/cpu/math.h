/* exp and log that the compiler vectorises: Cephes' polynomials, within 2 ulp, NaN and infinity kept. */
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

inline float fast_exp(float x) {
  const float clamped = x > 88.72f ? 88.72f : x < -87.33f ? -87.33f : x;
  /* Adding and taking away 1.5 * 2^23 rounds to the nearest integer. */
  const float shifted = clamped * 1.44269504f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  const float r = clamped - n * 0.693359375f + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  /* Two factors, since 2^128 is no float. The low bits of the shifted value are n. */
  const int32_t exponent = bits_of<int32_t>(shifted) - 0x4B400000;
  const int32_t half = exponent >> 1;
  const float result = p * bits_of<float>((half + 127) << 23) * bits_of<float>((exponent - half + 127) << 23);
  const float infinite = x > 88.72f ? std::numeric_limits<float>::infinity() : result;
  const float low = x < -87.33f ? 0.0f : infinite;
  return x != x ? x : low;
}

inline float fast_log(float x) {
  int32_t bits = bits_of<int32_t>(x);
  /* x = m * 2^e with m in [sqrt(1/2), sqrt(2)). */
  const int32_t e0 = (bits - 0x3F3504F3) >> 23;
  const float m = bits_of<float>(bits - e0 * (1 << 23)) - 1.0f;
  const float e = static_cast<float>(e0);
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
  float result = m * z * p + e * -2.12194440e-4f - 0.5f * z + m + e * 0.693359375f;
  const float infinity = std::numeric_limits<float>::infinity();
  result = x == infinity ? infinity : result;
  result = x < std::numeric_limits<float>::min() ? (x < 0 ? std::numeric_limits<float>::quiet_NaN() : -infinity)
                                                 : result;
  return x != x ? x : result;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
