/*
 * What the views show of canvases, in tiles of 32 x 8 pixels: sampled, recoloured, blurred over a rim two pixels wide,
 * normalised; and the numbers of copies, which are known once all pastes have passed.
 */
#ifndef CPCDR_VIEW_TILES_H
#define CPCDR_VIEW_TILES_H

#include "compose_tiles.h"
#include "scan.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* One view as the kernels read it. */
struct PlannedView {
  double scale_x, shift_x, scale_y, shift_y;
  float blur[5]; /* weights of the taps, the first 0 where nothing is blurred */
  ColourSteps steps;

  /* From CPCDR_VIEW_FIELDS doubles of the host. */
  static PlannedView from(const double* fields) {
    PlannedView view{fields[1], fields[2], fields[3], fields[4], {0, 0, 0, 0, 0}, ColourSteps::from(fields + 6)};
    const double deviation = fields[5];
    if (!(deviation > 0)) return view;
    double taps[5], sum = 0;
    for (int k = 0; k < 5; k++) sum += taps[k] = std::exp(-(k - 2) * (k - 2) / (2 * deviation * deviation));
    for (int k = 0; k < 5; k++) view.blur[k] = static_cast<float>(taps[k] / sum);
    /* The outermost tap of a deviation far below a pixel may have become 0, the middle one never does. */
    return view;
  }
  CPCDR_SHARED bool blurs() const { return blur[2] > 0; }
};

/* Canvases and the views on them. */
struct Views {
  const float* colours; /* [mixed,H,W,3] */
  const PlannedView* views;
  int height, width;

  CPCDR_SHARED int64_t pixels_each() const { return int64_t{height} * width; }
  CPCDR_SHARED const ColourSteps& steps(int item) const { return views[item].steps; }
  CPCDR_SHARED bool wanted(int) const { return true; }
  CPCDR_SHARED int pixels(int) const { return height * width; }
  CPCDR_SHARED void colour(int item, int pixel, float* rgb) const {
    colour_at(item, pixel % width, pixel / width, rgb);
  }
  /* Before all steps. */
  CPCDR_SHARED void colour_at(int item, int x, int y, float* rgb) const {
    const PlannedView& view = views[item];
    Tap columns[2], rows[2];
    linear_taps(multiply_add(view.scale_x, x, view.shift_x), width, 1, columns);
    linear_taps(multiply_add(view.scale_y, y, view.shift_y), height, 1, rows);
    const float* const canvas = colours + 3 * item * pixels_each();
    const float* const top = canvas + 3 * int64_t{rows[0].index} * width;
    const float* const bottom = canvas + 3 * int64_t{rows[1].index} * width;
    for (int c = 0; c < 3; c++) {
      const int left = 3 * columns[0].index + c, right = 3 * columns[1].index + c;
      rgb[c] = (top[left] * rows[0].weight + bottom[left] * rows[1].weight) * columns[0].weight +
               (top[right] * rows[0].weight + bottom[right] * rows[1].weight) * columns[1].weight;
    }
  }
};

/*
 * One block. Copies are numbered over the batch: each image's background, then its pastes that show. shown [pastes]
 * holds 0 or 1 before, and the number or -1 afterwards.
 */
struct NumberCopies {
  static constexpr int kThreads = kChunk;
  typedef Nothing Local;
  typedef ChunkScan Shared;

  const PlannedPaste* pastes;
  const int32_t* first_pastes; /* [mixed + 1] */
  int32_t* shown;              /* [pastes] */
  int32_t* backgrounds;        /* [mixed] */
  int count, mixed;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    const int64_t each = blocks_for(count, kThreads);
    const int64_t begin = smaller<int64_t>(count, where.thread * each), end = smaller<int64_t>(count, begin + each);
    if (p > 0 && p <= 8) {
      shared.step(p - 1, where.thread);
      return true;
    }
    int32_t before = p > 0 && where.thread > 0 ? shared.upto(where.thread - 1) : 0;
    for (int64_t k = begin; k < end; k++) {
      const int32_t own = shown[k];
      if (p > 0) write(k, own, before);
      before += own;
    }
    if (p == 0) shared.sums[0][where.thread] = before;
    /* Images behind the last paste. */
    if (p > 0 && where.thread == kThreads - 1) number_backgrounds(count, before);
    return p == 0;
  }

  CPCDR_SHARED void write(int64_t k, int32_t own, int32_t before) const {
    number_backgrounds(k, before);
    shown[k] = own ? before + pastes[k].place.mixed + 1 : -1;
  }

  /* Of the images whose pastes begin with paste k. */
  CPCDR_SHARED void number_backgrounds(int64_t k, int32_t before) const {
    int low = 0, high = mixed;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (first_pastes[middle] < k) low = middle + 1;
      else high = middle;
    }
    for (; low < mixed && first_pastes[low] == k; low++) backgrounds[low] = before + low;
  }
};

struct ViewTile {
  static constexpr int kWidth = 32, kHeight = 8, kThreads = kWidth * kHeight, kReach = 2;
  static constexpr int kRimWidth = kWidth + 2 * kReach, kRimHeight = kHeight + 2 * kReach;
  typedef Nothing Local;
  struct Shared {
    float colours[3 * kRimWidth * kRimHeight], rows[3 * kWidth * kRimHeight];
  };

  Views all;
  const float* greys;         /* [mixed, CPCDR_COLOUR_STEPS] */
  const int32_t* copies;      /* [mixed,H,W] of the canvases, as ComposeTile writes them */
  const int32_t* regions;     /* [mixed,H,W] */
  const int32_t* numbers;     /* [pastes] */
  const int32_t* backgrounds; /* [mixed] */
  float* images;              /* [mixed,H,W,3] */
  int32_t* copy_ids;          /* [mixed,H,W] */
  int32_t* region_ids;        /* [mixed,H,W] */

  CPCDR_SHARED int tiles_across() const { return static_cast<int>(blocks_for(all.width, kWidth)); }
  CPCDR_SHARED int64_t tiles() const { return tiles_across() * blocks_for(all.height, kHeight); }

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    const int tile = remainder(where.block, tiles()), item = quotient(where.block, tiles());
    const int left = remainder(tile, tiles_across()) * kWidth, top = quotient(tile, tiles_across()) * kHeight;
    const PlannedView& view = all.views[item];
    const int column = where.thread % kWidth, row = where.thread / kWidth, x = left + column, y = top + row;
    const bool on_image = x < all.width && y < all.height;
    if (p == 0) {
      if (on_image) write_ids(item, view, x, y);
      if (!view.blurs()) {
        float rgb[3];
        if (!on_image) return false;
        final_colour(item, view, x, y, rgb);
        write_colour(item, x, y, rgb);
        return false;
      }
      for (int q = where.thread; q < kRimWidth * kRimHeight; q += kThreads) {
        final_colour(item, view, bounded(left - kReach + q % kRimWidth, all.width),
                     bounded(top - kReach + q / kRimWidth, all.height), shared.colours + 3 * q);
      }
      return true;
    }
    if (p == 1) {
      for (int q = where.thread; q < kWidth * kRimHeight; q += kThreads) {
        blur_pixel(view, shared.colours + 3 * (q / kWidth * kRimWidth + q % kWidth), 3, shared.rows + 3 * q);
      }
      return true;
    }
    if (!on_image) return false;
    float rgb[3];
    blur_pixel(view, shared.rows + 3 * (row * kWidth + column), 3 * kWidth, rgb);
    write_colour(item, x, y, rgb);
    return false;
  }

  CPCDR_SHARED static int bounded(int at, int size) { return at < 0 ? 0 : at < size ? at : size - 1; }

  CPCDR_SHARED static void blur_pixel(const PlannedView& view, const float* from, int step, float* rgb) {
    for (int c = 0; c < 3; c++) {
      float value = 0;
      for (int k = 0; k < 5; k++) value += view.blur[k] * from[k * step + c];
      rgb[c] = value;
    }
  }

  CPCDR_SHARED void final_colour(int item, const PlannedView& view, int x, int y, float* rgb) const {
    all.colour_at(item, x, y, rgb);
    change_pixel(rgb, view.steps, greys + CPCDR_COLOUR_STEPS * item, CPCDR_COLOUR_STEPS);
  }

  /* Less ImageNet's mean, over its deviation. */
  CPCDR_SHARED void write_colour(int item, int x, int y, const float* rgb) const {
    float* const to = images + 3 * (item * all.pixels_each() + int64_t{y} * all.width + x);
    to[0] = (rgb[0] - 0.485f) * (1 / 0.229f);
    to[1] = (rgb[1] - 0.456f) * (1 / 0.224f);
    to[2] = (rgb[2] - 0.406f) * (1 / 0.225f);
  }

  CPCDR_SHARED void write_ids(int item, const PlannedView& view, int x, int y) const {
    const int column = nearest_index(multiply_add(view.scale_x, x, view.shift_x), all.width);
    const int row = nearest_index(multiply_add(view.scale_y, y, view.shift_y), all.height);
    const int64_t base = item * all.pixels_each();
    const int64_t from = base + int64_t{row} * all.width + column, to = base + int64_t{y} * all.width + x;
    copy_ids[to] = copies[from] < 0 ? backgrounds[item] : numbers[copies[from]];
    region_ids[to] = regions[from];
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
