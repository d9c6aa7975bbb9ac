/*
 * Compositing in tiles of 32 x 8 pixels of a mixed image: a block finds the pastes that reach its tile, 256 at a
 * time, and lets them pass in their order. Whether a paste wins a pixel depends on that pixel's past alone, its
 * colour also on the marks of the eight around it, so that a tile keeps the disparity of a rim one pixel wide.
 * Tiles that the view of their image does not reach have nothing to do.
 *
 * Pastes pass twice: first to find which of them show at all, mostly few, of which alone mean greys are wanted; then
 * with their colours.
 */
#ifndef CPCDR_COMPOSE_TILES_H
#define CPCDR_COMPOSE_TILES_H

#include "paste.h"
#include "pixel.h"
#include "reach.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* A paste as the kernels read it. */
struct PlannedPaste {
  Paste place;
  ColourSteps steps;
};

/* What is pasted where, in memory of the device. */
struct Composition {
  const MixSource* sources;
  const PlannedPaste* pastes;
  const int32_t* first_pastes; /* [mixed + 1] where the pastes of each image begin */
  const int32_t* behind;       /* [mixed] the source behind */
  const Box* reaches;          /* [mixed] where pastes may win */
  int32_t* shown;              /* [pastes] becomes 1 where any pixel wins; 0 before */
  const float* greys;          /* [pastes, CPCDR_COLOUR_STEPS] */
  int height, width, mixed;
  bool depth_test, ground_distance;

  CPCDR_SHARED int64_t pixels() const { return int64_t{height} * width; }
};

/* The colour of a paste at a pixel of the canvas, before its steps: the mean of samples over its footprint. */
CPCDR_SHARED void sample_paste(const Paste& paste, const MixSource& source, int height, int width, int x, int y,
                               float* rgb) {
  const int samples = samples_of(paste.scale);
  const double centre_x = paste.source_column(x), centre_y = paste.source_row(y);
  for (int c = 0; c < 3; c++) rgb[c] = 0;
  for (int j = 0; j < samples; j++) {
    Tap rows[2];
    linear_taps(centre_y + sample_shift(j, samples, paste.scale), height, 1 / (255.0f * static_cast<float>(samples)),
                rows);
    for (int i = 0; i < samples; i++) {
      Tap columns[2];
      linear_taps(centre_x + sample_shift(i, samples, paste.scale), width, 1.0f / static_cast<float>(samples), columns);
      for (int k = 0; k < 4; k++) {
        const Tap &row = rows[k / 2], &column = columns[k % 2];
        const uint8_t* from = source.rgb + 3 * (int64_t{row.index} * width + column.index);
        const float weight = row.weight * column.weight;
        for (int c = 0; c < 3; c++) rgb[c] += weight * static_cast<float>(from[c]);
      }
    }
  }
}

/* The pixels of the windows of pastes, for AddGreys. */
struct PasteWindows {
  Composition all;

  CPCDR_SHARED const ColourSteps& steps(int item) const { return all.pastes[item].steps; }
  CPCDR_SHARED bool wanted(int item) const { return all.shown[item] != 0; }
  CPCDR_SHARED int pixels(int item) const {
    const Box window = all.pastes[item].place.window(all.height, all.width);
    return window.height() * window.width();
  }
  CPCDR_SHARED void colour(int item, int pixel, float* rgb) const {
    const Paste& paste = all.pastes[item].place;
    const Box window = paste.window(all.height, all.width);
    const int x = window.left + pixel % window.width(), y = window.top + pixel / window.width();
    sample_paste(paste, all.sources[paste.source], all.height, all.width, x, y, rgb);
  }
};

struct ComposeTile {
  static constexpr int kWidth = 32, kHeight = 8, kThreads = kWidth * kHeight;
  static constexpr int kRimWidth = kWidth + 2, kRim = kRimWidth * (kHeight + 2);
  struct Shared {
    float disparity[kRim], marks[kRim];
    uint32_t reached[kThreads / 32]; /* bits of the pastes at hand that reach the tile */
    int32_t any[2];                  /* whether the paste wins any pixel, of even and odd turns */
  };
  enum Stage { kFind, kMark, kBlend };
  struct Local {
    int stage, batch, end, paste, turn;
    float rgb[3];
    int32_t copy, region;
  };
  struct Place {
    int mixed, left, top;
  };

  Composition all;
  float* colours;   /* [mixed,H,W,3], written in tiles within reach as what follows; null: to find what shows */
  int32_t* copies;  /* [mixed,H,W] index of the paste, -1 for the background */
  int32_t* regions; /* [mixed,H,W] */

  CPCDR_SHARED int tiles_across() const { return static_cast<int>(blocks_for(all.width, kWidth)); }
  CPCDR_SHARED int64_t tiles() const { return tiles_across() * blocks_for(all.height, kHeight); }
  CPCDR_SHARED Place place(const Where& where) const {
    const int tile = remainder(where.block, tiles());
    return {quotient(where.block, tiles()), remainder(tile, tiles_across()) * kWidth,
            quotient(tile, tiles_across()) * kHeight};
  }
  CPCDR_SHARED bool on_canvas(int x, int y) const { return x >= 0 && y >= 0 && x < all.width && y < all.height; }

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    const Place at = place(where);
    if (p == 0) {
      const Box tile{at.top, at.left, at.top + kHeight, at.left + kWidth};
      if (tile.within(all.reaches[at.mixed]).empty()) return false;
      begin(at, where.thread, shared, local);
    } else if (local.stage == kFind) {
      find(at, where.thread, shared, local);
    } else if (local.stage == kBlend) {
      if (shared.any[local.turn & 1]) blend(at, where.thread, shared, local);
      local.turn++;
      local.stage = kMark;
    } else {
      local.paste = next_paste(shared, local);
      if (local.paste < 0) local.batch += kThreads;
      if (local.paste < 0 && local.batch >= local.end) {
        write(at, where.thread, local);
        return false;
      }
      local.stage = local.paste < 0 ? kFind : kBlend;
      if (local.paste >= 0) mark(at, where.thread, shared, local);
    }
    return true;
  }

  CPCDR_SHARED void begin(const Place& at, int thread, Shared& shared, Local& local) const {
    const MixSource source = all.sources[all.behind[at.mixed]];
    for (int q = thread; q < kRim; q += kThreads) {
      const int x = at.left - 1 + q % kRimWidth, y = at.top - 1 + q / kRimWidth;
      shared.disparity[q] = on_canvas(x, y) ? source.disparity[int64_t{y} * all.width + x] : 0;
    }
    if (thread < 2) shared.any[thread] = 0;
    local.batch = all.first_pastes[at.mixed];
    local.end = all.first_pastes[at.mixed + 1];
    local.paste = -1;
    local.turn = 0;
    local.stage = local.batch < local.end ? kFind : kMark;
    /* Without pastes none is found below, as no bit is set. */
    if (local.stage == kMark && thread < kThreads / 32) shared.reached[thread] = 0;
    local.copy = -1;
    const int x = at.left + thread % kWidth, y = at.top + thread / kWidth;
    if (!colours || !on_canvas(x, y)) return;
    const int64_t i = int64_t{y} * all.width + x;
    for (int c = 0; c < 3; c++) local.rgb[c] = static_cast<float>(source.rgb[3 * i + c]) * (1.0f / 255);
    local.region = source.ids[i] + source.region_offset;
  }

  /* Which of the next 256 pastes reach the tile or its rim; with colours, of those that show. */
  CPCDR_SHARED void find(const Place& at, int thread, Shared& shared, Local& local) const {
    bool reaches = false;
    if (local.batch + thread < local.end) {
      const Paste& paste = all.pastes[local.batch + thread].place;
      reaches = paste.left <= at.left + kWidth && paste.left + paste.width >= at.left &&
                paste.top <= at.top + kHeight && paste.top + paste.height >= at.top;
      reaches = reaches && (!colours || all.shown[local.batch + thread] != 0);
    }
    write_bit(&shared.reached[thread / 32], thread % 32, reaches);
    local.paste = -1;
    local.stage = kMark;
  }

  /* The first paste that reaches the tile after local.paste, or -1. */
  CPCDR_SHARED int next_paste(const Shared& shared, const Local& local) const {
    const int from = local.paste < 0 ? 0 : local.paste - local.batch + 1;
    for (int word = from / 32; word < kThreads / 32; word++) {
      uint32_t bits = shared.reached[word];
      if (word == from / 32) bits &= ~uint32_t{0} << (from % 32);
      if (bits) return local.batch + 32 * word + lowest_bit(bits);
    }
    return -1;
  }

  /* Where the paste wins, in the tile and its rim. */
  CPCDR_SHARED void mark(const Place& at, int thread, Shared& shared, const Local& local) const {
    const Paste paste = all.pastes[local.paste].place;
    const MixSource source = all.sources[paste.source];
    const double factor = all.ground_distance ? paste.scale : 1;
    const Box place = paste.place().within(all.reaches[at.mixed]);
    bool any = false;
    for (int q = thread; q < kRim; q += kThreads) {
      const int x = at.left - 1 + q % kRimWidth, y = at.top - 1 + q / kRimWidth;
      bool wins = place.holds(x, y);
      if (wins) {
        const int64_t from = nearest(paste, x, y);
        const double ahead = static_cast<double>(source.disparity[from]) * factor;
        wins = (paste.region < 0 || source.ids[from] == paste.region) &&
               (!all.depth_test || ahead > static_cast<double>(shared.disparity[q]));
        if (wins) shared.disparity[q] = static_cast<float>(ahead);
      }
      shared.marks[q] = wins ? 1.0f : 0.0f;
      any |= wins;
    }
    if (any) store_relaxed(&shared.any[local.turn & 1], 1);
    if (thread == 0) shared.any[(local.turn + 1) & 1] = 0;
  }

  CPCDR_SHARED int64_t nearest(const Paste& paste, int x, int y) const {
    return int64_t{nearest_index(paste.source_row(y), all.height)} * all.width +
           nearest_index(paste.source_column(x), all.width);
  }

  /* Mixes the thread's pixel in by the mask, softened along rows and then along columns. */
  CPCDR_SHARED void blend(const Place& at, int thread, const Shared& shared, Local& local) const {
    const int x = at.left + thread % kWidth, y = at.top + thread / kWidth;
    if (!on_canvas(x, y)) return;
    const float* const centre = shared.marks + (thread / kWidth + 1) * kRimWidth + thread % kWidth + 1;
    if (!colours) {
      if (centre[0] != 0) store_relaxed(all.shown + local.paste, 1);
      return;
    }
    float rows[3];
    for (int r = 0; r < 3; r++) {
      const float* const marks = centre + (r - 1) * kRimWidth;
      rows[r] = kSide * marks[-1] + kCentre * marks[0] + kSide * marks[1];
    }
    const float soft = kCentre * rows[1] + kSide * (rows[0] + rows[2]);
    if (soft == 0) return;
    const PlannedPaste& paste = all.pastes[local.paste];
    const MixSource source = all.sources[paste.place.source];
    float rgb[3];
    sample_paste(paste.place, source, all.height, all.width, x, y, rgb);
    change_pixel(rgb, paste.steps, all.greys + CPCDR_COLOUR_STEPS * int64_t{local.paste}, CPCDR_COLOUR_STEPS);
    for (int c = 0; c < 3; c++) local.rgb[c] += soft * (rgb[c] - local.rgb[c]);
    if (centre[0] == 0) return;
    local.copy = local.paste;
    local.region = source.ids[nearest(paste.place, x, y)] + source.region_offset;
  }

  CPCDR_SHARED void write(const Place& at, int thread, const Local& local) const {
    const int x = at.left + thread % kWidth, y = at.top + thread / kWidth;
    if (!colours || !on_canvas(x, y)) return;
    const int64_t i = at.mixed * all.pixels() + int64_t{y} * all.width + x;
    for (int c = 0; c < 3; c++) colours[3 * i + c] = local.rgb[c];
    copies[i] = local.copy;
    regions[i] = local.region;
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
