/*
 * Comparisons of 64 neighbouring values with 64 others, or with one, as the bits of a word: bit k is about value k.
 * On x86-64 by the comparisons that answer bits; elsewhere by test_bits().
 */
#ifndef CPCDR_REGIONS_COMPARE_BITS_H
#define CPCDR_REGIONS_COMPARE_BITS_H

#include <cmath>

#include "bit_row.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* |a - b| <= jump of bytes. */
inline uint64_t near_bits(const uint8_t* a, const uint8_t* b, uint8_t jump) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  const __m512i x = _mm512_loadu_si512(a), y = _mm512_loadu_si512(b);
  const __m512i apart = _mm512_or_si512(_mm512_subs_epu8(x, y), _mm512_subs_epu8(y, x));
  return _mm512_cmple_epu8_mask(apart, _mm512_set1_epi8(static_cast<char>(jump)));
#elif defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
  uint64_t bits = 0;
  for (int k = 0; k < kWordPixels; k += 32) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a + k));
    const __m256i y = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + k));
    const __m256i apart = _mm256_or_si256(_mm256_subs_epu8(x, y), _mm256_subs_epu8(y, x));
    const __m256i beyond = _mm256_subs_epu8(apart, _mm256_set1_epi8(static_cast<char>(jump)));
    const int within = _mm256_movemask_epi8(_mm256_cmpeq_epi8(beyond, _mm256_setzero_si256()));
    bits |= static_cast<uint64_t>(static_cast<uint32_t>(within)) << k;
  }
  return bits;
#elif defined(__x86_64__)
  uint64_t bits = 0;
  for (int k = 0; k < kWordPixels; k += 16) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a + k));
    const __m128i y = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + k));
    const __m128i apart = _mm_or_si128(_mm_subs_epu8(x, y), _mm_subs_epu8(y, x));
    const __m128i beyond = _mm_subs_epu8(apart, _mm_set1_epi8(static_cast<char>(jump)));
    const int within = _mm_movemask_epi8(_mm_cmpeq_epi8(beyond, _mm_setzero_si128()));
    bits |= static_cast<uint64_t>(static_cast<uint32_t>(within)) << k;
  }
  return bits;
#else
  return test_bits(kWordPixels, [=](int k) { return (a[k] > b[k] ? a[k] - b[k] : b[k] - a[k]) <= jump; });
#endif
}

/* Bytes that are not `value`. */
inline uint64_t other_bits(const uint8_t* a, uint8_t value) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  return _mm512_cmpneq_epu8_mask(_mm512_loadu_si512(a), _mm512_set1_epi8(static_cast<char>(value)));
#elif defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
  uint64_t bits = 0;
  for (int k = 0; k < kWordPixels; k += 32) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a + k));
    const int same = _mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_set1_epi8(static_cast<char>(value))));
    bits |= static_cast<uint64_t>(static_cast<uint32_t>(same)) << k;
  }
  return ~bits;
#else
  return test_bits(kWordPixels, [=](int k) { return a[k] != value; });
#endif
}

/* a == b of floats; NaN equals nothing. */
inline uint64_t equal_bits(const float* a, const float* b) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  uint64_t bits = 0;
  for (int k = 0; k < kWordPixels; k += 16) {
    const __mmask16 same = _mm512_cmp_ps_mask(_mm512_loadu_ps(a + k), _mm512_loadu_ps(b + k), _CMP_EQ_OQ);
    bits |= static_cast<uint64_t>(same) << k;
  }
  return bits;
#elif defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
  uint64_t bits = 0;
  for (int k = 0; k < kWordPixels; k += 8) {
    const int same = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(a + k), _mm256_loadu_ps(b + k), _CMP_EQ_OQ));
    bits |= static_cast<uint64_t>(static_cast<uint32_t>(same)) << k;
  }
  return bits;
#else
  return test_bits(kWordPixels, [=](int k) { return a[k] == b[k]; });
#endif
}

/* |a - b| <= jump in double, or a == b. */
inline uint64_t near_bits(const float* a, const float* b, double jump) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  uint64_t bits = equal_bits(a, b);
  const __m512d most = _mm512_set1_pd(jump);
  for (int k = 0; k < kWordPixels; k += 8) {
    const __m512d x = _mm512_maskz_cvtps_pd(255, _mm256_loadu_ps(a + k));
    const __m512d y = _mm512_maskz_cvtps_pd(255, _mm256_loadu_ps(b + k));
    const __mmask8 within = _mm512_cmp_pd_mask(_mm512_abs_pd(_mm512_sub_pd(x, y)), most, _CMP_LE_OQ);
    bits |= static_cast<uint64_t>(within) << k;
  }
  return bits;
#else
  return test_bits(kWordPixels, [=](int k) {
    const double difference = static_cast<double>(a[k]) - static_cast<double>(b[k]);
    return (std::fabs(difference) <= jump) | (a[k] == b[k]);
  });
#endif
}

/* Floats that are not `value`, NaN among them. */
inline uint64_t other_bits(const float* a, float value) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  uint64_t bits = 0;
  for (int k = 0; k < kWordPixels; k += 16) {
    const __mmask16 other = _mm512_cmp_ps_mask(_mm512_loadu_ps(a + k), _mm512_set1_ps(value), _CMP_NEQ_UQ);
    bits |= static_cast<uint64_t>(other) << k;
  }
  return bits;
#else
  return test_bits(kWordPixels, [=](int k) { return a[k] != value; });
#endif
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
