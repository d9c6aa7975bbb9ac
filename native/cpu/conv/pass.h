/* Dense passes over padded images: what a convolution and its input gradient are made of. */
#ifndef CPCDR_CONV_PASS_H
#define CPCDR_CONV_PASS_H

#include <algorithm>

#include "../thread_pool.h"
#include "../tile.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Rows that a call of parallel_for takes at a time, so that a task is neither tiny nor everything. */
inline int64_t row_grain(int64_t rows, int groups_per_row) {
  const int64_t full = (48 + groups_per_row - 1) / groups_per_row;
  return std::clamp<int64_t>(rows / 16, 1, full);
}

/*
 * One pass over images whose every output pixel is a product of `taps` runs of `run` contiguous elements
 * with packed panels. The forward pass is one such pass, the input gradient one for each phase.
 */
template <class Element>
struct Pass {
  const Element* image;   /* padded; pixel of output (n, y, x) at image_row * (n, y) + x * pixel_stride */
  int64_t image_stride;   /* elements from image to image */
  int64_t row_stride;     /* from output row to output row */
  int64_t pixel_stride;   /* from output pixel to output pixel */
  const int64_t* taps_at; /* [taps] */
  const int64_t* panels_at; /* [taps] offsets in factors into a packed panel */
  int taps;
  int run; /* whole steps: what is read beyond meets zeros in the panel */
  int rows, columns, batch;
  float* out; /* output (n, y, x) */
  int64_t out_image_stride, out_row_stride, out_pixel_stride;
  int out_channels;
  const Element* packed;
  int64_t packed_factors;
  const float* bias;
  int activation;
  float alpha;
};

constexpr int kMaxTaps = 1024;
constexpr int kChunkGroups = 96;

template <class Element>
void run_rows(const Pass<Element>& pass, int64_t begin, int64_t end) {
  constexpr int depth = Factors<Element>::kDepth;
  RowGroup<Element> groups[kChunkGroups];
  const int per_row = (pass.columns + kGroup - 1) / kGroup;
  auto flush = [&](int count) {
    int64_t offsets[kMaxTaps];
    for (int p = 0; p < panel_count(pass.out_channels); p++) {
      const Panel panel = panel_at(p, pass.out_channels);
      const int width = panel_width(panel);
      for (int t = 0; t < pass.taps; t++) offsets[t] = pass.panels_at[t] * width;
      TileInput<Element> in{};
      in.row_stride = pass.pixel_stride;
      in.step_stride = depth;
      in.a_offsets = pass.taps_at;
      in.b = pass.packed + int64_t{panel.begin} * pass.packed_factors;
      in.b_offsets = offsets;
      in.b_stride = width * depth;
      in.taps = pass.taps;
      in.steps = pass.run / depth;
      TileOutput out{};
      out.row_stride = pass.out_pixel_stride;
      out.bias = pass.bias ? pass.bias + panel.begin : nullptr;
      out.activation = pass.activation;
      out.alpha = pass.alpha;
      run_groups(groups, count, panel, in, out);
    }
  };
  int count = 0;
  for (int64_t row = begin; row < end; row++) {
    const int64_t n = row / pass.rows, y = row % pass.rows;
    const Element* a = pass.image + n * pass.image_stride + y * pass.row_stride;
    float* c = pass.out + n * pass.out_image_stride + y * pass.out_row_stride;
    /* A row wider than the chunk is cut; the cut falls on whole groups. */
    for (int x = 0; x < pass.columns;) {
      const int free = kChunkGroups - count;
      const int rest = pass.columns - x;
      int take = std::min(rest, free * kGroup);
      if (take < rest && rest - take < kGroup) take -= kGroup;
      if (take <= 0 || (count > 0 && per_row <= kChunkGroups && per_row > free)) {
        flush(count);
        count = 0;
        continue;
      }
      count = append_groups(groups, count, a + x * pass.pixel_stride, pass.pixel_stride,
                            c + x * pass.out_pixel_stride, pass.out_pixel_stride, take);
      x += take;
    }
  }
  if (count > 0) flush(count);
}

template <class Element>
void run_pass(const Pass<Element>& pass) {
  const int64_t rows = int64_t{pass.batch} * pass.rows;
  const int per_row = (pass.columns + kGroup - 1) / kGroup;
  parallel_for(rows, row_grain(rows, per_row),
               [&](int64_t begin, int64_t end) { run_rows(pass, begin, end); });
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
