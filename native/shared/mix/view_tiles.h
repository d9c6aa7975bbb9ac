/* What the views show of canvases, in tiles: sampled, recoloured, normalised, blurred over a rim two pixels wide. */
#ifndef CPCDR_VIEW_TILES_H
#define CPCDR_VIEW_TILES_H

#include "composition.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* A canvas and what a view samples of it. */
struct ShownCanvas {
  const CanvasColour* colours;
  const Seen *columns, *rows;
  int width;

  /* Before all steps. */
  CPCDR_SHARED void colour(int x, int y, float* rgb) const {
    const Seen column = columns[x], row = rows[y];
    mix_canvas(colours + (row.first() * width + column.first()), width, column.share, row.share, rgb);
  }
  CPCDR_SHARED void colour(int pixel, float* rgb) const {
    const int y = quotient(pixel, width);
    colour(pixel - y * width, y, rgb);
  }
  /* The canvas's pixel that is nearest to the view's. */
  CPCDR_SHARED int nearest(int x, int y) const { return rows[y].nearest() * width + columns[x].nearest(); }
};

/* Canvases and the views on them. */
struct Views {
  static constexpr int kAtOnce = 2;
  const CanvasColour* colours; /* [mixed,H,W], with W + 1 of any value behind the last */
  const PlannedView* views;
  const Seen* seen; /* [mixed, W + H] columns, then rows */
  int height, width;

  CPCDR_SHARED int64_t pixels_each() const { return int64_t{height} * width; }
  CPCDR_SHARED const ColourSteps& steps(int item) const { return views[item].steps; }
  CPCDR_SHARED bool wanted(int) const { return true; }
  CPCDR_SHARED int pixels(int) const { return height * width; }
  CPCDR_SHARED ShownCanvas of(int item) const {
    const Seen* const columns = seen + int64_t{item} * (width + height);
    return {colours + item * pixels_each(), columns, columns + width, width};
  }
};

struct ViewTile {
  static constexpr int kThreads = 256, kResident = 4, kReach = 2, kRows = 4;
  static constexpr int kWidth = kWarp, kHeight = kRows * kThreads / kWarp;
  static constexpr int kRimWidth = kWidth + 2 * kReach, kRimHeight = kHeight + 2 * kReach;
  static constexpr int kLine = 3 * kWidth, kRimLine = 3 * kRimWidth; /* numbers of a row */
  struct Local {
    int item, left, top;
    bool blurs;
  };
  struct Shared {
    float colours[kRimLine * kRimHeight], rows[kLine * kRimHeight];
  };
  /* Of a thread's pixels, one below the other. */
  struct Ids {
    int32_t copies[kRows], regions[kRows];
  };

  Views all;
  const float* greys;         /* [mixed, CPCDR_COLOUR_STEPS] */
  const int32_t* copies;      /* [mixed,H,W] of the canvases, as FindTile writes them */
  const int32_t* regions;     /* [mixed,H,W] */
  const int32_t* numbers;     /* [pastes] */
  const int32_t* backgrounds; /* [mixed] */
  float* images;              /* [mixed,H,W,3] */
  int32_t* copy_ids;          /* [mixed,H,W] */
  int32_t* region_ids;        /* [mixed,H,W] */

  CPCDR_SHARED int tiles_across() const { return static_cast<int>(blocks_for(all.width, kWidth)); }
  CPCDR_SHARED int64_t tiles() const { return tiles_across() * blocks_for(all.height, kHeight); }

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    if (p == 0) {
      local.item = quotient(where.block, tiles());
      const int tile = where.block - local.item * static_cast<int>(tiles()), row = quotient(tile, tiles_across());
      local.top = row * kHeight;
      local.left = (tile - row * tiles_across()) * kWidth;
      local.blurs = all.views[local.item].blurs();
      const Ids ids = read_ids(local, where.thread);
      if (local.blurs) colour_rim(local, where.thread, shared.colours);
      else colour_rows(local, where.thread, shared.colours);
      write_ids(local, where.thread, ids);
      return true;
    }
    if (p == 1 && local.blurs) {
      blur_rows(all.views[local.item].blur, where.thread, shared);
      return true;
    }
    if (p == 1) write<0>(nullptr, local, where.thread, shared.colours);
    else write<2 * kReach>(all.views[local.item].blur, local, where.thread, shared.rows);
    return false;
  }

  CPCDR_SHARED static int first_row(int thread) { return thread / kWarp * kRows; }
  CPCDR_SHARED static int bounded(int at, int size) { return at < 0 ? 0 : at < size ? at : size - 1; }

  CPCDR_SHARED HeldSteps steps(int item) const {
    return HeldSteps(all.steps(item), greys + CPCDR_COLOUR_STEPS * int64_t{item});
  }

  /* Less ImageNet's mean, over its deviation. */
  CPCDR_SHARED static void normalise(const float* rgb, float* to) {
    to[0] = fused(rgb[0], 1 / 0.229f, -0.485f / 0.229f);
    to[1] = fused(rgb[1], 1 / 0.224f, -0.456f / 0.224f);
    to[2] = fused(rgb[2], 1 / 0.225f, -0.406f / 0.225f);
  }

  /* Colours of the tile. */
  CPCDR_SHARED void colour_rows(const Local& local, int thread, float* to) const {
    const ShownCanvas canvas = all.of(local.item);
    const HeldSteps held = steps(local.item);
    const int row = first_row(thread), column = thread % kWarp, x = smaller(local.left + column, all.width - 1);
    float rgb[kRows][3];
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) canvas.colour(x, smaller(local.top + row + r, all.height - 1), rgb[r]);
    change_pixels(rgb, held, CPCDR_COLOUR_STEPS);
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) normalise(rgb[r], to + (row + r) * kLine + 3 * column);
  }

  /* Those of the tile and of kReach pixels around. */
  CPCDR_SHARED void colour_rim(const Local& local, int thread, float* to) const {
    const ShownCanvas canvas = all.of(local.item);
    const HeldSteps held = steps(local.item);
    for (int q = thread; q < kRimWidth * kRimHeight; q += kThreads) {
      const int x = local.left - kReach + q % kRimWidth, y = local.top - kReach + q / kRimWidth;
      float rgb[1][3];
      canvas.colour(bounded(x, all.width), bounded(y, all.height), *rgb);
      change_pixels(rgb, held, CPCDR_COLOUR_STEPS);
      normalise(*rgb, to + 3 * q);
    }
  }

  /* The weights add up to 1, so that normalised colours may be blurred. */
  CPCDR_SHARED static void blur_rows(const float* weights, int thread, Shared& shared) {
    float taps[5];
    for (int t = 0; t < 5; t++) taps[t] = weights[t];
    for (int row = thread / kWarp; row < kRimHeight; row += kThreads / kWarp) {
      CPCDR_UNROLL
      for (int part = 0; part < 3; part++) {
        const int k = thread % kWarp + part * kWarp;
        float value = 0;
        for (int t = 0; t < 5; t++) value = fused(taps[t], shared.colours[row * kRimLine + 3 * t + k], value);
        shared.rows[row * kLine + k] = value;
      }
    }
  }

  /* Writes the tile's rows, number after number, blurred along columns where there are `more` rows. */
  template <int more>
  CPCDR_SHARED void write(const float* weights, const Local& local, int thread, const float* from) const {
    const int first = first_row(thread), end = smaller(kLine, 3 * (all.width - local.left));
    float* const to = images + 3 * (local.item * all.pixels_each() + local.top * all.width + local.left);
    float taps[more + 1];
    for (int t = 0; more && t <= more; t++) taps[t] = weights[t];
    CPCDR_UNROLL
    for (int part = 0; part < 3; part++) {
      const int k = thread % kWarp + part * kWarp;
      if (k >= end) return;
      float column[kRows + more];
      CPCDR_UNROLL
      for (int r = 0; r < kRows + more; r++) column[r] = from[(first + r) * kLine + k];
      CPCDR_UNROLL
      for (int r = 0; r < kRows; r++) {
        float value = more ? 0 : column[r];
        for (int t = 0; more && t <= more; t++) value = fused(taps[t], column[r + t], value);
        if (local.top + first + r < all.height) to[3 * (first + r) * all.width + k] = value;
      }
    }
  }

  /* Apart from their writing, before which other reads may begin. */
  CPCDR_SHARED Ids read_ids(const Local& local, int thread) const {
    const ShownCanvas canvas = all.of(local.item);
    const int64_t base = local.item * all.pixels_each();
    const int x = smaller(local.left + thread % kWarp, all.width - 1);
    Ids ids;
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) {
      const int64_t from = base + canvas.nearest(x, smaller(local.top + first_row(thread) + r, all.height - 1));
      ids.copies[r] = copies[from];
      ids.regions[r] = regions[from];
    }
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) {
      ids.copies[r] = *(ids.copies[r] < 0 ? backgrounds + local.item : numbers + ids.copies[r]);
    }
    return ids;
  }

  CPCDR_SHARED void write_ids(const Local& local, int thread, const Ids& ids) const {
    const int x = local.left + thread % kWarp;
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) {
      const int y = local.top + first_row(thread) + r;
      if (x >= all.width || y >= all.height) continue;
      const int64_t to = local.item * all.pixels_each() + y * all.width + x;
      copy_ids[to] = ids.copies[r];
      region_ids[to] = ids.regions[r];
    }
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
