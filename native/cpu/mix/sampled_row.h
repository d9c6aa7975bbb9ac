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
    if (taps_.reach > 0) {
      const int16_t* const here = plane + taps_.lows[x / kFixedLanes];
      const Fixed above = load(taps_.above + x);
      one = taps_.reach == 1 ? take_within<1>(here, above) : take_within<2>(here, above);
      other = taps_.reach == 1 ? take_within<1>(here + 1, above) : take_within<2>(here + 1, above);
      return;
    }
#endif
    const int32_t* const first = taps_.first + x;
    for (int k = 0; k < kFixedLanes; k++) one[k] = plane[first[k]], other[k] = plane[first[k] + 1];
  }

#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
  /* Lane k is from[at[k]], one of so many vectors. */
  template <int vectors>
  static inline __attribute__((always_inline)) Fixed take_within(const int16_t* from, Fixed at) {
    /* Where each byte comes from. A shuffle knows 16 bytes, and answers 0 where the upper bit of a place is set. */
    const __m256i places = bits_of(at * 0x0202 + 0x0100);
    __m256i taken{};
    for (int k = 0; k < 2 * vectors; k++) {
      const __m256i bytes =
          _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 8 * k)));
      const __m256i within = _mm256_sub_epi8(places, _mm256_set1_epi8(static_cast<char>(16 * k)));
      const __m256i of_these = _mm256_adds_epu8(within, _mm256_set1_epi8(0x70));
      taken = _mm256_or_si256(taken, _mm256_shuffle_epi8(bytes, of_these));
    }
    return fixed_of(taken);
  }
#endif

  Planes from_;
  const RowTaps& taps_;
};

/* The last rows that were sampled, of which neighbours do not displace each other. */
class SampledRows {
 public:
  SampledRows() = default;
  SampledRows(Arena& arena, int64_t row) : rows_{Planes::in(arena, row), Planes::in(arena, row)} {}

  void forget() { known_[0] = known_[1] = -1; }

  /* Row `row`, for which sample(planes) is called where it is not there. */
  template <typename Sample>
  const Planes& at(int32_t row, const Sample& sample) {
    const Planes& planes = rows_[row & 1];
    if (known_[row & 1] != row) sample(planes);
    known_[row & 1] = row;
    return planes;
  }

 private:
  Planes rows_[2];
  int32_t known_[2];
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
