/* One mixed image in the making: pastes go onto it in order, nearer pixels win (lib/mix/canvas.ts). */
#ifndef CPCDR_MIX_CANVAS_H
#define CPCDR_MIX_CANVAS_H

#include "colour.h"
#include "ids.h"
#include "marks.h"
#include "nearest_blocks.h"
#include "window.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* A source and the extremes of its disparities in blocks, which nobody asks for without a depth test. */
struct Layer : MixSource {
  const float *least, *most;
};

/*
 * Holds what its view samples, and disparities within reach of that (shared/mix/reach.h): nowhere else do pastes win
 * pixels. Copies are numbered as they come, the background is 0.
 */
class Canvas {
 public:
  bool depth_test, ground_distance;

  Canvas() = default;
  /* For pastes of at most so many samples along each axis. */
  Canvas(Arena& arena, int height, int width, int samples)
      : height_(height), width_(width), stride_(whole_steps(width)) {
    const int64_t plane = height * stride_ + kSlack;
    colours_ = Planes::in(arena, plane);
    window_ = Planes::in(arena, plane);
    disparity_ = arena.array<float>(plane);
    ids_ = {arena.array<int32_t>(plane), arena.array<int32_t>(plane)};
    marks_ = arena.array<int16_t>((height + 3) * marks_stride());
    soft_ = arena.array<int16_t>(marks_stride());
    upright_ = arena.array<int16_t>(marks_stride());
    shows_ = Columns(arena, width, width);
    spans_ = arena.array<int32_t>(2 * (height + 2));
    floor_ = arena.array<float>(blocks_of(height, width));
    sampler_ = WindowSampler(arena, height, width, samples);
  }

  int64_t stride() const { return stride_; }
  const Planes& colours() const { return colours_; }
  CanvasIds ids(int y) const {
    return {ids_.at(y * stride_), behind_.ids + int64_t{y} * width_, behind_.region_offset};
  }
  void prefetch_ids(int y) const {
    prefetch_row(behind_.ids + int64_t{y} * width_ + seen_.left, seen_.width());
  }
  /* As large as the colours, for whoever comes when all is pasted. */
  const Planes& scratch() const { return window_; }

  /* Whose view samples `seen` of it. */
  void begin(const Layer& background, const Box& seen) {
    behind_ = background;
    seen_ = seen;
    reach_ = reach_of(seen, height_, width_);
    shown_ = 0;
    for (int y = reach_.top; y < reach_.bottom; y++) {
      std::copy_n(background.disparity + int64_t{y} * width_ + reach_.left, reach_.right - reach_.left,
                  disparity_ + y * stride_ + reach_.left);
    }
    if (depth_test) std::copy_n(background.least, blocks_of(height_, width_), floor_);
    const int count = seen.right - seen.left;
    for (int y = seen.top; y < seen.bottom; y++) {
      const int64_t from = int64_t{y} * width_ + seen.left, to = y * stride_ + seen.left;
      prefetch_row(background.rgb + 3 * (from + kRowsAhead * width_), 3 * count);
      split_row(background.rgb + 3 * from, count, colours_.at(to));
      std::fill_n(ids_.copies + to, count, 0);
    }
  }

  /* Answers the paste's number on this canvas, 0 where it wins no pixel within reach. */
  int32_t paste(const Paste& paste, const Layer& source) {
    const Box window = paste.window(height_, width_);
    if (window.empty()) return 0;
    const Box won = mark(paste, source, window);
    if (won.empty()) return 0;
    /* The softened edge reaches over by a pixel. */
    const Box changed = won.grown(1).within(window).within(seen_);
    if (!changed.empty()) recolour(paste, source, window, changed);
    return ++shown_;
  }

 private:
  int64_t marks_stride() const { return stride_ + 2 * kStep; }

  /* Of a window's row: the columns that marks were written to, the others are 0. */
  int32_t* span(int row) const { return spans_ + 2 * (row + 1); }

  /* Of a window's row; a rim of zeros is around the window. */
  int16_t* marks(int row) const { return marks_ + (row + 1) * marks_stride() + kStep; }

  /* Where the paste wins: marks, disparities, copies and regions. Answers a box that holds all such pixels. */
  Box mark(const Paste& paste, const Layer& source, const Box& window) {
    const Box inside = paste.place().within(reach_);
    Box won{window.bottom, window.right, window.top, window.left};
    if (inside.empty()) return won;
    const auto column = [&](int x) { return nearest_index(paste.source_column(x), width_); };
    const auto [low, high] = std::minmax({column(inside.left), column(inside.right - 1)});
    shows_.count = 0;
    for (int y = inside.top, end; y < inside.bottom; y = end) {
      end = std::min(inside.bottom, (y / kBlock + 1) * kBlock);
      const Box strip = contested(paste, source, Box{y, inside.left, end, inside.right}, low, high);
      if (strip.left >= strip.right) continue;
      if (shows_.count == 0) {
        shows_.settle(inside.left, inside.right - inside.left, column);
        std::fill_n(spans_, 2 * (window.bottom - window.top + 2), 0);
      }
      for (; y < end; y++) {
        const int row = y - window.top;
        if (!mark_row(paste, source, y, strip.left, strip.right, marks(row) - window.left)) continue;
        won = {std::min(won.top, y), std::min(won.left, strip.left), y + 1, std::max(won.right, strip.right)};
        span(row)[0] = strip.left - window.left;
        span(row)[1] = strip.right - window.left;
      }
    }
    if (won.empty()) return won;
    /* Two more rows on both sides are looked at, since the softened edge reaches over. */
    const int beyond = window.right - window.left + 1, last = std::min(won.bottom + 1, window.bottom) - window.top;
    for (int row = std::max(won.top - 2, window.top - 1) - window.top; row <= last; row++) {
      std::fill(marks(row) - 1, marks(row) + span(row)[0], int16_t{0});
      std::fill(marks(row) + span(row)[1], marks(row) + beyond, int16_t{0});
    }
    if (depth_test) raise_floor(won);
    return won;
  }

  /*
   * What is left of rows of one row of blocks without blocks in which nothing can win; they show columns
   * [low, high] of the source.
   */
  Box contested(const Paste& paste, const Layer& source, const Box& strip, int low, int high) const {
    if (!depth_test) return strip;
    const int first_row = nearest_index(paste.source_row(strip.top), height_) / kBlock;
    const int last_row = nearest_index(paste.source_row(strip.bottom - 1), height_) / kBlock;
    float most = -std::numeric_limits<float>::infinity();
    for (int row = first_row; row <= last_row; row++) {
      const float* const blocks = source.most + row * blocks_along(width_);
      for (int b = low / kBlock; b <= high / kBlock; b++) most = greater(most, blocks[b]);
    }
    const double ahead = static_cast<double>(most) * nearness(paste);
    const float* const floor = floor_ + strip.top / kBlock * blocks_along(width_);
    int first = strip.left / kBlock, last = (strip.right - 1) / kBlock;
    while (first <= last && !(ahead > static_cast<double>(floor[first]))) first++;
    while (first <= last && !(ahead > static_cast<double>(floor[last]))) last--;
    return Box{strip.top, first * kBlock, strip.bottom, (last + 1) * kBlock}.within(strip);
  }

  /* The least disparities of blocks, after a paste. */
  void raise_floor(const Box& won) {
    for (int y = won.top / kBlock; y <= (won.bottom - 1) / kBlock; y++) {
      const int rows = std::min(kBlock, height_ - y * kBlock);
      for (int x = won.left / kBlock; x <= (won.right - 1) / kBlock; x++) {
        float most;
        extremes_of_block(disparity_ + y * kBlock * stride_ + x * kBlock, stride_, rows,
                          std::min(kBlock, width_ - x * kBlock), floor_ + y * blocks_along(width_) + x, &most);
      }
    }
  }

  double nearness(const Paste& paste) const { return ground_distance ? paste.scale : 1; }

  /* Columns [left, right) of a row of the canvas; marks begin at column 0. */
  bool mark_row(const Paste& paste, const Layer& source, int y, int left, int right, int16_t* marks) {
    const int64_t row = int64_t{nearest_index(paste.source_row(y), height_)} * width_;
    const int32_t* const ids = source.ids + row;
    const int32_t* const columns = shows_.columns - shows_.first;
    const auto [low, high] = std::minmax({columns[left], columns[right - 1]});
    const int64_t later = int64_t{nearest_index(paste.source_row(y + kRowsAhead), height_)} * width_ + low;
    prefetch_row(source.disparity + later, high + 1 - low);
    if (paste.region >= 0) prefetch_row(source.ids + later, high + 1 - low);
    const auto mark_columns_of = depth_test ? mark_columns<true> : mark_columns<false>;
    const bool any = mark_columns_of(source.disparity + row, ids, shows_, paste.region, nearness(paste), left, right,
                                     disparity_ + y * stride_, marks);
    if (any && y >= seen_.top && y < seen_.bottom) take_row(paste, source, ids, y, left, right, marks);
    return any;
  }

  void take_row(const Paste& paste, const Layer& source, const int32_t* __restrict ids, int y, int left, int right,
                const int16_t* __restrict marks) {
    const int from = std::max(seen_.left, left), to = std::min(seen_.right, right);
    int32_t* __restrict const copies = ids_.copies + y * stride_;
    int32_t* __restrict const regions = ids_.regions + y * stride_;
    const int32_t copy = shown_ + 1, offset = source.region_offset, region = paste.region + offset;
    for (int x = from; x < to; x++) copies[x] = marks[x] != 0 ? copy : copies[x];
    if (paste.region >= 0) {
      for (int x = from; x < to; x++) regions[x] = marks[x] != 0 ? region : regions[x];
    } else {
      const int32_t* __restrict const columns = shows_.columns - shows_.first;
      for (int x = from; x < to; x++) regions[x] = marks[x] != 0 ? ids[columns[x]] + offset : regions[x];
    }
  }

  /* Mixes the paste's colours into the changed part of a window, from a whole vector of it on. */
  void recolour(const Paste& paste, const Layer& source, const Box& window, Box changed) {
    Recolour look(paste.colour);
    /* A mean grey is that of the whole window. */
    const Box sampled = look.waits() ? window : changed;
    const int left = (changed.left - sampled.left) / kFixedLanes * kFixedLanes;
    changed.left = sampled.left + left;
    const int count = sampled.right - sampled.left, stride = whole_steps(count);
    const auto kept = [&](int y) { return window_.at(int64_t{y - sampled.top} * stride); };
    double sum = 0;
    /* A row as it goes on: to where it waits for the mean grey of all, or onto the canvas. */
    const auto pass_on = [&](int y, const auto& colours_at) {
      if (look.waits()) {
        sum += keep_and_sum_row([&](int x) { return look.changed(colours_at(x)); }, count, kept(y));
      } else if (y >= changed.top && y < changed.bottom) {
        soften_row(marks(y - window.top) + (changed.left - window.left), changed.right - changed.left);
        blend_row([&](int x) { return look.changed(colours_at(left + x)); }, changed.right - changed.left,
                  colours_.at(y * stride_ + changed.left));
      }
    };
    sampler_.begin(paste, source, sampled.left, sampled.right);
    for (int y = sampled.top; y < sampled.bottom; y++) {
      sampler_.row(y, [&](const auto& colours_at) { pass_on(y, colours_at); });
    }
    while (look.waits()) {
      look.meet(sum / (static_cast<double>(count) * (sampled.bottom - sampled.top)));
      sum = 0;
      for (int y = sampled.top; y < sampled.bottom; y++) pass_on(y, StoredRow{kept(y)});
    }
  }

  /* The mask of a row, softened along columns and along rows. */
  CPCDR_APART void soften_row(const int16_t* marks, int count) const {
    const int64_t stride = marks_stride();
    const int16_t centre = share_of(kCentre), side = share_of(kSide);
    const auto soften = [=](Fixed before, Fixed here, Fixed after) {
      return plus(times(here, centre), plus(times(before, side), times(after, side)));
    };
    const int16_t* const here = marks - 1;
    for (int x = 0; x < count + 2; x += kFixedLanes) {
      store(upright_ + x, soften(load(here - stride + x), load(here + x), load(here + stride + x)));
    }
    for (int x = 0; x < count; x += kFixedLanes) {
      const Fixed soft = soften(load(upright_ + x), load(upright_ + x + 1), load(upright_ + x + 2));
      store(soft_ + x, soft & first_lanes(count - x));
    }
  }

  /* By the softened mask. What lies beyond `count` pixels stays as it is. */
  template <typename ColoursAt>
  CPCDR_APART void blend_row(const ColoursAt& colours_at, int count, const Planes& canvas) const {
    for (int x = 0; x < count; x += kFixedLanes) {
      store(canvas, x, between(load(canvas, x), colours_at(x), load(soft_ + x)));
    }
  }

  int height_, width_;
  int64_t stride_;
  Box seen_, reach_;
  int32_t shown_;
  Layer behind_;
  Planes colours_, window_;  /* [H,W] */
  float* disparity_;         /* [H,W] */
  Ids ids_;                  /* [H,W], see CanvasIds */
  int16_t* marks_;           /* [H+2,W], 1 where the paste at hand wins, else 0 */
  int16_t *soft_, *upright_; /* [W] */
  Columns shows_;            /* of the paste at hand */
  int32_t* spans_;           /* [H+2,2] */
  float* floor_;             /* least disparities of blocks, or less */
  WindowSampler sampler_;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
