/*
 * 2-D convolutions with few output channels, as the last ones of a decoder have: a vector of channels (tile.h) would
 * hold little. Here vectors hold neighbouring pixels. Strips of rows are copied into planes, one for each channel, which
 * stay in the cache while they are read once for each element of the filter.
 */
#ifndef CPCDR_CONV_NARROW_H
#define CPCDR_CONV_NARROW_H

#include <algorithm>
#include <atomic>

#include "dense.h"
#include "../thread_pool.h"
#include "../tile.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Whether it is faster so: vectors of channels are mostly empty, rows are long, and planes pay and fit. */
inline bool suits_narrow(const DenseConv& conv) {
  constexpr int kMostChannels = 64, kLeastTaps = 4;
  return conv.outputs > 0 && conv.outputs < kLanes && conv.channels > 0 && conv.channels <= kMostChannels &&
         conv.out_width >= 2 * kLanes && conv.filter_height * conv.filter_width >= kLeastTaps && conv.pad_top >= 0 &&
         conv.pad_left >= 0;
}

/* Rows of one image by channels: planes of `rows` rows, whole vectors and what a filter reaches beyond, zero outside. */
struct ChannelPlanes {
  float* data;
  int rows;
  int64_t row, plane; /* floats */

  float* at(int channel, int y) const { return data + channel * plane + y * row; }

  /* Copies rows `first`.. of [height, width, channels], whose column 0 becomes column `left`. */
  void fill(const float* image, int height, int width, int channels, int first, int left) const {
    left = static_cast<int>(std::min<int64_t>(left, row));
    const int count = static_cast<int>(std::min<int64_t>(width, row - left));
    for (int r = 0; r < rows; r++) {
      const int y = first + r;
      const float* const from = image + int64_t{y} * width * channels;
      for (int c = 0; c < channels; c++) {
        float* const to = at(c, r);
        if (y < 0 || y >= height) {
          std::fill_n(to, row, 0.0f);
          continue;
        }
        std::fill_n(to, left, 0.0f);
        for (int x = 0; x < count; x++) to[left + x] = from[int64_t{x} * channels + c];
        std::fill(to + left + count, to + row, 0.0f);
      }
    }
  }
};

/* Strips of output rows, so many that the planes of one take this many floats. */
struct Strips {
  static constexpr int64_t kFloats = 1 << 16;
  int rows, per_image;
  int64_t input_row; /* floats of a row of a plane */

  explicit Strips(const DenseConv& conv, int64_t planes)
      : input_row(whole_lanes(whole_lanes(conv.out_width) + conv.filter_width - 1)) {
    const int64_t fitting = kFloats / (planes * input_row) - conv.filter_height + 1;
    rows = static_cast<int>(std::clamp<int64_t>(fitting, std::min(4, conv.out_height), conv.out_height));
    per_image = (conv.out_height + rows - 1) / rows;
  }
  int first(int strip) const { return strip * rows; }
  int count(int strip, int height) const { return std::min(rows, height - first(strip)); }
};

constexpr int kRegisters = CPCDR_ISA_LEVEL == 2 ? 32 : 16;
/* Outputs, and outputs of a gradient, whose sums a block keeps in registers. */
constexpr int kNarrowOutputs = CPCDR_ISA_LEVEL == 2 ? 8 : 4, kNarrowGradients = CPCDR_ISA_LEVEL == 2 ? 6 : 3;
/* Vectors of pixels beside so many outputs. */
constexpr int narrow_vectors(int outputs) { return std::min(4, (kRegisters - 2) / (outputs + 1)); }

struct NarrowBlock {
  const float* image;  /* first pixel of the first plane's first row */
  const float* filter; /* [taps, channels, outputs], from the block's first output on */
  float* out;          /* [pixels, outputs], from there too */
  int pixels;
  const float* bias; /* of the block's outputs, or null */
  int activation;
  float alpha;
};

template <int kOutputs, int kVectors>
void run_narrow_block(const DenseConv& conv, const ChannelPlanes& planes, const NarrowBlock& block) {
  Vec sums[kOutputs][kVectors];
#pragma GCC unroll 8
  for (int o = 0; o < kOutputs; o++) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; v++) sums[o][v] = splat(block.bias ? block.bias[o] : 0);
  }
  const float* filter = block.filter;
  for (int i = 0; i < conv.filter_height; i++) {
    for (int j = 0; j < conv.filter_width; j++) {
      const float* from = block.image + i * planes.row + j;
      for (int c = 0; c < conv.channels; c++, from += planes.plane, filter += conv.outputs) {
        Vec pixels[kVectors];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; v++) pixels[v] = load(from + v * kLanes);
#pragma GCC unroll 8
        for (int o = 0; o < kOutputs; o++) {
          const Vec weight = splat(filter[o]);
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; v++) sums[o][v] += weight * pixels[v];
        }
      }
    }
  }
  alignas(64) float planar[kOutputs][kVectors * kLanes];
#pragma GCC unroll 8
  for (int o = 0; o < kOutputs; o++) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; v++) store(planar[o] + v * kLanes, finish(sums[o][v], block.activation, block.alpha));
  }
  for (int x = 0; x < block.pixels; x++) {
    for (int o = 0; o < kOutputs; o++) block.out[int64_t{x} * conv.outputs + o] = planar[o][x];
  }
}

/* A row of pixels, for kOutputs outputs. */
template <int kOutputs>
void run_narrow_row(const DenseConv& conv, const ChannelPlanes& planes, NarrowBlock block) {
  constexpr int kVectors = narrow_vectors(kOutputs);
  for (int left = conv.out_width; left > 0;) {
    const bool wide = left > (kVectors - 1) * kLanes;
    block.pixels = std::min(left, wide ? kVectors * kLanes : kLanes);
    if (wide) run_narrow_block<kOutputs, kVectors>(conv, planes, block);
    else run_narrow_block<kOutputs, 1>(conv, planes, block);
    block.image += block.pixels;
    block.out += int64_t{block.pixels} * conv.outputs;
    left -= block.pixels;
  }
}

using NarrowRow = void (*)(const DenseConv&, const ChannelPlanes&, NarrowBlock);

inline NarrowRow narrow_row(int outputs) {
  static constexpr NarrowRow kRows[] = {run_narrow_row<1>, run_narrow_row<2>, run_narrow_row<3>, run_narrow_row<4>,
#if CPCDR_ISA_LEVEL == 2
                                        run_narrow_row<5>, run_narrow_row<6>, run_narrow_row<7>, run_narrow_row<8>,
#endif
  };
  return kRows[outputs - 1];
}

/* y [batch, out_height, out_width, outputs] of image and filter [taps, channels, outputs]; false without memory. */
inline bool narrow_forward(const DenseConv& conv, const float* image, const float* filter, const float* bias, float* y,
                           int activation, float alpha) {
  const Strips strips(conv, conv.channels);
  const int in_rows = strips.rows + conv.filter_height - 1;
  const int blocks = (conv.outputs + kNarrowOutputs - 1) / kNarrowOutputs;
  std::atomic<bool> done{true};
  parallel_for(int64_t{conv.batch} * strips.per_image, 1, [&](int64_t begin, int64_t end) {
    const int64_t plane = in_rows * strips.input_row;
    ChannelPlanes planes{workspace(1, static_cast<size_t>(conv.channels * plane + kLanes)), in_rows, strips.input_row, plane};
    if (!planes.data) {
      done = false;
      return;
    }
    for (int64_t task = begin; task < end; task++) {
      const int64_t n = task / strips.per_image;
      const int strip = static_cast<int>(task % strips.per_image), first = strips.first(strip);
      const int count = strips.count(strip, conv.out_height);
      planes.rows = count + conv.filter_height - 1;
      planes.fill(image + n * conv.height * conv.width * conv.channels, conv.height, conv.width, conv.channels,
                  first - conv.pad_top, conv.pad_left);
      for (int r = 0; r < count; r++) {
        float* const row = y + (n * conv.out_height + first + r) * conv.out_width * conv.outputs;
        for (int b = 0; b < blocks; b++) {
          const int from = b * conv.outputs / blocks, to = (b + 1) * conv.outputs / blocks;
          narrow_row(to - from)(conv, planes, {planes.at(0, r), filter + from, row + from, 0,
                                               bias ? bias + from : nullptr, activation, alpha});
        }
      }
    }
  });
  return done;
}

/*
 * The input gradient dx [batch, out_height, out_width, outputs] as a convolution of dy: filter, [taps, outputs, channels]
 * here, is read from its last tap on; false without memory.
 */
inline bool narrow_input_gradient(const DenseConv& conv, const float* dy, const float* filter, float* dx) {
  const int taps = conv.filter_height * conv.filter_width, size = conv.channels * conv.outputs;
  float* const turned = workspace(0, static_cast<size_t>(int64_t{taps} * size));
  if (!turned) return false;
  for (int t = 0; t < taps; t++) {
    const float* const from = filter + int64_t{taps - 1 - t} * size;
    float* const to = turned + int64_t{t} * size;
    for (int i = 0; i < size; i++) to[i % conv.channels * conv.outputs + i / conv.channels] = from[i];
  }
  return narrow_forward(conv, dy, turned, nullptr, dx, CPCDR_LINEAR, 0);
}

inline float sum_of(Vec v) {
  alignas(64) float lanes[kLanes];
  store(lanes, v);
  float sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}

/* Sums over a strip's pixels of the image, at kColumns of the filter, times dy's kOutputs. */
template <int kColumns, int kOutputs>
void add_narrow_gradients(const DenseConv& conv, const ChannelPlanes& image, const ChannelPlanes& dy, const float* from,
                          const float* slopes, float* to) {
  Vec sums[kColumns][kOutputs] = {};
  for (int y = 0; y < dy.rows; y++) {
    const float *const x_row = from + y * image.row, *const dy_row = slopes + y * dy.row;
    for (int64_t x = 0; x < dy.row; x += kLanes) {
      Vec pixels[kColumns];
#pragma GCC unroll 3
      for (int j = 0; j < kColumns; j++) pixels[j] = load(x_row + x + j);
#pragma GCC unroll 8
      for (int o = 0; o < kOutputs; o++) {
        const Vec slope = load(dy_row + o * dy.plane + x);
#pragma GCC unroll 3
        for (int j = 0; j < kColumns; j++) sums[j][o] += pixels[j] * slope;
      }
    }
  }
  for (int j = 0; j < kColumns; j++) {
    for (int o = 0; o < kOutputs; o++) to[int64_t{j} * conv.channels * conv.outputs + o] = sum_of(sums[j][o]);
  }
}

using NarrowGradients = void (*)(const DenseConv&, const ChannelPlanes&, const ChannelPlanes&, const float*, const float*, float*);

template <int kColumns>
NarrowGradients narrow_gradients(int outputs) {
  static constexpr NarrowGradients kBlocks[] = {add_narrow_gradients<kColumns, 1>, add_narrow_gradients<kColumns, 2>,
                                                add_narrow_gradients<kColumns, 3>,
#if CPCDR_ISA_LEVEL == 2
                                                add_narrow_gradients<kColumns, 4>, add_narrow_gradients<kColumns, 5>,
                                                add_narrow_gradients<kColumns, 6>,
#endif
  };
  return kBlocks[outputs - 1];
}

/* dfilter [taps, channels, outputs]: a part for every strip, added up in their order; false without memory. */
inline bool narrow_filter_gradient(const DenseConv& conv, const float* image, const float* dy, float* dfilter) {
  const Strips strips(conv, conv.channels + conv.outputs);
  const int in_rows = strips.rows + conv.filter_height - 1;
  const int64_t size = int64_t{conv.filter_height} * conv.filter_width * conv.channels * conv.outputs;
  const int64_t tasks = int64_t{conv.batch} * strips.per_image;
  float* const parts = workspace(0, static_cast<size_t>(tasks * size));
  if (!parts) return false;
  const int blocks = (conv.outputs + kNarrowGradients - 1) / kNarrowGradients;
  std::atomic<bool> done{true};
  parallel_for(tasks, 1, [&](int64_t begin, int64_t end) {
    const int64_t plane = in_rows * strips.input_row, dy_row = whole_lanes(conv.out_width);
    const int64_t floats = conv.channels * plane + kLanes, dy_floats = conv.outputs * strips.rows * dy_row;
    ChannelPlanes x{workspace(1, static_cast<size_t>(floats + dy_floats)), in_rows, strips.input_row, plane};
    if (!x.data) {
      done = false;
      return;
    }
    ChannelPlanes slopes{x.data + floats, strips.rows, dy_row, strips.rows * dy_row};
    for (int64_t task = begin; task < end; task++) {
      const int64_t n = task / strips.per_image;
      const int strip = static_cast<int>(task % strips.per_image), first = strips.first(strip);
      slopes.rows = strips.count(strip, conv.out_height);
      x.rows = slopes.rows + conv.filter_height - 1;
      x.fill(image + n * conv.height * conv.width * conv.channels, conv.height, conv.width, conv.channels,
             first - conv.pad_top, conv.pad_left);
      slopes.fill(dy + n * conv.out_height * conv.out_width * conv.outputs, conv.out_height, conv.out_width,
                  conv.outputs, first, 0);
      for (int i = 0; i < conv.filter_height; i++) {
        for (int j = 0; j < conv.filter_width;) {
          const int columns = conv.filter_width - j >= 3 ? 3 : 1;
          for (int c = 0; c < conv.channels; c++) {
            float* const to = parts + task * size +
                              ((int64_t{i} * conv.filter_width + j) * conv.channels + c) * conv.outputs;
            for (int b = 0; b < blocks; b++) {
              const int from = b * conv.outputs / blocks, count = (b + 1) * conv.outputs / blocks - from;
              const auto add = columns == 3 ? narrow_gradients<3>(count) : narrow_gradients<1>(count);
              add(conv, x, slopes, x.at(c, i) + j, slopes.at(from, 0), to + from);
            }
          }
          j += columns;
        }
      }
    }
  });
  if (!done) return false;
  for (int64_t i = 0; i < size; i++) {
    double sum = 0;
    for (int64_t task = 0; task < tasks; task++) sum += static_cast<double>(parts[task * size + i]);
    dfilter[i] = static_cast<float>(sum);
  }
  return true;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
