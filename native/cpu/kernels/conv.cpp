/*
 * 2-D convolution NHWC x HWIO as implicit matrix products (see tile.h): forward, input gradient and
 * filter gradient. The image is padded into a workspace once, and from then on read where it stands.
 * Those with few outputs go another way (narrow_conv.h).
 */
#include <algorithm>
#include <cmath>

#include "../narrow_conv.h"
#include "../thread_pool.h"
#include "../tile.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

struct Conv {
  int batch, height, width, channels;
  int filter_height, filter_width;
  int out_height, out_width, out_channels;
  int stride_height, stride_width, dilation_height, dilation_width;
  int pad_top, pad_left;
  int activation;

  explicit Conv(const int32_t* s)
      : batch(s[0]), height(s[1]), width(s[2]), channels(s[3]), filter_height(s[4]), filter_width(s[5]),
        out_height(s[6]), out_width(s[7]), out_channels(s[8]), stride_height(s[9]), stride_width(s[10]),
        dilation_height(s[11]), dilation_width(s[12]), pad_top(s[13]), pad_left(s[14]), activation(s[15]) {}

  const char* problem() const {
    if (batch < 0 || height < 0 || width < 0 || channels < 0 || out_channels < 0) return "negative size";
    if (out_height < 0 || out_width < 0 || pad_top < 0 || pad_left < 0) return "negative size";
    if (filter_height < 1 || filter_width < 1) return "filter of no extent";
    if (stride_height < 1 || stride_width < 1) return "stride below 1";
    if (dilation_height < 1 || dilation_width < 1) return "dilation below 1";
    return nullptr;
  }
};

/* The forward pass, or its filter gradient, as a narrow one. */
NarrowConv narrow_of(const Conv& c) {
  return {c.batch,      c.height,    c.width,        c.channels, c.filter_height, c.filter_width,
          c.out_height, c.out_width, c.out_channels, c.pad_top,  c.pad_left};
}

/* The input gradient as a convolution of dy with the filter turned about, as a narrow one. */
NarrowConv narrow_gradient_of(const Conv& c) {
  return {c.batch,  c.out_height, c.out_width, c.out_channels, c.filter_height, c.filter_width,
          c.height, c.width,      c.channels,  c.filter_height - 1 - c.pad_top, c.filter_width - 1 - c.pad_left};
}

bool is_narrow(const Conv& conv, const NarrowConv& narrow) {
  return conv.stride_height == 1 && conv.stride_width == 1 && conv.dilation_height == 1 && conv.dilation_width == 1 &&
         narrow.suits();
}

/* An image with room around it: pixel (y, x) of image n stands at ((n * height + y + top) * width + x + left). */
struct Padded {
  const float* data;
  int height, width;
  int top, left;
};

/* Rows that a call of parallel_for takes at a time, so that a task is neither tiny nor everything. */
int64_t row_grain(int64_t rows, int groups_per_row) {
  const int64_t full = (48 + groups_per_row - 1) / groups_per_row;
  return std::clamp<int64_t>(rows / 16, 1, full);
}

/*
 * Copies an image into `slot` with the given margins, zero outside. `height` and `width` are those of the
 * padded image, which may be smaller than the source plus margins: what nobody reads is not copied.
 */
bool pad_image(const float* source, int batch, int height, int width, int channels, int slot,
               Padded* padded) {
  const size_t row_floats = static_cast<size_t>(padded->width) * static_cast<size_t>(channels);
  const size_t floats = row_floats * static_cast<size_t>(padded->height) * static_cast<size_t>(batch);
  float* target = workspace(slot, floats + kGroup * 64);
  if (!target) return false;
  const int columns = std::clamp(padded->width - padded->left, 0, width);
  parallel_for(int64_t{batch} * padded->height, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t n = i / padded->height, y = i % padded->height - padded->top;
      float* row = target + i * static_cast<int64_t>(row_floats);
      if (y < 0 || y >= height) {
        std::fill_n(row, row_floats, 0.0f);
        continue;
      }
      const int64_t before = int64_t{padded->left} * channels, inside = int64_t{columns} * channels;
      std::fill_n(row, before, 0.0f);
      std::copy_n(source + (n * height + y) * width * channels, inside, row + before);
      std::fill(row + before + inside, row + row_floats, 0.0f);
    }
  });
  std::fill_n(target + floats, kGroup * 64, 0.0f);
  padded->data = target;
  return true;
}

/* The input as forward pass and filter gradient read it; false when memory is exhausted. */
bool pad_input(const Conv& conv, const float* x, bool slack, Padded* padded) {
  const int reach_y = (conv.filter_height - 1) * conv.dilation_height + 1;
  const int reach_x = (conv.filter_width - 1) * conv.dilation_width + 1;
  const int columns = std::max(conv.out_width, kGroup);
  *padded = {x, std::max((conv.out_height - 1) * conv.stride_height + reach_y, 1),
             (columns - 1) * conv.stride_width + reach_x, conv.pad_top, conv.pad_left};
  const bool fits = conv.pad_top == 0 && conv.pad_left == 0 && padded->height <= conv.height &&
                    padded->width <= conv.width && !slack;
  if (fits) {
    padded->height = conv.height;
    padded->width = conv.width;
    return true;
  }
  return pad_image(x, conv.batch, conv.height, conv.width, conv.channels, 1, padded);
}

/* Sigmoid and ELU, after the convolution; the others were applied on the way out. */
void finish_activation(const Conv& conv, float* y) {
  if (conv.activation != CPCDR_SIGMOID && conv.activation != CPCDR_ELU) return;
  const int64_t count = int64_t{conv.batch} * conv.out_height * conv.out_width * conv.out_channels;
  parallel_for(count, 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const float x = y[i];
      y[i] = conv.activation == CPCDR_SIGMOID ? 1.0f / (1.0f + std::exp(-x)) : x < 0 ? std::expm1(x) : x;
    }
  });
}

/*
 * One pass over images whose every output pixel is a product of `taps` runs of `run` contiguous floats
 * with packed panels. The forward pass is one such pass, the input gradient one for each phase.
 */
struct Pass {
  const float* image;     /* padded; pixel of output (n, y, x) at image_row * (n, y) + x * pixel_stride */
  int64_t image_stride;   /* floats from image to image */
  int64_t row_stride;     /* from output row to output row */
  int64_t pixel_stride;   /* from output pixel to output pixel */
  const int64_t* taps_at; /* [taps] */
  const int64_t* panels_at; /* [taps] offsets in steps into a packed panel */
  int taps;
  int run;
  int rows, columns, batch;
  float* out; /* output (n, y, x) */
  int64_t out_image_stride, out_row_stride, out_pixel_stride;
  int out_channels;
  const float* packed;
  int64_t packed_steps;
  const float* bias;
  int activation;
  float alpha;
};

constexpr int kMaxTaps = 1024;
constexpr int kChunkGroups = 96;

void run_rows(const Pass& pass, int64_t begin, int64_t end) {
  RowGroup groups[kChunkGroups];
  const int per_row = (pass.columns + kGroup - 1) / kGroup;
  auto flush = [&](int count) {
    int64_t offsets[kMaxTaps];
    for (int p = 0; p < panel_count(pass.out_channels); p++) {
      const Panel panel = panel_at(p, pass.out_channels);
      const int width = panel_width(panel);
      for (int t = 0; t < pass.taps; t++) offsets[t] = pass.panels_at[t] * width;
      TileInput in{};
      in.row_stride = pass.pixel_stride;
      in.step_stride = 1;
      in.a_offsets = pass.taps_at;
      in.b = pass.packed + int64_t{panel.begin} * pass.packed_steps;
      in.b_offsets = offsets;
      in.b_stride = width;
      in.taps = pass.taps;
      in.steps = pass.run;
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
    const float* a = pass.image + n * pass.image_stride + y * pass.row_stride;
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

void run_pass(const Pass& pass) {
  const int64_t rows = int64_t{pass.batch} * pass.rows;
  const int per_row = (pass.columns + kGroup - 1) / kGroup;
  parallel_for(rows, row_grain(rows, per_row),
               [&](int64_t begin, int64_t end) { run_rows(pass, begin, end); });
}

int32_t forward(const Conv& conv, const float* x, const float* filter, const float* bias, float* y,
                float alpha) {
  const NarrowConv narrow = narrow_of(conv);
  if (is_narrow(conv, narrow)) {
    if (!narrow_forward(narrow, x, filter, bias, y, conv.activation, alpha)) {
      return fail(CPCDR_OUT_OF_MEMORY, "conv2d: no memory for planes");
    }
    finish_activation(conv, y);
    return CPCDR_OK;
  }
  Padded padded;
  if (!pad_input(conv, x, false, &padded)) return fail(CPCDR_OUT_OF_MEMORY, "conv2d: no memory for padding");
  const int64_t steps = int64_t{conv.filter_height} * conv.filter_width * conv.channels;
  float* packed = workspace(0, packed_floats(steps, conv.out_channels) + 1);
  if (!packed) return fail(CPCDR_OUT_OF_MEMORY, "conv2d: no memory for packed filters");
  parallel_for(panel_count(conv.out_channels), 4, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; p++) {
      const Panel panel = panel_at(static_cast<int>(p), conv.out_channels);
      pack_panel(filter, conv.out_channels, 1, steps, panel, packed + int64_t{panel.begin} * steps);
    }
  });
  /* Without dilation a filter row is one run of (column, channel) in the image and in the filter. */
  const bool merged = conv.dilation_width == 1;
  const int run = merged ? conv.filter_width * conv.channels : conv.channels;
  const int taps_x = merged ? 1 : conv.filter_width;
  int64_t taps_at[kMaxTaps], panels_at[kMaxTaps];
  int taps = 0;
  for (int i = 0; i < conv.filter_height; i++) {
    for (int j = 0; j < taps_x; j++, taps++) {
      taps_at[taps] = (int64_t{i} * conv.dilation_height * padded.width + int64_t{j} * conv.dilation_width) *
                      conv.channels;
      panels_at[taps] = int64_t{taps} * run;
    }
  }
  Pass pass{};
  pass.image = padded.data;
  pass.image_stride = int64_t{padded.height} * padded.width * conv.channels;
  pass.row_stride = int64_t{conv.stride_height} * padded.width * conv.channels;
  pass.pixel_stride = int64_t{conv.stride_width} * conv.channels;
  pass.taps_at = taps_at;
  pass.panels_at = panels_at;
  pass.taps = taps;
  pass.run = run;
  pass.rows = conv.out_height;
  pass.columns = conv.out_width;
  pass.batch = conv.batch;
  pass.out = y;
  pass.out_pixel_stride = pass.out_channels = conv.out_channels;
  pass.out_row_stride = int64_t{conv.out_width} * conv.out_channels;
  pass.out_image_stride = pass.out_row_stride * conv.out_height;
  pass.packed = packed;
  pass.packed_steps = steps;
  pass.bias = bias;
  pass.activation = conv.activation;
  pass.alpha = alpha;
  run_pass(pass);
  finish_activation(conv, y);
  return CPCDR_OK;
}

/* One filter index that reaches a phase of the input, and where in dy it reads for the phase's pixel 0. */
struct Reach {
  int filter_index;
  int offset;
};

/* The filter rows (or columns) that touch input pixels p, p + stride, ..., by ascending offset in dy. */
int phase_reach(int phase, int pad, int stride, int dilation, int extent, Reach* reach) {
  int count = 0;
  for (int i = extent - 1; i >= 0; i--) {
    const int position = phase + pad - i * dilation;
    if (((position % stride) + stride) % stride != 0) continue;
    const int offset = position >= 0 ? position / stride : -((-position) / stride);
    reach[count++] = {i, offset};
  }
  return count;
}

int ceil_div(int a, int b) { return (a + b - 1) / b; }

/*
 * dx[i] = sum over k with (i + pad - k * dilation) divisible by the stride of dy[that / stride] * filter[k]:
 * input pixels of one phase (i mod stride) see the same filter elements, so each phase is a dense pass.
 */
int32_t input_gradient(const Conv& conv, const float* dy, const float* filter, float* dx) {
  const NarrowConv narrow = narrow_gradient_of(conv);
  if (is_narrow(conv, narrow)) {
    const bool done = narrow_input_gradient(narrow, dy, filter, dx);
    return done ? CPCDR_OK : fail(CPCDR_OUT_OF_MEMORY, "conv2d_input_grad: no memory for planes");
  }
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
  Padded padded{dy, std::max(high_y - low_y, 1), std::max(high_x - low_x, kGroup), -low_y, -low_x};
  if (low_y == 0 && low_x == 0 && padded.height <= conv.out_height && padded.width <= conv.out_width) {
    padded.height = conv.out_height;
    padded.width = conv.out_width;
  } else if (!pad_image(dy, conv.batch, conv.out_height, conv.out_width, conv.out_channels, 1, &padded)) {
    return fail(CPCDR_OUT_OF_MEMORY, "conv2d_input_grad: no memory for padding");
  }
  const int64_t all_steps = int64_t{conv.filter_height} * conv.filter_width * conv.out_channels;
  float* packed = workspace(0, packed_floats(all_steps, conv.channels) + 1);
  if (!packed) return fail(CPCDR_OUT_OF_MEMORY, "conv2d_input_grad: no memory for packed filters");
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
      const int64_t steps = int64_t{row_count} * column_count * conv.out_channels;
      parallel_for(panel_count(conv.channels), 1, [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; p++) {
          const Panel panel = panel_at(static_cast<int>(p), conv.channels);
          float* target = packed + int64_t{panel.begin} * steps;
          for (int i = 0; i < row_count; i++) {
            for (int j = 0; j < column_count; j++) {
              const int64_t tap =
                  int64_t{rows[i].filter_index} * conv.filter_width + columns[j].filter_index;
              pack_panel(filter + tap * conv.channels * conv.out_channels, 1, conv.out_channels,
                         conv.out_channels, panel, target);
              target += int64_t{conv.out_channels} * panel_width(panel);
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
          panels_at[taps] = int64_t{taps} * run;
        }
      }
      Pass pass{};
      pass.image = padded.data;
      pass.image_stride = int64_t{padded.height} * padded.width * conv.out_channels;
      pass.row_stride = int64_t{padded.width} * conv.out_channels;
      pass.pixel_stride = conv.out_channels;
      pass.taps_at = taps_at;
      pass.panels_at = panels_at;
      pass.taps = taps;
      pass.run = run;
      pass.rows = ceil_div(conv.height - py, conv.stride_height);
      pass.columns = ceil_div(conv.width - px, conv.stride_width);
      pass.batch = conv.batch;
      pass.out = dx + (int64_t{py} * conv.width + px) * conv.channels;
      pass.out_pixel_stride = int64_t{conv.stride_width} * conv.channels;
      pass.out_row_stride = int64_t{conv.stride_height} * conv.width * conv.channels;
      pass.out_image_stride = int64_t{conv.height} * conv.width * conv.channels;
      pass.out_channels = conv.channels;
      pass.packed = packed;
      pass.packed_steps = steps;
      run_pass(pass);
    }
  }
  return CPCDR_OK;
}

/* dy with readable memory behind its end, for vectors that reach over the last pixel's channels. */
const float* with_slack(const float* source, size_t floats, int slot) {
  float* copy = workspace(slot, floats + kWideColumns);
  if (!copy) return nullptr;
  parallel_for(static_cast<int64_t>(floats), 1 << 16,
               [&](int64_t begin, int64_t end) { std::copy(source + begin, source + end, copy + begin); });
  std::fill_n(copy + floats, kWideColumns, 0.0f);
  return copy;
}

/* Floats of image and gradient that one sweep over the filter reads: they stay in the L2 cache. */
constexpr int64_t kSweepFloats = 192 * 1024;

/*
 * dfilter[i][j][c][o] = sum over pixels of x[pixel * stride + (i, j) * dilation][c] * dy[pixel][o].
 * Rows of a tile are the run (j, c), its taps the output rows, its steps the pixels of one row.
 */
int32_t filter_gradient(const Conv& conv, const float* x, const float* dy, float* dfilter) {
  const NarrowConv narrow = narrow_of(conv);
  if (is_narrow(conv, narrow)) {
    const bool done = narrow_filter_gradient(narrow, x, dy, dfilter);
    return done ? CPCDR_OK : fail(CPCDR_OUT_OF_MEMORY, "conv2d_filter_grad: no memory for planes");
  }
  const bool merged = conv.dilation_width == 1;
  const int run = merged ? conv.filter_width * conv.channels : conv.channels;
  const int taps_x = merged ? 1 : conv.filter_width;
  Padded padded;
  if (!pad_input(conv, x, run < kGroup, &padded)) {
    return fail(CPCDR_OUT_OF_MEMORY, "conv2d_filter_grad: no memory for padding");
  }
  const int64_t image_rows = int64_t{conv.batch} * conv.out_height;
  if (conv.out_channels % kLanes != 0 || panel_at(panel_count(conv.out_channels) - 1, conv.out_channels).columns %
                                             kLanes != 0) {
    dy = with_slack(dy, static_cast<size_t>(image_rows * conv.out_width * conv.out_channels), 2);
    if (!dy) return fail(CPCDR_OUT_OF_MEMORY, "conv2d_filter_grad: no memory for the gradient");
  }
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
        a_offsets[t] = (n * padded.height + y * conv.stride_height) * padded.width * conv.channels;
        b_offsets[t] = row * conv.out_width * conv.out_channels;
      }
      for (int64_t task = begin; task < end; task++) {
        const int64_t f = task / (blocks * panels);
        const int block = static_cast<int>(task / panels % blocks);
        const Panel panel = panel_at(static_cast<int>(task % panels), conv.out_channels);
        const int first = block * block_rows, last = std::min(run, first + block_rows);
        if (first >= last) continue;
        const int64_t at = (f / taps_x * conv.dilation_height * padded.width + f % taps_x * conv.dilation_width) *
                           conv.channels;
        TileInput in{};
        in.row_stride = 1;
        in.step_stride = int64_t{conv.stride_width} * conv.channels;
        in.a_offsets = a_offsets;
        in.b = dy + panel.begin;
        in.b_offsets = b_offsets;
        in.b_stride = conv.out_channels;
        in.taps = taps;
        in.steps = conv.out_width;
        TileOutput out{};
        out.row_stride = conv.out_channels;
        out.accumulate = sweep > 0;
        RowGroup groups[kMaxGroups + 2];
        int count = 0;
        float* c = dfilter + (f * run + first) * conv.out_channels;
        if (last - first >= kGroup || run < kGroup) {
          count = append_groups(groups, 0, padded.data + at + first, 1, c, conv.out_channels, last - first);
        } else {
          /* A block of fewer rows than a group reads the rows before it again and drops them. */
          const int back = kGroup - (last - first);
          groups[count++] = {padded.data + at + first - back, c - int64_t{back} * conv.out_channels, back, kGroup};
        }
        run_groups(groups, count, panel, in, out);
      }
    });
  }
  return CPCDR_OK;
}

bool empty(const Conv& conv) {
  return conv.batch == 0 || conv.out_height == 0 || conv.out_width == 0 || conv.out_channels == 0;
}

const char* unsupported(const Conv& conv) {
  if (const char* problem = conv.problem()) return problem;
  const bool large = conv.filter_height > 31 || conv.filter_width > 31;
  return large ? "filter above 31 x 31" : nullptr;
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_conv2d,
             (const float* x, const float* filter, const float* bias, float* y, const int32_t* sizes,
              float alpha),
             (x, filter, bias, y, sizes, alpha)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!x || !filter || !y || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "conv2d: null pointer");
  const Conv conv(sizes);
  if (const char* problem = unsupported(conv)) return fail(CPCDR_INVALID_ARGUMENT, problem);
  return empty(conv) ? CPCDR_OK : forward(conv, x, filter, bias, y, alpha);
}

CPCDR_KERNEL(cpcdr_conv2d_input_grad,
             (const float* dy, const float* filter, float* dx, const int32_t* sizes),
             (dy, filter, dx, sizes)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!dy || !filter || !dx || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "conv2d_input_grad: null pointer");
  const Conv conv(sizes);
  if (const char* problem = unsupported(conv)) return fail(CPCDR_INVALID_ARGUMENT, problem);
  if (conv.channels == 0) return CPCDR_OK;
  if (empty(conv)) {
    std::fill_n(dx, int64_t{conv.batch} * conv.height * conv.width * conv.channels, 0.0f);
    return CPCDR_OK;
  }
  return input_gradient(conv, dy, filter, dx);
}

CPCDR_KERNEL(cpcdr_conv2d_filter_grad,
             (const float* x, const float* dy, float* dfilter, const int32_t* sizes),
             (x, dy, dfilter, sizes)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!x || !dy || !dfilter || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "conv2d_filter_grad: null pointer");
  const Conv conv(sizes);
  if (const char* problem = unsupported(conv)) return fail(CPCDR_INVALID_ARGUMENT, problem);
  if (conv.channels == 0 || empty(conv)) {
    const int64_t floats =
        int64_t{conv.filter_height} * conv.filter_width * conv.channels * conv.out_channels;
    std::fill_n(dfilter, floats, 0.0f);
    return CPCDR_OK;
  }
  return filter_gradient(conv, x, dy, dfilter);
}
