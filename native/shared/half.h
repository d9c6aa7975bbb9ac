/* Numbers of half precision and whole numbers of 16 bits as their bits. */
#ifndef CPCDR_HALF_H
#define CPCDR_HALF_H

#include "launch.h"
#include "words.h"

#if defined(__CUDACC__)
#include <cuda_fp16.h>
#endif

namespace cpcdr {
namespace CPCDR_ISA {

/* Two neighbours at an even index. */
CPCDR_SHARED void write_pair(uint16_t* to, uint16_t low, uint16_t high) {
  const uint32_t pair = pair_of(low, high);
#if defined(__CUDA_ARCH__)
  *reinterpret_cast<uint32_t*>(to) = pair;
#else
  memcpy(to, &pair, sizeof pair);
#endif
}

/* The larger of each half of two words, as unsigned numbers. */
CPCDR_SHARED uint32_t larger_halves(uint32_t a, uint32_t b) {
#if defined(__CUDA_ARCH__)
  return __vmaxu2(a, b);
#else
  return larger(a & 0xFFFF0000u, b & 0xFFFF0000u) | larger(a & 0xFFFFu, b & 0xFFFFu);
#endif
}

CPCDR_SHARED float float_of_bits(uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(bits);
#else
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
#endif
}

CPCDR_SHARED uint32_t bits_of_float(float value) {
#if defined(__CUDA_ARCH__)
  return __float_as_uint(value);
#else
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
#endif
}

/* 2^23, whose lowest bit counts ones: whole numbers below are added to it by their bits. */
constexpr float kWhole = 8388608;
constexpr uint32_t kWholeBits = 0x4B000000;

/* kWhole plus the lower or the upper 16 bits of a word. */
CPCDR_SHARED float raised(uint32_t word, bool upper) {
#if defined(__CUDA_ARCH__)
  return float_of_bits(__byte_perm(word, kWholeBits, upper ? 0x7632 : 0x7610));
#else
  return float_of_bits(kWholeBits | (upper ? word >> 16 : word & 0xFFFF));
#endif
}

/* Four numbers times `factor` to an address that is a multiple of 16. */
CPCDR_SHARED void write_four(float* to, const float* from, float factor) {
  Words words;
  CPCDR_UNROLL
  for (int e = 0; e < 4; e++) words.at[e] = bits_of_float(from[e] * factor);
  write_words(to, words);
}

/* Two to an address that is a multiple of 8. */
CPCDR_SHARED void write_two(float* to, float first, float second) {
#if defined(__CUDA_ARCH__)
  *reinterpret_cast<float2*>(to) = make_float2(first, second);
#else
  to[0] = first;
  to[1] = second;
#endif
}

/* To the nearest, ties to even. */
CPCDR_SHARED uint16_t half_bits(float value) {
#if defined(__CUDA_ARCH__)
  return __half_as_ushort(__float2half_rn(value));
#else
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7FFFFFFF;
  uint32_t half;
  if (magnitude > 0x7F800000) half = 0x7FFF;
  else if (magnitude >= 0x477FF000) half = 0x7C00; /* 65520 and above */
  else if (magnitude >= 0x38800000) half = ((magnitude + 0xFFF + (magnitude >> 13 & 1)) >> 13) - (112 << 10);
  else half = static_cast<uint32_t>(std::nearbyint(std::fabs(value) * 16777216.0f)); /* steps of 2^-24 */
  return static_cast<uint16_t>(sign | half);
#endif
}

/* Two at once, the first in the low bits. */
CPCDR_SHARED uint32_t half_pair(float low, float high) {
#if defined(__CUDA_ARCH__)
  const __half2 pair = __floats2half2_rn(low, high);
  return pair_of(__half_as_ushort(__low2half(pair)), __half_as_ushort(__high2half(pair)));
#else
  return pair_of(half_bits(low), half_bits(high));
#endif
}

CPCDR_SHARED float half_value(uint16_t bits) {
#if defined(__CUDA_ARCH__)
  return __half2float(__ushort_as_half(bits));
#else
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const float magnitude = exponent == 31  ? (mantissa ? NAN : INFINITY)
                          : exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                                          : std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
#endif
}

/* 2^x to 2 units in the last place. */
CPCDR_SHARED float power_of_two(float x) {
#if defined(__CUDA_ARCH__)
  float value;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(value) : "f"(x));
  return value;
#else
  return std::exp2(x);
#endif
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
