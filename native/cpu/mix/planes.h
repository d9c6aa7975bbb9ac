/* Colours as three planes of numbers in 0..1, and rows of them. */
#ifndef CPCDR_MIX_PLANES_H
#define CPCDR_MIX_PLANES_H

#include <algorithm>

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

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
