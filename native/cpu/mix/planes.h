/* Colours as three planes, and rows of planes sampled at other places, 16 pixels at a time. */
#ifndef CPCDR_MIX_PLANES_H
#define CPCDR_MIX_PLANES_H

#include <algorithm>

#include "../../shared/mix/resample.h"
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

struct Planes {
  float *red, *green, *blue;

  static Planes in(float* memory, int64_t each) { return {memory, memory + each, memory + 2 * each}; }
  Planes at(int64_t i) const { return {red + i, green + i, blue + i}; }
};

/* The colours of as many pixels as a register has lanes. */
struct Colours {
  Vec red, green, blue;
};

inline Colours load(const Planes& from, int64_t i) {
  return {load(from.red + i), load(from.green + i), load(from.blue + i)};
}

inline void store(const Planes& to, int64_t i, const Colours& colours) {
  store(to.red + i, colours.red);
  store(to.green + i, colours.green);
  store(to.blue + i, colours.blue);
}

/* ITU-R 601 grey. */
inline Vec luma(const Colours& p) { return 0.299f * p.red + 0.587f * p.green + 0.114f * p.blue; }

/* Pixels with their channels side by side. */
inline void store_pixels(const Colours& colours, float* to) {
#if defined(__clang__)
  for (int k = 0; k < kLanes; k++) {
    to[3 * k] = colours.red[k], to[3 * k + 1] = colours.green[k], to[3 * k + 2] = colours.blue[k];
  }
#else
  for (int part = 0; part < 3; part++) {
    const Words at = kLane + part * kLanes, pixel = at / 3, channel = at - 3 * pixel;
    const Vec red_green = __builtin_shuffle(colours.red, colours.green, channel == 1 ? pixel + kLanes : pixel);
    store(to + part * kLanes, __builtin_shuffle(red_green, colours.blue, channel == 2 ? pixel + kLanes : kLane));
  }
#endif
}

/* A row that is there. */
struct StoredRow {
  Planes row;

  Colours operator()(int x) const { return load(row, x); }
};

/* The sum of two rows times their weights. */
struct MixedRow {
  Planes one, other;
  float weight, other_weight;

  Colours operator()(int x) const {
    const Colours a = load(one, x), b = load(other, x);
    return {a.red * weight + b.red * other_weight, a.green * weight + b.green * other_weight,
            a.blue * weight + b.blue * other_weight};
  }
};

/* A row into planes, up to the end of a vector; colours_at(x) gives the colours of the vector that begins at x. */
template <typename ColoursAt>
CPCDR_APART void keep_row(const ColoursAt& colours_at, int count, const Planes& out) {
  for (int x = 0; x < count; x += kLanes) store(out, x, colours_at(x));
}

/* The same, and the sum of the greys of its `count` pixels. */
template <typename ColoursAt>
CPCDR_APART double keep_and_sum_row(const ColoursAt& colours_at, int count, const Planes& out) {
  Vec sums{};
  for (int x = 0; x < count; x += kLanes) {
    const Colours colours = colours_at(x);
    store(out, x, colours);
    const Vec greys = luma(colours);
    sums += kLane < count - x ? greys : Vec{};
  }
  double sum = 0;
  for (int k = 0; k < kLanes; k++) sum += static_cast<double>(sums[k]);
  return sum;
}

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

/* The values from a place on, of which lane k takes the one at index[k]: of two vectors, where taps are near. */
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
struct Table {
  __m512 low, high;

  explicit Table(const float* from) : low(_mm512_loadu_ps(from)), high(_mm512_loadu_ps(from + kLanes)) {}
  Vec operator()(const int32_t* index) const {
    return reinterpret_cast<Vec>(_mm512_permutex2var_ps(low, _mm512_loadu_si512(index), high));
  }
};
#elif defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
struct Table {
  __m256 low, high;

  explicit Table(const float* from) : low(_mm256_loadu_ps(from)), high(_mm256_loadu_ps(from + kLanes)) {}
  Vec operator()(const int32_t* index) const {
    const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index));
    /* The sign of 7 - index chooses. */
    const __m256i second = _mm256_sub_epi32(_mm256_set1_epi32(kLanes - 1), at);
    return reinterpret_cast<Vec>(_mm256_blendv_ps(_mm256_permutevar8x32_ps(low, at), _mm256_permutevar8x32_ps(high, at),
                                                  _mm256_castsi256_ps(second)));
  }
};
#else
struct Table {
  const float* from;

  explicit Table(const float* values) : from(values) {}
  Vec operator()(const int32_t* index) const {
    Vec v;
    for (int k = 0; k < kLanes; k++) v[k] = from[index[k]];
    return v;
  }
};
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
CPCDR_APART void sample_planes(const Planes from, const RowTaps& taps, const Planes out) {
  if (!taps.near) {
    sample_far<add>(from.red, taps, out.red);
    sample_far<add>(from.green, taps, out.green);
    return sample_far<add>(from.blue, taps, out.blue);
  }
  const int32_t *const left = taps.left, *const right = taps.right, *const first = taps.first;
  const float *const left_weight = taps.left_weight, *const right_weight = taps.right_weight;
  const int count = taps.count;
  for (int x = 0; x < count; x += kLanes) {
    const Vec p = load(left_weight + x), q = load(right_weight + x);
    const auto sample = [&, at = first[x / kLanes]](const float* plane) {
      const Table here(plane + at);
      return here(left + x) * p + here(right + x) * q;
    };
    Colours colours{sample(from.red), sample(from.green), sample(from.blue)};
    if (add) {
      const Colours before = load(out, x);
      colours = {before.red + colours.red, before.green + colours.green, before.blue + colours.blue};
    }
    store(out, x, colours);
  }
}

/* Copies and regions of pixels: [H,W] on a canvas, or a row of them. */
struct Ids {
  int32_t *copies, *regions;

  Ids at(int64_t i) const { return {copies + i, regions + i}; }
};

/* Ids at one index a pixel, each as taps.relative() gives it; `first` is added to the copies. */
CPCDR_APART void take_ids(const Ids from, const RowTaps& taps, const int32_t* __restrict index, int count,
                          int32_t first, const Ids out) {
  int x = 0;
  if (taps.near) {
    const int32_t* const start = taps.first;
    for (; x + kLanes <= count; x += kLanes) {
      const Ids here = from.at(start[x / kLanes]);
      const auto take = [&](const int32_t* ids) {
        return reinterpret_cast<Words>(Table(reinterpret_cast<const float*>(ids))(index + x));
      };
      const Words copies = take(here.copies) + first, regions = take(here.regions);
      std::memcpy(out.copies + x, &copies, sizeof(copies));
      std::memcpy(out.regions + x, &regions, sizeof(regions));
    }
  }
  for (; x < count; x++) {
    const int32_t i = taps.near ? taps.first[x / kLanes] + index[x] : index[x];
    out.copies[x] = from.copies[i] + first;
    out.regions[x] = from.regions[i];
  }
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
