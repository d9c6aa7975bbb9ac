/*
 * 3 x 3 convolutions with a stride of 1 by Winograd's F(2 x 2, 3 x 3) (Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks", CVPR 2016): 2 x 2 outputs of a channel take 16 products in place of 36.
 *
 *   Y = A^T [(G g G^T) * (B^T d B)] A        d [4, 4] of the image, g [3, 3], Y [2, 2], * element by element
 *
 * The 16 elements are points; at each point all tiles' d meet all g in a matrix product (tile.h). The filter's gradient is
 * the same read backwards: dg = G^T [(A dY A^T) * (B^T d B)] G. Vectors hold channels. Sums are off by some times as
 * much as those of plain convolutions. Factors of the products may be bfloat16 (factors.h), transforms are float32.
 */
#ifndef CPCDR_CONV_WINOGRAD_H
#define CPCDR_CONV_WINOGRAD_H

#include <algorithm>
#include <atomic>

#include "image.h"
#include "dense.h"
#include "../tile.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kPoints = 16;
/* Floats of the tiles that a core has transformed at a time, the second for the filter's gradient. */
constexpr int64_t kWinogradBlock = 192 * 1024, kWinogradSweep = 384 * 1024;

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

/* Whether it is faster so: transforms are little beside the products that they save. */
template <class Element>
bool suits_winograd_gradient(const DenseConv& c) {
  constexpr int depth = Factors<Element>::kDepth, kLeastChannels = depth == 1 ? 16 : 48, kLeastTiles = 48 * depth;
  return c.filter_height == 3 && c.filter_width == 3 && c.pad_top >= 0 && c.pad_left >= 0 &&
         c.channels >= kLeastChannels && c.outputs >= kLeastChannels && WinogradTiles(c).count >= kLeastTiles;
}

/* The forward pass transforms the filter too, and a large one leaves the cache: it needs more tiles to pay. */
template <class Element>
bool suits_winograd(const DenseConv& c) {
  constexpr int64_t kLargeFilter = 1 << 16, kLeastTiles = 128 * Factors<Element>::kDepth;
  return suits_winograd_gradient<Element>(c) &&
         (int64_t{c.channels} * c.outputs < kLargeFilter || WinogradTiles(c).count >= kLeastTiles);
}

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

/* The image with the margins that whole tiles read; false when memory is exhausted. */
inline bool pad_tiles(const DenseConv& conv, const WinogradTiles& tiles, const float* image, Padded<float>* padded) {
  *padded = {nullptr, 2 * tiles.down + 2, 2 * tiles.across + 2, conv.pad_top, conv.pad_left};
  /* Whole vectors of channels read beyond the last pixel. */
  if (conv.channels % kLanes == 0 && read_in_place(image, conv.height, conv.width, padded)) return true;
  return pad_image(image, conv.batch, conv.height, conv.width, conv.channels, padded);
}

/* Memory for the groups of so many rows; null when it is exhausted. */
template <class Element>
RowGroup<Element>* winograd_groups(int64_t rows) {
  return elements<RowGroup<Element>>(3, static_cast<size_t>(rows / kGroup + 1));
}

/* One tap of `steps` steps: a matrix product. */
template <class Element>
TileInput<Element> matrix_input(int64_t row_stride, int64_t step_stride, const Element* b, int64_t b_stride, int steps) {
  static constexpr int64_t kNowhere = 0;
  TileInput<Element> in{};
  in.row_stride = row_stride;
  in.step_stride = step_stride;
  in.a_offsets = in.b_offsets = &kNowhere;
  in.b = b;
  in.b_stride = b_stride;
  in.taps = 1;
  in.steps = steps;
  return in;
}

/* A convolution into out.y [batch, out_height, out_width, outputs]; false when memory is exhausted. */
template <class Element>
bool winograd_forward(const DenseConv& conv, const float* image, const WinogradFilter& filter, const WinogradOutput& out) {
  const WinogradTiles tiles(conv);
  Padded<float> padded;
  if (!pad_tiles(conv, tiles, image, &padded)) return false;
  constexpr int depth = Factors<Element>::kDepth;
  const int factors = whole_factors<Element>(conv.channels);
  const int64_t each = static_cast<int64_t>(packed_elements(factors, conv.outputs));
  Element* const packed = elements<Element>(0, static_cast<size_t>(kPoints * each));
  if (!packed) return false;
  pack_winograd_filter(conv, filter, packed, each);
  const int64_t in = whole_lanes(conv.channels), of = whole_lanes(conv.outputs);
  const int64_t block = tiles.block(kWinogradBlock, kPoints * (in + of));
  const int64_t point = tiles.stride(block, in), product = tiles.stride(block, of);
  std::atomic<bool> done{true};
  parallel_for((tiles.count + block - 1) / block, 1, [&](int64_t begin, int64_t end) {
    Element* const points = elements<Element>(2, static_cast<size_t>(kPoints * point));
    float* const products = elements<float>(4, static_cast<size_t>(kPoints * product));
    RowGroup<Element>* const groups = winograd_groups<Element>(block);
    if (!points || !products || !groups) {
      done = false;
      return;
    }
    for (int64_t task = begin; task < end; task++) {
      const int64_t first = task * block, count = std::min(block, tiles.count - first);
      for (int64_t t = 0; t < count; t++) {
        const int64_t tile = first + t;
        const int64_t at = (int64_t{tiles.image(tile)} * padded.height + 2 * tiles.y(tile)) * padded.width + 2 * tiles.x(tile);
        transform_pixels(padded.data + at * conv.channels, int64_t{padded.width} * conv.channels, conv.channels,
                         points + t * in, point);
      }
      for (int p = 0; p < kPoints; p++) {
        const int rows = append_groups(groups, 0, static_cast<const Element*>(points + p * point), in,
                                       products + p * product, of, static_cast<int>(count));
        for (int index = 0; index < panel_count(conv.outputs); index++) {
          const Panel panel = panel_at(index, conv.outputs);
          TileOutput to{};
          to.row_stride = of;
          const Element* const b = packed + p * each + int64_t{panel.begin} * factors;
          run_groups(groups, rows, panel, matrix_input(in, depth, b, panel_width(panel) * depth, factors / depth), to);
        }
      }
      for (int64_t t = 0; t < count; t++) {
        const int64_t tile = first + t;
        const int y = 2 * tiles.y(tile), x = 2 * tiles.x(tile);
        float* const to = out.y + ((int64_t{tiles.image(tile)} * conv.out_height + y) * conv.out_width + x) * conv.outputs;
        transform_products(products + t * of, product, conv, out, to, std::min(2, conv.out_height - y),
                           std::min(2, conv.out_width - x));
      }
    }
  });
  return done;
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

/* G^T u G of all channels and outputs, u the sum of the spans' [16, channels, outputs]. */
CPCDR_APART void add_up_spans(const DenseConv& conv, const float* sums, int64_t spans, float* dfilter) {
  const int64_t each = int64_t{conv.channels} * conv.outputs;
  parallel_for(conv.channels, 8, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; c++) {
      for (int64_t k = 0; k < conv.outputs; k += kLanes) {
        const int64_t left = conv.outputs - k;
        Vec u[4][4] = {}, g[3][3];
        for (int64_t span = 0; span < spans; span++) {
          const float* const from = sums + span * kPoints * each + c * conv.outputs + k;
          for (int p = 0; p < kPoints; p++) u[p / 4][p % 4] += load_some(from + p * each, left);
        }
        both_ways(u, g, filter_from_points);
        for (int t = 0; t < 9; t++) store_some(dfilter + t * each + c * conv.outputs + k, g[t / 3][t % 3], left);
      }
    }
  });
}

/*
 * dfilter [9, channels, outputs]; false when memory is exhausted. A task is a quarter of the points of a span of tiles, with
 * sums of its own: a core reads what it transformed itself, wherever the others' caches are.
 */
template <class Element>
bool winograd_filter_gradient(const DenseConv& conv, const float* image, const float* dy, float* dfilter) {
  constexpr int depth = Factors<Element>::kDepth, kQuarter = kPoints / 4, kMostSpans = 4;
  const WinogradTiles tiles(conv);
  Padded<float> padded;
  if (!pad_tiles(conv, tiles, image, &padded)) return false;
  const int64_t in = whole_lanes(conv.channels), of = whole_lanes(conv.outputs);
  const int64_t each = int64_t{conv.channels} * conv.outputs;
  const int64_t block = tiles.block(kWinogradSweep, kQuarter * (in + of)), blocks = (tiles.count + block - 1) / block;
  const int64_t spans = std::min<int64_t>(blocks, kMostSpans);
  const int64_t point = tiles.stride(block, in), slope = tiles.stride(block, of);
  float* const sums = workspace(0, static_cast<size_t>(spans * kPoints * each));
  if (!sums) return false;
  std::atomic<bool> done{true};
  parallel_for(spans * 4, 1, [&](int64_t begin, int64_t end) {
    Element* const points = elements<Element>(2, static_cast<size_t>(kQuarter * (point + slope)));
    RowGroup<Element>* const groups = winograd_groups<Element>(conv.channels);
    if (!points || !groups) {
      done = false;
      return;
    }
    Element* const slopes = points + kQuarter * point;
    for (int64_t task = begin; task < end; task++) {
      const int64_t span = task / 4;
      const int quarter = static_cast<int>(task % 4);
      const int64_t from = blocks * span / spans * block, to = std::min(tiles.count, blocks * (span + 1) / spans * block);
      for (int64_t first = from; first < to; first += block) {
        const int64_t count = std::min(block, to - first);
        for (int64_t t = 0; t < count; t += depth) {
          WinogradStep step{};
          for (; step.count < depth && t + step.count < count; step.count++) {
            const int64_t tile = first + t + step.count, n = tiles.image(tile);
            const int y = 2 * tiles.y(tile), x = 2 * tiles.x(tile), k = step.count;
            step.pixels[k] = padded.data + ((n * padded.height + y) * padded.width + x) * conv.channels;
            step.dy[k] = dy + ((n * conv.out_height + y) * conv.out_width + x) * conv.outputs;
            step.rows[k] = std::min(2, conv.out_height - y);
            step.columns[k] = std::min(2, conv.out_width - x);
          }
          transform_pixels(step, int64_t{padded.width} * conv.channels, conv.channels, quarter, points + t * in, point);
          transform_gradient(step, int64_t{conv.out_width} * conv.outputs, conv.outputs, quarter, slopes + t * of, slope);
        }
        for (int p = 0; p < kQuarter; p++) {
          /* Rows are channels, steps are tiles. */
          const int rows = append_groups(groups, 0, static_cast<const Element*>(points + p * point), depth,
                                         sums + (4 * task + p) * each, conv.outputs, conv.channels);
          for (int index = 0; index < panel_count(conv.outputs); index++) {
            const Panel panel = panel_at(index, conv.outputs);
            TileOutput output{};
            output.row_stride = conv.outputs;
            output.accumulate = first > from;
            const Element* const b = slopes + p * slope + panel.begin * depth;
            const int steps = static_cast<int>((count + depth - 1) / depth);
            run_groups(groups, rows, panel, matrix_input(depth, in * depth, b, of * depth, steps), output);
          }
        }
      }
    }
  });
  if (!done) return false;
  add_up_spans(conv, sums, spans, dfilter);
  return true;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
