/* Rows of planes sampled between their pixels. */
#ifndef CPCDR_MIX_SAMPLED_ROW_H
#define CPCDR_MIX_SAMPLED_ROW_H

#include <algorithm>

#include "../../shared/mix/resample.h"
#include "planes.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Of each pixel of a row the first of the two that it lies between, and how far it is on the way to the second. */
struct RowTaps {
  int32_t* first;
  int16_t* share;
  int32_t* lows;  /* of each vector of pixels its least `first`, */
  int16_t* above; /* and how far each pixel's lies above that */
  int reach;      /* how many vectors from there on hold all that a vector of pixels takes; 0: more than two */
  int count;      /* whole steps */

  RowTaps() = default;
  RowTaps(Arena& arena, int pixels)
      : first(arena.array<int32_t>(whole_steps(pixels))), share(arena.array<int16_t>(whole_steps(pixels))),
        lows(arena.array<int32_t>(whole_steps(pixels) / kFixedLanes)),
        above(arena.array<int16_t>(whole_steps(pixels))) {}

  /* Pixel x of `pixels` lies at position_of(x) along an axis of so many; positions only grow or only shrink. */
  template <typename PositionOf>
  void settle(int pixels, int size, const PositionOf& position_of) {
    count = whole_steps(pixels);
    for (int x = 0; x < pixels; x++) {
      Tap pair[2];
      linear_taps(position_of(x), size, 1, pair);
      first[x] = pair[0].index;
      /* On the last pixel, beyond which there is none, the share of the second is 0. */
      share[x] = share_of(pair[1].weight);
    }
    for (int x = pixels; x < count; x++) first[x] = first[pixels - 1], share[x] = 0;
    int widest = 0;
    for (int v = 0; v < count / kFixedLanes; v++) {
      const int32_t* const here = first + v * kFixedLanes;
      const auto [low, high] = std::minmax({here[0], here[kFixedLanes - 1]});
      lows[v] = low;
      widest = std::max(widest, high + 1 - low);
      for (int k = 0; k < kFixedLanes; k++) above[v * kFixedLanes + k] = static_cast<int16_t>(here[k] - low);
    }
    const int vectors = widest / kFixedLanes + 1;
    reach = vectors <= 2 ? vectors : 0;
  }
};

/* A row of planes between whose pixels others are sampled, those of a vector at a time. */
class SampledRow {
 public:
  SampledRow(const Planes& from, const RowTaps& taps) : from_(from), taps_(taps) {}

  Colours operator()(int x) const {
    const Fixed share = load(taps_.share + x);
    const auto sample = [&](const int16_t* plane) {
      Fixed one, other;
      look_up(plane, x, one, other);
      return between(one, other, share);
    };
    return {sample(from_.red), sample(from_.green), sample(from_.blue)};
  }

 private:
  /* Both pixels of each lane. */
  void look_up(const int16_t* plane, int x, Fixed& one, Fixed& other) const {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
    if (taps_.reach > 0) {
      const int16_t* const here = plane + taps_.lows[x / kFixedLanes];
      const __m512i low = _mm512_loadu_si512(here), at = _mm512_loadu_si512(taps_.above + x);
      const __m512i next = _mm512_add_epi16(at, _mm512_set1_epi16(1));
      if (taps_.reach == 1) {
        one = fixed_of(_mm512_maskz_permutexvar_epi16(0xFFFFFFFF, at, low));
        other = fixed_of(_mm512_maskz_permutexvar_epi16(0xFFFFFFFF, next, low));
      } else {
        const __m512i high = _mm512_loadu_si512(here + kFixedLanes);
        one = fixed_of(_mm512_permutex2var_epi16(low, at, high));
        other = fixed_of(_mm512_permutex2var_epi16(low, next, high));
      }
      return;
    }
#endif
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
    /* Both numbers of a pixel in one word; the lanes of two vectors of words meet by halves. */
    const auto joined = [](__m256i a, __m256i b) {
      return fixed_of(_mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xD8));
    };
    const __m256i low = pairs(plane, x, 0), high = pairs(plane, x, 8);
    one = joined(_mm256_srai_epi32(_mm256_slli_epi32(low, 16), 16), _mm256_srai_epi32(_mm256_slli_epi32(high, 16), 16));
    other = joined(_mm256_srai_epi32(low, 16), _mm256_srai_epi32(high, 16));
#else
    const int32_t* const first = taps_.first + x;
    for (int k = 0; k < kFixedLanes; k++) one[k] = plane[first[k]], other[k] = plane[first[k] + 1];
#endif
  }

#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
  /* Lanes k to k + 7. */
  __m256i pairs(const int16_t* plane, int x, int k) const {
    if (taps_.reach != 1) {
      const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(taps_.first + x + k));
      return _mm256_i32gather_epi32(reinterpret_cast<const int*>(plane), at, sizeof(int16_t));
    }
    const __m256i row = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(plane + taps_.lows[x / kFixedLanes]));
    const __m256i at = _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(taps_.above + x + k)));
    const __m256i word = _mm256_srli_epi32(at, 1), next = _mm256_add_epi32(word, _mm256_set1_epi32(1));
    /* Of two words the upper half and the lower, where a pair begins in the middle of one. */
    const __m256i shift = _mm256_slli_epi32(_mm256_and_si256(at, _mm256_set1_epi32(1)), 4);
    return _mm256_or_si256(_mm256_srlv_epi32(_mm256_permutevar8x32_epi32(row, word), shift),
                           _mm256_sllv_epi32(_mm256_permutevar8x32_epi32(row, next),
                                             _mm256_sub_epi32(_mm256_set1_epi32(32), shift)));
  }
#endif

  Planes from_;
  const RowTaps& taps_;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
