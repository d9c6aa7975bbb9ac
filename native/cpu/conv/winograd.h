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
#include "winograd_points.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Floats of the tiles that a core has transformed at a time, the second for the filter's gradient. */
constexpr int64_t kWinogradBlock = 192 * 1024, kWinogradSweep = 384 * 1024;

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
