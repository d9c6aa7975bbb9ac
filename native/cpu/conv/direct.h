/*
 * Convolutions of every kind as implicit matrix products (tile.h): the image is padded into a workspace once, and from
 * then on read where it stands.
 */
#ifndef CPCDR_CONV_DIRECT_H
#define CPCDR_CONV_DIRECT_H

#include <algorithm>

#include "image.h"
#include "pass.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* y of image and filter, without sigmoid and ELU; false when memory is exhausted, as the others. */
template <class Element>
bool direct_forward(const Conv& conv, const float* x, const float* filter, const float* bias, float* y, float alpha) {
  Padded<Element> padded;
  if (!pad_input(conv, x, &padded)) return false;
  const int run = conv.run(), whole = whole_factors<Element>(run), taps_x = conv.taps_x();
  const int taps = conv.filter_height * taps_x;
  const int64_t factors = int64_t{taps} * whole;
  Element* packed = elements<Element>(0, packed_elements(factors, conv.out_channels) + 1);
  if (!packed) return false;
  parallel_for(panel_count(conv.out_channels), 4, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; p++) {
      const Panel panel = panel_at(static_cast<int>(p), conv.out_channels);
      for (int64_t t = 0; t < taps; t++) {
        pack_panel(filter + t * run * conv.out_channels, conv.out_channels, 1, t * whole, run, panel,
                   packed + int64_t{panel.begin} * factors);
      }
    }
  });
  int64_t taps_at[kMaxTaps], panels_at[kMaxTaps];
  for (int t = 0; t < taps; t++) {
    const int i = t / taps_x, j = t % taps_x;
    taps_at[t] = (int64_t{i} * conv.dilation_height * padded.width + int64_t{j} * conv.dilation_width) * conv.channels;
    panels_at[t] = int64_t{t} * whole;
  }
  Pass<Element> pass{};
  pass.image = padded.data;
  pass.image_stride = int64_t{padded.height} * padded.width * conv.channels;
  pass.row_stride = int64_t{conv.stride_height} * padded.width * conv.channels;
  pass.pixel_stride = int64_t{conv.stride_width} * conv.channels;
  pass.taps_at = taps_at;
  pass.panels_at = panels_at;
  pass.taps = taps;
  pass.run = whole;
  pass.rows = conv.out_height;
  pass.columns = conv.out_width;
  pass.batch = conv.batch;
  pass.out = y;
  pass.out_pixel_stride = pass.out_channels = conv.out_channels;
  pass.out_row_stride = int64_t{conv.out_width} * conv.out_channels;
  pass.out_image_stride = pass.out_row_stride * conv.out_height;
  pass.packed = packed;
  pass.packed_factors = factors;
  pass.bias = bias;
  pass.activation = conv.activation;
  pass.alpha = alpha;
  run_pass(pass);
  return true;
}

/* One filter index that reaches a phase of the input, and where in dy it reads for the phase's pixel 0. */
struct Reach {
  int filter_index;
  int offset;
};

/* The filter rows (or columns) that touch input pixels p, p + stride, ..., by ascending offset in dy. */
inline int phase_reach(int phase, int pad, int stride, int dilation, int extent, Reach* reach) {
  int count = 0;
  for (int i = extent - 1; i >= 0; i--) {
    const int position = phase + pad - i * dilation;
    if (((position % stride) + stride) % stride != 0) continue;
    const int offset = position >= 0 ? position / stride : -((-position) / stride);
    reach[count++] = {i, offset};
  }
  return count;
}

inline int ceil_div(int a, int b) { return (a + b - 1) / b; }

/*
 * dx[i] = sum over k with (i + pad - k * dilation) divisible by the stride of dy[that / stride] * filter[k]:
 * input pixels of one phase (i mod stride) see the same filter elements, so each phase is a dense pass.
 */
template <class Element>
bool direct_input_gradient(const Conv& conv, const float* dy, const float* filter, float* dx) {
  int low_y = 0, low_x = 0, high_y = 0, high_x = 0;
  Reach reach[kMaxTaps];
  auto bounds = [&](int stride, int pad, int dilation, int extent, int size, int least, int* low, int* high) {
    for (int phase = 0; phase < stride && phase < size; phase++) {
      const int pixels = std::max(least, ceil_div(size - phase, stride));
      const int count = phase_reach(phase, pad, stride, dilation, extent, reach);
      for (int i = 0; i < count; i++) {
        *low = std::min(*low, reach[i].offset);
        *high = std::max(*high, reach[i].offset + pixels);
      }
    }
  };
  bounds(conv.stride_height, conv.pad_top, conv.dilation_height, conv.filter_height, conv.height, 1, &low_y,
         &high_y);
  bounds(conv.stride_width, conv.pad_left, conv.dilation_width, conv.filter_width, conv.width, kGroup, &low_x,
         &high_x);
  Padded<Element> padded{nullptr, std::max(high_y - low_y, 1), std::max(high_x - low_x, kGroup), -low_y, -low_x};
  if (!read_in_place(dy, conv.out_height, conv.out_width, &padded) &&
      !pad_image(dy, conv.batch, conv.out_height, conv.out_width, conv.out_channels, &padded)) {
    return false;
  }
  /* Every phase has taps of its own; the last step of each may be half empty. */
  const int64_t taps_in_all = int64_t{conv.filter_height} * conv.filter_width;
  const int64_t most = taps_in_all * whole_factors<Element>(conv.out_channels);
  Element* packed = elements<Element>(0, packed_elements(most, conv.channels) + 1);
  if (!packed) return false;
  for (int py = 0; py < conv.stride_height && py < conv.height; py++) {
    for (int px = 0; px < conv.stride_width && px < conv.width; px++) {
      Reach rows[64], columns[64];
      const int row_count =
          phase_reach(py, conv.pad_top, conv.stride_height, conv.dilation_height, conv.filter_height, rows);
      const int column_count =
          phase_reach(px, conv.pad_left, conv.stride_width, conv.dilation_width, conv.filter_width, columns);
      bool contiguous = true;
      for (int j = 1; j < column_count; j++) contiguous &= columns[j].offset == columns[j - 1].offset + 1;
      const int taps_x = contiguous ? std::min(column_count, 1) : column_count;
      const int run = contiguous ? column_count * conv.out_channels : conv.out_channels;
      const int whole = whole_factors<Element>(run);
      const int64_t factors = int64_t{row_count} * taps_x * whole;
      parallel_for(panel_count(conv.channels), 1, [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; p++) {
          const Panel panel = panel_at(static_cast<int>(p), conv.channels);
          for (int i = 0; i < row_count; i++) {
            for (int j = 0; j < column_count; j++) {
              const int64_t element = int64_t{rows[i].filter_index} * conv.filter_width + columns[j].filter_index;
              const int64_t first = contiguous ? int64_t{i} * whole + int64_t{j} * conv.out_channels
                                               : (int64_t{i} * column_count + j) * whole;
              pack_panel(filter + element * conv.channels * conv.out_channels, 1, conv.out_channels, first,
                         conv.out_channels, panel, packed + int64_t{panel.begin} * factors);
            }
          }
        }
      });
      int64_t taps_at[kMaxTaps], panels_at[kMaxTaps];
      int taps = 0;
      for (int i = 0; i < row_count; i++) {
        for (int j = 0; j < taps_x; j++, taps++) {
          taps_at[taps] = (int64_t{rows[i].offset + padded.top} * padded.width + columns[j].offset +
                           padded.left) * conv.out_channels;
          panels_at[taps] = int64_t{taps} * whole;
        }
      }
      Pass<Element> pass{};
      pass.image = padded.data;
      pass.image_stride = int64_t{padded.height} * padded.width * conv.out_channels;
      pass.row_stride = int64_t{padded.width} * conv.out_channels;
      pass.pixel_stride = conv.out_channels;
      pass.taps_at = taps_at;
      pass.panels_at = panels_at;
      pass.taps = taps;
      pass.run = whole;
      pass.rows = ceil_div(conv.height - py, conv.stride_height);
      pass.columns = ceil_div(conv.width - px, conv.stride_width);
      pass.batch = conv.batch;
      pass.out = dx + (int64_t{py} * conv.width + px) * conv.channels;
      pass.out_pixel_stride = int64_t{conv.stride_width} * conv.channels;
      pass.out_row_stride = int64_t{conv.stride_height} * conv.width * conv.channels;
      pass.out_image_stride = int64_t{conv.height} * conv.width * conv.channels;
      pass.out_channels = conv.channels;
      pass.packed = packed;
      pass.packed_factors = factors;
      run_pass(pass);
    }
  }
  return true;
}

/* Floats of image and gradient that one sweep over the filter reads: they stay in the L2 cache. */
constexpr int64_t kSweepFloats = 192 * 1024;

/*
 * dfilter[i][j][c][o] = sum over pixels of x[pixel * stride + (i, j) * dilation][c] * dy[pixel][o].
 * Rows of a tile are the run (j, c), its taps the output rows, its steps the pixels of one row.
 */
template <class Element>
bool direct_filter_gradient(const Conv& conv, const float* x, const float* dy, float* dfilter) {
  constexpr int depth = Factors<Element>::kDepth;
  const int run = conv.run(), taps_x = conv.taps_x();
  Padded<Element> padded;
  if (!pad_steps(conv, x, &padded)) return false;
  const Element* const gradient = step_rows(conv, dy, Element{});
  if (!gradient) return false;
  const int64_t image_rows = int64_t{conv.batch} * conv.out_height;
  const int width = whole_factors<Element>(conv.out_width);
  const int64_t row_floats = int64_t{conv.out_width} * (conv.out_channels + conv.stride_width * conv.channels);
  const int64_t rows_per_sweep = std::clamp<int64_t>(kSweepFloats / std::max<int64_t>(row_floats, 1), 1, kMaxTaps);
  const int tile_rows = kGroup * (conv.out_channels > kNarrowColumns ? kWideGroups : kNarrowGroups);
  const int blocks = std::max(1, ceil_div(run, tile_rows));
  /* Equal blocks of whole groups. */
  const int block_rows = ceil_div(ceil_div(run, blocks), kGroup) * kGroup;
  const int panels = panel_count(conv.out_channels);
  const int64_t filters = int64_t{conv.filter_height} * taps_x;
  for (int64_t sweep = 0; sweep == 0 || sweep < image_rows; sweep += rows_per_sweep) {
    const int taps = static_cast<int>(std::min(rows_per_sweep, image_rows - sweep));
    parallel_for(filters * blocks * panels, 1, [&](int64_t begin, int64_t end) {
      int64_t a_offsets[kMaxTaps], b_offsets[kMaxTaps];
      for (int t = 0; t < taps; t++) {
        const int64_t row = sweep + t, n = row / conv.out_height, y = row % conv.out_height;
        a_offsets[t] = (n * padded.height + y * conv.stride_height) * padded.width * conv.channels * depth;
        b_offsets[t] = row * width * conv.out_channels;
      }
      for (int64_t task = begin; task < end; task++) {
        const int64_t f = task / (blocks * panels);
        const int block = static_cast<int>(task / panels % blocks);
        const Panel panel = panel_at(static_cast<int>(task % panels), conv.out_channels);
        const int first = block * block_rows, last = std::min(run, first + block_rows);
        if (first >= last) continue;
        const int64_t at = (f / taps_x * conv.dilation_height * padded.width + f % taps_x * conv.dilation_width) *
                           conv.channels;
        TileInput<Element> in{};
        in.row_stride = depth;
        in.step_stride = int64_t{depth} * depth * conv.stride_width * conv.channels;
        in.a_offsets = a_offsets;
        in.b = gradient + panel.begin * depth;
        in.b_offsets = b_offsets;
        in.b_stride = int64_t{depth} * conv.out_channels;
        in.taps = taps;
        in.steps = width / depth;
        TileOutput out{};
        out.row_stride = conv.out_channels;
        out.accumulate = sweep > 0;
        RowGroup<Element> groups[kMaxGroups + 2];
        int count = 0;
        float* c = dfilter + (f * run + first) * conv.out_channels;
        const Element* const a = padded.data + (at + first) * depth;
        if (last - first >= kGroup || run < kGroup) {
          count = append_groups(groups, 0, a, depth, c, conv.out_channels, last - first);
        } else {
          /* A block of fewer rows than a group reads the rows before it again and drops them. */
          const int back = kGroup - (last - first);
          groups[count++] = {a - back * depth, c - int64_t{back} * conv.out_channels, back, kGroup};
        }
        run_groups(groups, count, panel, in, out);
      }
    });
  }
  return true;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
