/*
 * Numbers of 0..1 in 16 bits, 0 to 32767: half of the memory of floats, twice as many lanes, and sums that stay
 * within 16 bits where they would overflow. Shares that numbers are multiplied by count 32768ths.
 */
#ifndef CPCDR_FIXED_H
#define CPCDR_FIXED_H

#include <cmath>

#include "vec.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kFixedLanes = 2 * kLanes;
constexpr int16_t kFixedOne = 32767;

typedef int16_t Fixed __attribute__((vector_size(kFixedLanes * sizeof(int16_t))));

inline Fixed load(const int16_t* p) {
  Fixed v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

inline void store(int16_t* p, Fixed v) { std::memcpy(p, &v, sizeof(v)); }

/* x in every lane. */
inline Fixed splat(int16_t x) { return x - Fixed{}; }

/* -1..1 to the nearest 32768th, of which there are at most 32767. */
inline int16_t share_of(float x) {
  const float whole = std::floor(x * 32768 + 0.5f);
  return static_cast<int16_t>(whole > -32768 ? whole < 32767 ? whole : 32767 : -32768);
}

/* Whether the lane is one of the first `count`. */
inline Fixed first_lanes(int count) {
  Fixed lane;
  for (int k = 0; k < kFixedLanes; k++) lane[k] = static_cast<int16_t>(k);
  return lane < splat(static_cast<int16_t>(count < kFixedLanes ? count : kFixedLanes));
}

/*
 * Lane by lane: times(), a number times a share, to the nearest; plus(), the sum of two within 16 bits; the smaller and
 * the larger of two.
 */
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
inline __m512i bits_of(Fixed v) { return reinterpret_cast<__m512i>(v); }
inline Fixed fixed_of(__m512i v) { return reinterpret_cast<Fixed>(v); }
inline Fixed times(Fixed a, Fixed share) { return fixed_of(_mm512_mulhrs_epi16(bits_of(a), bits_of(share))); }
inline Fixed plus(Fixed a, Fixed b) { return fixed_of(_mm512_adds_epi16(bits_of(a), bits_of(b))); }
inline Fixed smaller_of(Fixed a, Fixed b) { return fixed_of(_mm512_min_epi16(bits_of(a), bits_of(b))); }
inline Fixed larger_of(Fixed a, Fixed b) { return fixed_of(_mm512_max_epi16(bits_of(a), bits_of(b))); }
#elif defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
inline __m256i bits_of(Fixed v) { return reinterpret_cast<__m256i>(v); }
inline Fixed fixed_of(__m256i v) { return reinterpret_cast<Fixed>(v); }
inline Fixed times(Fixed a, Fixed share) { return fixed_of(_mm256_mulhrs_epi16(bits_of(a), bits_of(share))); }
inline Fixed plus(Fixed a, Fixed b) { return fixed_of(_mm256_adds_epi16(bits_of(a), bits_of(b))); }
inline Fixed smaller_of(Fixed a, Fixed b) { return fixed_of(_mm256_min_epi16(bits_of(a), bits_of(b))); }
inline Fixed larger_of(Fixed a, Fixed b) { return fixed_of(_mm256_max_epi16(bits_of(a), bits_of(b))); }
#else
#if defined(__x86_64__)
inline __m128i bits_of(Fixed v) { return reinterpret_cast<__m128i>(v); }
inline Fixed fixed_of(__m128i v) { return reinterpret_cast<Fixed>(v); }
inline Fixed times(Fixed a, Fixed share) {
  const __m128i high = _mm_mulhi_epi16(bits_of(a), bits_of(share)), low = _mm_mullo_epi16(bits_of(a), bits_of(share));
  const __m128i carry = _mm_srli_epi16(_mm_add_epi16(_mm_srli_epi16(low, 1), _mm_set1_epi16(1 << 13)), 14);
  return fixed_of(_mm_add_epi16(_mm_add_epi16(high, high), carry));
}
inline Fixed plus(Fixed a, Fixed b) { return fixed_of(_mm_adds_epi16(bits_of(a), bits_of(b))); }
#else
inline Fixed times(Fixed a, Fixed share) {
  typedef int32_t Wide __attribute__((vector_size(kFixedLanes * sizeof(int32_t))));
  const Wide product = __builtin_convertvector(a, Wide) * __builtin_convertvector(share, Wide);
  return __builtin_convertvector((product + (1 << 14)) >> 15, Fixed);
}
inline Fixed plus(Fixed a, Fixed b) {
  typedef int32_t Wide __attribute__((vector_size(kFixedLanes * sizeof(int32_t))));
  const Wide sum = __builtin_convertvector(a, Wide) + __builtin_convertvector(b, Wide);
  const Wide not_above = sum < 32767 ? sum : Wide{} + 32767;
  return __builtin_convertvector(not_above > -32768 ? not_above : Wide{} - 32768, Fixed);
}
#endif
inline Fixed smaller_of(Fixed a, Fixed b) { return a < b ? a : b; }
inline Fixed larger_of(Fixed a, Fixed b) { return a > b ? a : b; }
#endif

/* The same for a share of all lanes. */
inline Fixed times(Fixed a, int16_t share) { return times(a, splat(share)); }

/* What lies between two numbers: `share` of the way. Any 16 bits will do where nobody looks at what comes out. */
inline Fixed between(Fixed from, Fixed to, Fixed share) {
  typedef uint16_t Bits __attribute__((vector_size(kFixedLanes * sizeof(uint16_t))));
  const Bits way = reinterpret_cast<Bits>(to) - reinterpret_cast<Bits>(from);
  return reinterpret_cast<Fixed>(reinterpret_cast<Bits>(from) +
                                 reinterpret_cast<Bits>(times(reinterpret_cast<Fixed>(way), share)));
}

/* Bytes of 0..255 as numbers of 0..1. */
inline Fixed load_bytes(const uint8_t* p) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  const Fixed bytes = fixed_of(_mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
#elif defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
  const Fixed bytes = fixed_of(_mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#else
  Fixed bytes;
  for (int k = 0; k < kFixedLanes; k++) bytes[k] = p[k];
#endif
  return bytes << 7 | bytes >> 1;
}

/* Of the lower (0) or upper (1) half of the lanes, as they are: 0..32767. */
template <int half>
inline Vec floats_of(Fixed v) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  const __m256i lanes = _mm512_maskz_extracti64x4_epi64(0xFF, bits_of(v), half);
  return reinterpret_cast<Vec>(_mm512_maskz_cvtepi32_ps(0xFFFF, _mm512_maskz_cvtepi16_epi32(0xFFFF, lanes)));
#elif defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
  const __m128i lanes = _mm256_extracti128_si256(bits_of(v), half);
  return reinterpret_cast<Vec>(_mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(lanes)));
#else
  typedef int16_t Half __attribute__((vector_size(kLanes * sizeof(int16_t))));
  Half lanes;
  std::memcpy(&lanes, reinterpret_cast<const char*>(&v) + half * sizeof(lanes), sizeof(lanes));
  return __builtin_convertvector(__builtin_convertvector(lanes, Words), Vec);
#endif
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
