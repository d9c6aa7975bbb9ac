/* Colours as three planes of numbers in 0..1, and rows of planes sampled at other places. */
#ifndef CPCDR_MIX_PLANES_H
#define CPCDR_MIX_PLANES_H

#include <algorithm>

#include "../../shared/mix/resample.h"
#include "../arena.h"
#include "../fixed.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Rows of planes are padded to whole steps, so that loops over them have no remainder. */
constexpr int kStep = 32;
constexpr int whole_steps(int count) { return (count + kStep - 1) / kStep * kStep; }
/* Numbers that may be read beyond the end of a plane. */
constexpr int kSlack = 2 * kStep;

/* Of values that will be read soon: sources and canvases together are larger than the caches of a core. */
template <typename T>
inline void prefetch_row(const T* row, int count) {
  constexpr int kLine = 64 / sizeof(T);
  for (int x = 0; x < count; x += kLine) __builtin_prefetch(row + x);
}

/* So many rows before. */
constexpr int kRowsAhead = 4;

struct Planes {
  int16_t *red, *green, *blue;

  static Planes in(Arena& arena, int64_t each) {
    return {arena.array<int16_t>(each), arena.array<int16_t>(each), arena.array<int16_t>(each)};
  }
  Planes at(int64_t i) const { return {red + i, green + i, blue + i}; }
};

/* The colours of as many pixels as a register has lanes. */
struct Colours {
  Fixed red, green, blue;
};

/* What `change` makes of each channel of these colours, and of the same channels of others. */
template <typename Change>
inline Colours each_channel(const Colours& p, const Change& change) {
  return {change(p.red), change(p.green), change(p.blue)};
}
template <typename Change>
inline Colours each_channel(const Colours& p, const Colours& q, const Change& change) {
  return {change(p.red, q.red), change(p.green, q.green), change(p.blue, q.blue)};
}

inline Colours load(const Planes& from, int64_t i) {
  return {load(from.red + i), load(from.green + i), load(from.blue + i)};
}

inline void store(const Planes& to, int64_t i, const Colours& colours) {
  store(to.red + i, colours.red);
  store(to.green + i, colours.green);
  store(to.blue + i, colours.blue);
}

/* The colours `share` of the way from one to the other. */
inline Colours between(const Colours& from, const Colours& to, Fixed share) {
  return each_channel(from, to, [&](Fixed a, Fixed b) { return between(a, b, share); });
}

/* ITU-R 601 grey; greys stay what they are. */
inline Fixed luma(const Colours& p) {
  constexpr int16_t kRed = 9798, kBlue = 3736;
  return p.green + times(p.red - p.green, kRed) + times(p.blue - p.green, kBlue);
}

/* A row that is there. */
struct StoredRow {
  Planes row;

  Colours operator()(int x) const { return load(row, x); }
};

/* What lies between two rows. */
struct MixedRow {
  Planes one, other;
  int16_t share;

  Colours operator()(int x) const { return between(load(one, x), load(other, x), splat(share)); }
};

/* A row into planes, up to the end of a vector; colours_at(x) gives the colours of the vector that begins at x. */
template <typename ColoursAt>
CPCDR_APART void keep_row(const ColoursAt& colours_at, int count, const Planes& out) {
  for (int x = 0; x < count; x += kFixedLanes) store(out, x, colours_at(x));
}

/* The same, and the sum of the greys of its `count` pixels. */
template <typename ColoursAt>
CPCDR_APART double keep_and_sum_row(const ColoursAt& colours_at, int count, const Planes& out) {
  Vec sums{};
  for (int x = 0; x < count; x += kFixedLanes) {
    const Colours colours = colours_at(x);
    store(out, x, colours);
    const Fixed greys = luma(colours) & first_lanes(count - x);
    sums += floats_of<0>(greys) + floats_of<1>(greys);
  }
  double sum = 0;
  for (int k = 0; k < kLanes; k++) sum += static_cast<double>(sums[k]);
  return sum / kFixedOne;
}

/* Interleaved values as numbers of 0..1. */
inline Fixed load_numbers(const uint8_t* p) { return load_bytes(p); }
inline Fixed load_numbers(const int16_t* p) { return load(p); }

/* Calls body(values from there on, index) for every `step` of `count` values; the last of them are filled up with 0. */
template <int step, typename T, typename Body>
inline void each_step(const T* values, int count, const Body& body) {
  int i = 0;
  for (; i + step <= count; i += step) body(values + i, i);
  if (i == count) return;
  T rest[step]{};
  std::copy_n(values + i, count - i, rest);
  body(rest, i);
}

/* Lane k of three vectors in a row is value 3 * k + channel of them. */
inline Fixed take_channel(const Fixed (&values)[3], int channel) {
#if defined(__clang__)
  Fixed taken;
  for (int k = 0, value = channel; k < kFixedLanes; k++, value += 3) {
    taken[k] = values[value / kFixedLanes][value % kFixedLanes];
  }
  return taken;
#else
  Fixed at, from_third;
  for (int k = 0; k < kFixedLanes; k++) {
    const int value = 3 * k + channel;
    at[k] = static_cast<int16_t>(value % (2 * kFixedLanes));
    from_third[k] = static_cast<int16_t>(value < 2 * kFixedLanes ? k : value - kFixedLanes);
  }
  return __builtin_shuffle(__builtin_shuffle(values[0], values[1], at), values[2], from_third);
#endif
}

/* Three channels of pixels side by side. */
inline void store_interleaved(Vec red, Vec green, Vec blue, float* to) {
#if defined(__clang__)
  for (int k = 0; k < kLanes; k++) to[3 * k] = red[k], to[3 * k + 1] = green[k], to[3 * k + 2] = blue[k];
#else
  for (int part = 0; part < 3; part++) {
    const Words at = kLane + part * kLanes, pixel = at / 3, channel = at - 3 * pixel;
    const Vec red_green = __builtin_shuffle(red, green, channel == 1 ? pixel + kLanes : pixel);
    store(to + part * kLanes, __builtin_shuffle(red_green, blue, channel == 2 ? pixel + kLanes : kLane));
  }
#endif
}

/* Planes of the interleaved channels of `count` pixels, up to the end of a vector. */
template <typename T>
CPCDR_APART void split_row(const T* rgb, int count, const Planes& out) {
  each_step<3 * kFixedLanes>(rgb, 3 * count, [&](const T* from, int i) {
    const Fixed values[] = {load_numbers(from), load_numbers(from + kFixedLanes), load_numbers(from + 2 * kFixedLanes)};
    store(out, i / 3, {take_channel(values, 0), take_channel(values, 1), take_channel(values, 2)});
  });
}

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
