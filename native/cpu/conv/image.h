/* The sizes of a 2-D convolution, and images and gradients as its tiles read them: padded, in the tile's elements. */
#ifndef CPCDR_CONV_IMAGE_H
#define CPCDR_CONV_IMAGE_H

#include <algorithm>

#include "dense.h"
#include "../thread_pool.h"
#include "../tile.h"

namespace cpcdr {
namespace CPCDR_ISA {

struct Conv {
  int batch, height, width, channels;
  int filter_height, filter_width;
  int out_height, out_width, out_channels;
  int stride_height, stride_width, dilation_height, dilation_width;
  int pad_top, pad_left;
  int activation;
  int precision;

  explicit Conv(const int32_t* s)
      : batch(s[0]), height(s[1]), width(s[2]), channels(s[3]), filter_height(s[4]), filter_width(s[5]),
        out_height(s[6]), out_width(s[7]), out_channels(s[8]), stride_height(s[9]), stride_width(s[10]),
        dilation_height(s[11]), dilation_width(s[12]), pad_top(s[13]), pad_left(s[14]), activation(s[15]),
        precision(s[16]) {}

  const char* problem() const {
    if (batch < 0 || height < 0 || width < 0 || channels < 0 || out_channels < 0) return "negative size";
    if (out_height < 0 || out_width < 0 || pad_top < 0 || pad_left < 0) return "negative size";
    if (filter_height < 1 || filter_width < 1) return "filter of no extent";
    if (filter_height > 31 || filter_width > 31) return "filter above 31 x 31";
    if (stride_height < 1 || stride_width < 1) return "stride below 1";
    if (dilation_height < 1 || dilation_width < 1) return "dilation below 1";
    return precision_problem(precision);
  }

  bool empty() const { return batch == 0 || out_height == 0 || out_width == 0 || out_channels == 0; }
  /* Without dilation a filter row is one run of (column, channel) in the image and in the filter. */
  bool merged() const { return dilation_width == 1; }
  int run() const { return merged() ? filter_width * channels : channels; }
  int taps_x() const { return merged() ? 1 : filter_width; }
};

/* Whether dense_of() and dense_gradient_of() say all of it. */
inline bool is_dense(const Conv& c) {
  return c.stride_height == 1 && c.stride_width == 1 && c.dilation_height == 1 && c.dilation_width == 1;
}

/* The forward pass, or its filter gradient, as a dense one. */
inline DenseConv dense_of(const Conv& c) {
  return {c.batch,      c.height,    c.width,        c.channels, c.filter_height, c.filter_width,
          c.out_height, c.out_width, c.out_channels, c.pad_top,  c.pad_left};
}

/* The input gradient as a convolution of dy with the filter turned about. */
inline DenseConv dense_gradient_of(const Conv& c) {
  return {c.batch,  c.out_height, c.out_width, c.out_channels, c.filter_height, c.filter_width,
          c.height, c.width,      c.channels,  c.filter_height - 1 - c.pad_top, c.filter_width - 1 - c.pad_left};
}

/* An image with room around it: pixel (y, x) of image n stands at ((n * height + y + top) * width + x + left). */
template <class Element>
struct Padded {
  const Element* data;
  int height, width;
  int top, left;
};

/* Zeros behind a padded image, which tiles of fewer rows than a group read. */
constexpr int kImageSlack = kGroup * 64;

/* A padded row of `total` elements: `inside` of the source behind `before` zeros. */
template <class Element>
void pad_row(const float* source, int64_t before, int64_t inside, int64_t total, Element* row) {
  std::fill_n(row, before, Element{});
  for (int64_t i = 0; i < inside; i++) row[before + i] = Factors<Element>::from(source[i]);
  std::fill(row + before + inside, row + total, Element{});
}

/*
 * Copies an image into slot 1 with the given margins, zero outside, `repeat` elements for each that is there, as
 * `row(source, before, inside, total, target)` writes them. `height` and `width` are those of the padded image, which
 * may be smaller than the source plus margins: what nobody reads is not copied. False when memory is exhausted.
 */
template <class Element, class Row>
bool pad_rows(const float* source, int batch, int height, int width, int channels, int repeat, Padded<Element>* padded,
              const Row& row) {
  const int64_t each = int64_t{padded->width} * channels, count = each * padded->height * batch * repeat;
  Element* const target = elements<Element>(1, static_cast<size_t>(count + kImageSlack));
  if (!target) return false;
  const int columns = std::clamp(padded->width - padded->left, 0, width);
  const int64_t before = std::min(int64_t{padded->left} * channels, each), inside = int64_t{columns} * channels;
  parallel_for(int64_t{batch} * padded->height, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t n = i / padded->height, y = i % padded->height - padded->top;
      const bool outside = y < 0 || y >= height;
      row(source + (outside ? 0 : n * height + y) * width * channels, before, outside ? 0 : inside, each,
          target + i * each * repeat);
    }
  });
  std::fill_n(target + count, kImageSlack, Element{});
  padded->data = target;
  return true;
}

template <class Element>
bool pad_image(const float* source, int batch, int height, int width, int channels, Padded<Element>* padded) {
  return pad_rows(source, batch, height, width, channels, 1, padded,
                  [](const float* from, int64_t before, int64_t inside, int64_t total, Element* row) {
                    pad_row(from, before, inside, total, row);
                  });
}

/* What forward pass and filter gradient read of the input; the rest of a padded image is in nobody's reach. */
template <class Element>
Padded<Element> reach_of(const Conv& conv) {
  const int reach_y = (conv.filter_height - 1) * conv.dilation_height + 1;
  const int reach_x = (conv.filter_width - 1) * conv.dilation_width + 1;
  const int columns = std::max(conv.out_width, kGroup);
  return {nullptr, std::max((conv.out_height - 1) * conv.stride_height + reach_y, 1),
          (columns - 1) * conv.stride_width + reach_x, conv.pad_top, conv.pad_left};
}

/* An image of `padded`'s margins where it stands, if it has what is read: no copy then. */
inline bool read_in_place(const float* source, int height, int width, Padded<float>* padded) {
  if (padded->top != 0 || padded->left != 0 || padded->height > height || padded->width > width) return false;
  *padded = {source, height, width, 0, 0};
  return true;
}

inline bool read_in_place(const float*, int, int, Padded<Bfloat16>*) { return false; }

/* The input as the forward pass reads it; false when memory is exhausted. */
template <class Element>
bool pad_input(const Conv& conv, const float* x, Padded<Element>* padded) {
  *padded = reach_of<Element>(conv);
  return read_in_place(x, conv.height, conv.width, padded) ||
         pad_image(x, conv.batch, conv.height, conv.width, conv.channels, padded);
}

/*
 * The input as the filter gradient reads it, whose factors follow each other from output pixel to output pixel: with
 * bfloat16 each element has that of the next output pixel beside it. False when memory is exhausted.
 */
inline bool pad_steps(const Conv& conv, const float* x, Padded<float>* padded) {
  *padded = reach_of<float>(conv);
  /* Groups of rows that are not full read on. */
  const bool slack = conv.run() < kGroup;
  return (!slack && read_in_place(x, conv.height, conv.width, padded)) ||
         pad_image(x, conv.batch, conv.height, conv.width, conv.channels, padded);
}

inline bool pad_steps(const Conv& conv, const float* x, Padded<Bfloat16>* padded) {
  *padded = reach_of<Bfloat16>(conv);
  const int64_t shift = int64_t{conv.stride_width} * conv.channels;
  return pad_rows(x, conv.batch, conv.height, conv.width, conv.channels, 2, padded,
                  [=](const float* from, int64_t before, int64_t inside, int64_t total, Bfloat16* row) {
                    uint32_t* const pairs = reinterpret_cast<uint32_t*>(row);
                    std::fill_n(pairs, total, 0u);
                    for (int64_t i = 0; i < inside; i++) pairs[before + i] = Factors<Bfloat16>::pair(from[i], 0);
                    for (int64_t i = std::max<int64_t>(0, shift - before); i < inside; i++) {
                      pairs[before + i - shift] |= Factors<Bfloat16>::pair(0, from[i]);
                    }
                  });
}

/*
 * dy as the filter gradient reads it, rows of whole steps with readable memory behind the end for vectors that reach
 * over the last pixel's channels. Null when memory is exhausted.
 */
inline const float* step_rows(const Conv& conv, const float* dy, float) {
  const Panel last = panel_at(panel_count(conv.out_channels) - 1, conv.out_channels);
  if (conv.out_channels % kLanes == 0 && last.columns % kLanes == 0) return dy;
  const int64_t count = int64_t{conv.batch} * conv.out_height * conv.out_width * conv.out_channels;
  float* const copy = elements<float>(2, static_cast<size_t>(count + kWideColumns));
  if (!copy) return nullptr;
  parallel_for(count, 1 << 16, [&](int64_t begin, int64_t end) { std::copy(dy + begin, dy + end, copy + begin); });
  std::fill_n(copy + count, kWideColumns, 0.0f);
  return copy;
}

inline const Bfloat16* step_rows(const Conv& conv, const float* dy, Bfloat16) {
  const int64_t rows = int64_t{conv.batch} * conv.out_height, channels = conv.out_channels;
  const int64_t each = whole_factors<Bfloat16>(conv.out_width) * channels;
  Bfloat16* const copy = elements<Bfloat16>(2, static_cast<size_t>(rows * each + 2 * kWideColumns));
  if (!copy) return nullptr;
  parallel_for(rows, 16, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; y++) {
      const float* from = dy + y * conv.out_width * channels;
      uint32_t* pairs = reinterpret_cast<uint32_t*>(copy + y * each);
      for (int x = 0; x < conv.out_width; x += 2, from += 2 * channels, pairs += channels) {
        const bool alone = x + 1 == conv.out_width;
        for (int64_t c = 0; c < channels; c++) {
          pairs[c] = Factors<Bfloat16>::pair(from[c], alone ? 0 : from[channels + c]);
        }
      }
    }
  });
  std::fill_n(copy + rows * each, 2 * kWideColumns, Bfloat16{});
  return copy;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
