/*
 * The transforms of Winograd's F(2 x 2, 3 x 3) (winograd.h) between images, filters and points. Vectors hold channels, whole
 * ones.
 */
#ifndef CPCDR_CONV_WINOGRAD_POINTS_H
#define CPCDR_CONV_WINOGRAD_POINTS_H

#include <algorithm>

#include "dense.h"
#include "../tile.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kPoints = 16;
/* The first `count` of a vector's numbers, zeros behind them. */
inline Vec load_some(const float* from, int64_t count) {
  if (count >= kLanes) return load(from);
  Vec v{};
  std::memcpy(&v, from, sizeof(float) * static_cast<size_t>(count));
  return v;
}

inline void store_some(float* to, Vec v, int64_t count) {
  if (count >= kLanes) return store(to, v);
  std::memcpy(to, &v, sizeof(float) * static_cast<size_t>(count));
}

/* Tiles of 2 x 2 outputs, those of the last row and column possibly cut. */
struct WinogradTiles {
  int down, across;
  int64_t count;

  explicit WinogradTiles(const DenseConv& c)
      : down((c.out_height + 1) / 2), across((c.out_width + 1) / 2), count(int64_t{c.batch} * down * across) {}

  int image(int64_t tile) const { return static_cast<int>(tile / (int64_t{down} * across)); }
  int y(int64_t tile) const { return static_cast<int>(tile / across % down); }
  int x(int64_t tile) const { return static_cast<int>(tile % across); }
  /* How many are transformed at a time where each takes `floats`. */
  int64_t block(int64_t memory, int64_t floats) const {
    constexpr int64_t kLeast = kGroup * kWideGroups;
    return std::min(whole(count), std::max(kLeast, memory / floats / kLeast * kLeast));
  }
  /* Floats from point to point, each of `block` tiles: not whole pages, or all points would share few cache lines. */
  static int64_t stride(int64_t block, int64_t floats) { return block * floats + kLanes; }
  static int64_t whole(int64_t tiles) { return (tiles + kGroup - 1) / kGroup * kGroup; }
};

/* B^T of four, A^T of four, A of two, G of three and G^T of four. */
constexpr auto to_points = [](const Vec (&d)[4], Vec (&out)[4]) {
  out[0] = d[0] - d[2];
  out[1] = d[1] + d[2];
  out[2] = d[2] - d[1];
  out[3] = d[1] - d[3];
};
constexpr auto from_points = [](const Vec (&m)[4], Vec (&out)[2]) {
  out[0] = m[0] + m[1] + m[2];
  out[1] = m[1] - m[2] - m[3];
};
constexpr auto gradient_to_points = [](const Vec (&dy)[2], Vec (&out)[4]) {
  out[0] = dy[0];
  out[1] = dy[0] + dy[1];
  out[2] = dy[0] - dy[1];
  out[3] = -dy[1];
};
constexpr auto filter_to_points = [](const Vec (&g)[3], Vec (&out)[4]) {
  const Vec ends = 0.5f * (g[0] + g[2]), middle = 0.5f * g[1];
  out[0] = g[0];
  out[1] = ends + middle;
  out[2] = ends - middle;
  out[3] = g[2];
};
constexpr auto filter_from_points = [](const Vec (&u)[4], Vec (&out)[3]) {
  const Vec both = 0.5f * (u[1] + u[2]);
  out[0] = u[0] + both;
  out[1] = 0.5f * (u[1] - u[2]);
  out[2] = both + u[3];
};

/* `half` of the rows of `in`, then of the columns of what that gives: out = half in half^T. */
template <int kFrom, int kTo, class Half>
inline void both_ways(const Vec (&in)[kFrom][kFrom], Vec (&out)[kTo][kTo], const Half& half) {
  Vec rows[kFrom][kTo];
#pragma GCC unroll 4
  for (int i = 0; i < kFrom; i++) half(in[i], rows[i]);
#pragma GCC unroll 4
  for (int j = 0; j < kTo; j++) {
    Vec column[kFrom], done[kTo];
#pragma GCC unroll 4
    for (int i = 0; i < kFrom; i++) column[i] = rows[i][j];
    half(column, done);
#pragma GCC unroll 4
    for (int i = 0; i < kTo; i++) out[i][j] = done[i];
  }
}

/* Factors that follow each other along channels. */
inline void store_factors(float* to, Vec v) { store(to, v); }

inline void store_factors(Bfloat16* to, Vec v) {
  typedef uint16_t Halves __attribute__((vector_size(kLanes * sizeof(uint16_t))));
  const Words upper = reinterpret_cast<Words>(Factors<Bfloat16>::pairs(v, Vec{}));
  const Halves halves = __builtin_convertvector(upper, Halves);
  std::memcpy(to, &halves, sizeof(halves));
}

/* B^T d B of all channels of a tile, in whole vectors; a point's numbers are `stride` from the next one's. */
template <class Element>
void transform_pixels(const float* pixels, int64_t row, int channels, Element* out, int64_t stride) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    Vec d[4][4], v[4][4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) d[i][j] = load(pixels + i * row + j * channels + c);
    both_ways(d, v, to_points);
#pragma GCC unroll 16
    for (int p = 0; p < kPoints; p++) store_factors(out + p * stride + c, v[p / 4][p % 4]);
  }
}

/* Where a forward pass writes. */
struct WinogradOutput {
  float* y;
  const float* bias;
  int activation;
  float alpha;
};

/* A^T m A, finished, to those pixels of the tile that are there. */
inline void transform_products(const float* m, int64_t stride, const DenseConv& conv, const WinogradOutput& out,
                               float* y, int rows, int columns) {
  const int64_t row = int64_t{conv.out_width} * conv.outputs;
  for (int64_t k = 0; k < conv.outputs; k += kLanes) {
    const int64_t left = conv.outputs - k;
    Vec points[4][4], pixels[2][2];
#pragma GCC unroll 16
    for (int p = 0; p < kPoints; p++) points[p / 4][p % 4] = load(m + p * stride + k);
    both_ways(points, pixels, from_points);
    const Vec bias = out.bias ? load_some(out.bias + k, left) : Vec{};
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        store_some(y + i * row + j * conv.outputs + k, finish(pixels[i][j] + bias, out.activation, out.alpha), left);
      }
    }
  }
}

/* One step of vectors: a factor, or a pair of them. */
inline void store_step(float* to, Vec v, Vec) { store(to, v); }
inline void store_step(Bfloat16* to, Vec v, Vec next) {
  const Vec both = Factors<Bfloat16>::pairs(v, next);
  std::memcpy(to, &both, sizeof(both));
}

/* A filter [9, channels, outputs], or one that is read as the gradient of the image reads it. */
struct WinogradFilter {
  const float* data;
  bool turned; /* [9, outputs, channels], from the last tap on */

  /* Tap t of one channel and the outputs from `first` on. */
  Vec tap(const DenseConv& conv, int t, int channel, int64_t first, int64_t count) const {
    const int64_t each = int64_t{conv.channels} * conv.outputs;
    if (!turned) return load_some(data + t * each + channel * int64_t{conv.outputs} + first, count);
    const float* from = data + (8 - t) * each + first * conv.channels + channel;
    alignas(64) float lanes[kLanes] = {};
    for (int n = 0; n < std::min<int64_t>(count, kLanes); n++) lanes[n] = from[n * conv.channels];
    return load(lanes);
  }
};

/* G g G^T of all channels and outputs: packed panels for each point, `each` floats from point to point. */
template <class Element>
void pack_winograd_filter(const DenseConv& conv, const WinogradFilter& filter, Element* packed, int64_t each) {
  constexpr int depth = Factors<Element>::kDepth;
  parallel_for(panel_count(conv.outputs), 1, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; index++) {
      const Panel panel = panel_at(static_cast<int>(index), conv.outputs);
      const int width = panel_width(panel);
      Element* const target = packed + int64_t{panel.begin} * whole_factors<Element>(conv.channels);
      for (int c = 0; c < conv.channels; c += depth) {
        for (int n = 0; n < width; n += kLanes) {
          Vec u[2][4][4] = {};
          for (int k = 0; k < depth && c + k < conv.channels; k++) {
            Vec g[3][3];
            for (int t = 0; t < 9; t++) {
              g[t / 3][t % 3] = filter.tap(conv, t, c + k, panel.begin + n, std::max(0, panel.columns - n));
            }
            both_ways(g, u[k], filter_to_points);
          }
          for (int p = 0; p < kPoints; p++) {
            store_step(target + p * each + int64_t{c} * width + n * depth, u[0][p / 4][p % 4], u[1][p / 4][p % 4]);
          }
        }
      }
    }
  });
}

/* Tiles that are a step of the filter's gradient: one, or a pair of which the second may be missing. */
struct WinogradStep {
  const float* pixels[2];
  const float* dy[2];
  int rows[2], columns[2]; /* of dy's pixels, how many are there */
  int count;
};

/* The four points of a quarter, a row of B^T d B, which takes two rows of each tile. */
template <class Element>
void transform_pixels(const WinogradStep& step, int64_t row, int channels, int quarter, Element* out, int64_t stride) {
  static constexpr int kUpper[] = {0, 1, 2, 1}, kLower[] = {2, 2, 1, 3};
  for (int64_t c = 0; c < channels; c += kLanes) {
    Vec v[2][4] = {};
    for (int k = 0; k < step.count; k++) {
      const float *const upper = step.pixels[k] + kUpper[quarter] * row, *const lower = step.pixels[k] + kLower[quarter] * row;
      Vec d[4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) {
        const Vec a = load(upper + j * channels + c), b = load(lower + j * channels + c);
        d[j] = quarter == 1 ? a + b : a - b;
      }
      to_points(d, v[k]);
    }
#pragma GCC unroll 4
    for (int p = 0; p < 4; p++) store_step(out + p * stride + c * Factors<Element>::kDepth, v[0][p], v[1][p]);
  }
}

/* The four points of a quarter, a row of A dY A^T. */
template <class Element>
void transform_gradient(const WinogradStep& step, int64_t row, int outputs, int quarter, Element* out, int64_t stride) {
  for (int64_t c = 0; c < outputs; c += kLanes) {
    Vec v[2][4] = {};
    for (int k = 0; k < step.count; k++) {
      const float* const dy = step.dy[k];
      Vec slopes[2];
      for (int j = 0; j < 2; j++) {
        const bool there = j < step.columns[k], both = there && step.rows[k] > 1;
        const Vec a = quarter < 3 && there ? load_some(dy + j * outputs + c, outputs - c) : Vec{};
        const Vec b = quarter > 0 && both ? load_some(dy + row + j * outputs + c, outputs - c) : Vec{};
        slopes[j] = quarter == 1 ? a + b : a - b;
      }
      gradient_to_points(slopes, v[k]);
    }
#pragma GCC unroll 4
    for (int p = 0; p < 4; p++) store_step(out + p * stride + c * Factors<Element>::kDepth, v[0][p], v[1][p]);
  }
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
