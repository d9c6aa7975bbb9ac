/* Colours as three planes, and rows of planes sampled at other places, 16 pixels at a time. */
#ifndef CPCDR_MIX_PLANES_H
#define CPCDR_MIX_PLANES_H

#include <algorithm>

#include "../../shared/resample.h"
#include "../vec.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cpcdr {
namespace CPCDR_ISA {

/* Rows of planes are padded to whole steps, so that loops over them have no remainder. */
constexpr int kStep = 16;
constexpr int whole_steps(int count) { return (count + kStep - 1) / kStep * kStep; }
/* Floats that may be read beyond the end of a plane. */
constexpr int kSlack = 2 * kStep;

/* Lane by lane, each one instruction; the second where either is NaN. */
inline Vec smaller_of(Vec a, Vec b) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  return reinterpret_cast<Vec>(_mm512_maskz_min_ps(0xFFFF, a, b));
#elif defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
  return reinterpret_cast<Vec>(_mm256_min_ps(a, b));
#else
  return a < b ? a : b;
#endif
}

inline Vec larger_of(Vec a, Vec b) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  return reinterpret_cast<Vec>(_mm512_maskz_max_ps(0xFFFF, a, b));
#elif defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
  return reinterpret_cast<Vec>(_mm256_max_ps(a, b));
#else
  return a > b ? a : b;
#endif
}

/* The whole number below, of numbers that an int32 holds. */
inline Vec floor_of(Vec x) {
  const Vec whole = __builtin_convertvector(__builtin_convertvector(x, Words), Vec);
  return whole > x ? whole - 1 : whole;
}

struct Planes {
  float *red, *green, *blue;

  static Planes in(float* memory, int64_t each) { return {memory, memory + each, memory + 2 * each}; }
  Planes at(int64_t i) const { return {red + i, green + i, blue + i}; }
};

/* Planes of interleaved values times `scale`. */
template <typename T>
CPCDR_APART void split_row(const T* __restrict rgb, int count, float scale, const Planes& out) {
  float *__restrict const red = out.red, *__restrict const green = out.green, *__restrict const blue = out.blue;
  for (int i = 0; i < count; i++) {
    red[i] = static_cast<float>(rgb[3 * i]) * scale;
    green[i] = static_cast<float>(rgb[3 * i + 1]) * scale;
    blue[i] = static_cast<float>(rgb[3 * i + 2]) * scale;
  }
}

/* a * p + b * q of whole steps. */
inline void mix_row(const float* __restrict a, float p, const float* __restrict b, float q, int count,
                    float* __restrict out) {
  for (int i = 0; i < count; i++) out[i] = a[i] * p + b[i] * q;
}

CPCDR_APART void mix_rows(const Planes& a, float p, const Planes& b, float q, int count, const Planes& out) {
  mix_row(a.red, p, b.red, q, count, out.red);
  mix_row(a.green, p, b.green, q, count, out.green);
  mix_row(a.blue, p, b.blue, q, count, out.blue);
}

/* The two source pixels of each pixel of a row and their weights. */
struct RowTaps {
  int32_t *left, *right;
  int32_t* first; /* of each vector of pixels: what its indices count from */
  float *left_weight, *right_weight;
  int count;   /* whole steps */
  bool near;   /* every vector of pixels reads within two vectors of the source */

  static int64_t floats(int count) { return 5 * int64_t{whole_steps(count)}; }

  void place(float* memory, int pixels) {
    count = whole_steps(pixels);
    left = reinterpret_cast<int32_t*>(memory);
    right = left + count;
    first = right + count;
    left_weight = memory + 3 * int64_t{count};
    right_weight = left_weight + count;
  }

  void set(int x, const Tap* pair) {
    left[x] = pair[0].index;
    right[x] = pair[1].index;
    left_weight[x] = pair[0].weight;
    right_weight[x] = pair[1].weight;
  }

  /* To be called once the first `pixels` are set: those that fill up the last step become black. */
  void settle(int pixels) {
    for (int x = pixels; x < count; x++) {
      left[x] = right[x] = left[pixels - 1];
      left_weight[x] = right_weight[x] = 0;
    }
    near = kHasLookup;
    for (int v = 0; v < count / kLanes && near; v++) {
      int32_t low = left[v * kLanes], high = low;
      for (int x = v * kLanes; x < (v + 1) * kLanes; x++) {
        low = std::min(low, left[x]);
        high = std::max(high, right[x]);
      }
      first[v] = low;
      near = high - low < 2 * kLanes;
    }
    if (!near) return;
    for (int x = 0; x < count; x++) {
      left[x] -= first[x / kLanes];
      right[x] -= first[x / kLanes];
    }
  }

  /* An index that lies between left and right of pixel x, as the samplers take it. */
  int32_t relative(int x, int32_t index) const { return near ? index - first[x / kLanes] : index; }

#if defined(__x86_64__) && CPCDR_ISA_LEVEL >= 1
  static constexpr bool kHasLookup = true;
#else
  static constexpr bool kHasLookup = false;
#endif
};

#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
/* Lane k becomes value index[k] of the two vectors at `from`. */
inline Vec look_up(const float* from, const int32_t* index) {
  return reinterpret_cast<Vec>(
      _mm512_permutex2var_ps(_mm512_loadu_ps(from), _mm512_loadu_si512(index), _mm512_loadu_ps(from + kLanes)));
}
#elif defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
inline Vec look_up(const float* from, const int32_t* index) {
  const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index));
  const __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(from), at);
  const __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(from + kLanes), at);
  /* The sign of index - 8 chooses. */
  const __m256i second = _mm256_sub_epi32(_mm256_set1_epi32(kLanes - 1), at);
  return reinterpret_cast<Vec>(_mm256_blendv_ps(low, high, _mm256_castsi256_ps(second)));
}
#else
inline Vec look_up(const float* from, const int32_t* index) {
  Vec v;
  for (int k = 0; k < kLanes; k++) v[k] = from[index[k]];
  return v;
}
#endif

/* One plane through taps that are not near; with `add` on top of what is there. */
template <bool add>
CPCDR_APART void sample_far(const float* __restrict from, const RowTaps& taps, float* __restrict out) {
  const int32_t *__restrict const left = taps.left, *__restrict const right = taps.right;
  const float *__restrict const p = taps.left_weight, *__restrict const q = taps.right_weight;
  for (int x = 0; x < taps.count; x++) {
    const float value = from[left[x]] * p[x] + from[right[x]] * q[x];
    out[x] = add ? out[x] + value : value;
  }
}

/* Planes through taps; with `add` on top of what is there. */
template <bool add>
CPCDR_APART void sample_planes(const Planes& from, const RowTaps& taps, const Planes& out) {
  const float* const planes[] = {from.red, from.green, from.blue};
  float* const sampled[] = {out.red, out.green, out.blue};
  if (!taps.near) {
    for (int c = 0; c < 3; c++) sample_far<add>(planes[c], taps, sampled[c]);
    return;
  }
  for (int x = 0; x < taps.count; x += kLanes) {
    const int32_t first = taps.first[x / kLanes];
    const Vec p = load(taps.left_weight + x), q = load(taps.right_weight + x);
    for (int c = 0; c < 3; c++) {
      const float* const here = planes[c] + first;
      const Vec value = look_up(here, taps.left + x) * p + look_up(here, taps.right + x) * q;
      store(sampled[c] + x, add ? load(sampled[c] + x) + value : value);
    }
  }
}

/* Whole numbers at one index a pixel, each as taps.relative() gives it, plus `more`. */
CPCDR_APART void take_row(const int32_t* __restrict from, const RowTaps& taps, const int32_t* __restrict index,
                          int count, int32_t more, int32_t* __restrict out) {
  int x = 0;
  if (taps.near) {
    for (; x + kLanes <= count; x += kLanes) {
      const float* const here = reinterpret_cast<const float*>(from) + taps.first[x / kLanes];
      const Words words = reinterpret_cast<Words>(look_up(here, index + x)) + more;
      std::memcpy(out + x, &words, sizeof(words));
    }
    for (; x < count; x++) out[x] = from[taps.first[x / kLanes] + index[x]] + more;
    return;
  }
  for (; x < count; x++) out[x] = from[index[x]] + more;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
