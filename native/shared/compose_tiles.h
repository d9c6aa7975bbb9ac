/*
 * Compositing in tiles of a mixed image: a block finds the pastes that reach its tile, 256 at a time, and lets them
 * pass in their order. Tiles that the view of their image does not reach have nothing to do.
 *
 * Pastes pass twice. First to find which pixels each of them wins, which depends on a pixel's past alone, and so which
 * of them show at all: mostly few, of which alone mean greys are wanted. Then with their colours, where a paste's mask,
 * its marks softened over the eight pixels around, is not 0.
 */
#ifndef CPCDR_COMPOSE_TILES_H
#define CPCDR_COMPOSE_TILES_H

#include "composition.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* The colour of a paste at a pixel of its window, before its steps: the mean of samples over its footprint. */
CPCDR_SHARED void sample_paste(const PlacedPaste& paste, const Along& row, const Along& column, int height, int width,
                               float* rgb) {
  for (int c = 0; c < 3; c++) rgb[c] = 0;
  float down = paste.first_shift;
  for (int j = 0; j < paste.samples; j++, down += paste.shift_step) {
    const LinearSample y = linear_sample(row, down, height);
    const uint8_t* const top = paste.source.rgb + 3 * (y.first * width);
    const uint8_t* const bottom = top + (y.first + 1 < height ? 3 * width : 0);
    float across = paste.first_shift;
    for (int i = 0; i < paste.samples; i++, across += paste.shift_step) {
      const LinearSample x = linear_sample(column, across, width);
      const int left = 3 * x.first, right = left + (x.first + 1 < width ? 3 : 0);
      CPCDR_UNROLL
      for (int c = 0; c < 3; c++) {
        const float corner = top[left + c], below = bottom[left + c];
        const float upper = fused(top[right + c] - corner, x.share, corner);
        const float lower = fused(bottom[right + c] - below, x.share, below);
        rgb[c] += fused(lower - upper, y.share, upper);
      }
    }
  }
  const float mean = 1 / (255.0f * static_cast<float>(paste.samples * paste.samples));
  for (int c = 0; c < 3; c++) rgb[c] *= mean;
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
    const PlannedPaste& planned = all.pastes[item];
    const Box window = planned.place.window(all.height, all.width);
    const int y = quotient(pixel, window.width()), x = pixel - y * window.width();
    const Along* const rows = all.alongs + planned.alongs;
    sample_paste(all.placed[item], rows[y], rows[window.height() + x], all.height, all.width, rgb);
  }
};

/* Tiles of an image in rows of 32 pixels, one for each thread of a warp. */
template <int kTileHeight>
struct Tiles {
  static constexpr int kWidth = kWarp, kHeight = kTileHeight;
  int height, width;

  CPCDR_SHARED int across() const { return static_cast<int>(blocks_for(width, kWidth)); }
  CPCDR_SHARED int64_t count() const { return across() * blocks_for(height, kHeight); }
};

/* A block's tile, and the stretch of pastes at hand. */
struct ComposeTurn {
  int mixed, left, top;
  int batch, end; /* pastes of the image from the batch on */

  /* Whether the tile is within reach. */
  template <int kTileHeight>
  CPCDR_SHARED bool begin(const Composition& all, int32_t block) {
    const Tiles<kTileHeight> tiles{all.height, all.width};
    mixed = quotient(block, tiles.count());
    const int tile = block - mixed * static_cast<int>(tiles.count()), row = quotient(tile, tiles.across());
    top = row * kTileHeight;
    left = (tile - row * tiles.across()) * kWarp;
    batch = all.first_pastes[mixed];
    end = all.first_pastes[mixed + 1];
    return !Box{top, left, top + kTileHeight, left + kWarp}.within(all.reaches[mixed]).empty();
  }
};

/* Bits of 256 pastes. */
struct PasteBits {
  static constexpr int kCount = 256;
  uint32_t words[kCount / 32];
};

/* Calls visit(paste) with those whose bits are set, in their order. */
template <typename Visit>
CPCDR_SHARED void visit_pastes(const PasteBits& bits, int first, const Visit& visit) {
  for (int word = 0; word < PasteBits::kCount / 32; word++) {
    for (uint32_t left = bits.words[word]; left; left &= left - 1) visit(first + 32 * word + lowest_bit(left));
  }
}

/* Which pixels each paste wins, and which paste is the last at each. */
struct FindTile {
  static constexpr int kRows = 2, kThreads = PasteBits::kCount, kStride = kThreads / kWarp;
  static constexpr int kHeight = kRows * kStride, kResident = 4;
  typedef PasteBits Shared;
  /* Of the thread's pixels, kStride rows apart: what is at them. */
  struct Local {
    ComposeTurn turn;
    float disparity[kRows];
    int32_t copy[kRows], region[kRows];
  };

  Composition all;
  int32_t* copies;  /* [mixed,H,W] index of the paste, -1 for the background; in tiles within reach as what follows */
  int32_t* regions; /* [mixed,H,W] */

  CPCDR_SHARED int64_t tiles() const { return Tiles<kHeight>{all.height, all.width}.count(); }

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    if (p == 0) {
      if (!local.turn.begin<kHeight>(all, where.block)) return false;
      begin(where.thread, local);
    }
    if (p % 2 == 0) {
      find(where.thread, shared, local.turn);
      return true;
    }
    visit_pastes(shared, local.turn.batch, [&](int paste) { pass(paste, where.thread, local); });
    local.turn.batch += kThreads;
    if (local.turn.batch < local.turn.end) return true;
    write(where.thread, local);
    return false;
  }

  CPCDR_SHARED bool on_canvas(int x, int y) const { return x < all.width && y < all.height; }

  CPCDR_SHARED void begin(int thread, Local& local) const {
    const MixSource source = all.sources[all.behind[local.turn.mixed]];
    const int x = local.turn.left + thread % kWarp, y = local.turn.top + thread / kWarp;
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) {
      local.copy[r] = -1;
      local.disparity[r] = 0;
      local.region[r] = 0;
      if (!on_canvas(x, y + r * kStride)) continue;
      const int i = (y + r * kStride) * all.width + x;
      local.disparity[r] = source.disparity[i];
      local.region[r] = source.ids[i] + source.region_offset;
    }
  }

  CPCDR_SHARED void find(int thread, Shared& shared, const ComposeTurn& turn) const {
    const int paste = turn.batch + thread;
    const bool reaches = paste < turn.end && !all.places[paste].within({turn.top, turn.left, turn.top + kHeight,
                                                                        turn.left + kWarp}).empty();
    write_bit(&shared.words[thread / 32], thread % 32, reaches);
  }

  CPCDR_SHARED void pass(int index, int thread, Local& local) const {
    const Box place = all.places[index];
    const PlacedPaste& paste = all.placed[index];
    const int x = local.turn.left + thread % kWarp, y = local.turn.top + thread / kWarp;
    const bool across = x >= place.left && x < place.right;
    int32_t ids[kRows];
    float disparities[kRows];
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) {
      const int row = y + r * kStride;
      ids[r] = 0;
      disparities[r] = 0;
      if (!across || row < place.top || row >= place.bottom) continue;
      const int from = all.alongs[paste.rows + row].nearest * all.width + all.alongs[paste.columns + x].nearest;
      ids[r] = paste.source.ids[from];
      disparities[r] = paste.source.disparity[from];
    }
    bool any = false;
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) {
      const int row = y + r * kStride;
      if (row < place.top || row >= place.bottom) continue;
      const double ahead = static_cast<double>(disparities[r]) * paste.nearness;
      const bool wins = across && (paste.region < 0 || ids[r] == paste.region) &&
                        (!all.depth_test || ahead > static_cast<double>(local.disparity[r]));
      write_bit(all.marks + (paste.marks + int64_t{row} * paste.across + local.turn.left / 32), thread % kWarp, wins);
      if (!wins) continue;
      any = true;
      local.disparity[r] = static_cast<float>(ahead);
      local.copy[r] = index;
      local.region[r] = ids[r] + paste.source.region_offset;
    }
    if (any) store_relaxed(all.shown + index, 1);
  }

  CPCDR_SHARED void write(int thread, const Local& local) const {
    const int x = local.turn.left + thread % kWarp, y = local.turn.top + thread / kWarp;
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) {
      if (!on_canvas(x, y + r * kStride)) continue;
      const int64_t i = local.turn.mixed * all.pixels() + (y + r * kStride) * all.width + x;
      copies[i] = local.copy[r];
      regions[i] = local.region[r];
    }
  }
};

/* The colours of all that shows. */
struct DrawTile {
  static constexpr int kThreads = PasteBits::kCount, kHeight = kThreads / kWarp, kResident = 4;
  typedef PasteBits Shared;
  struct Local {
    ComposeTurn turn;
    float rgb[3];
  };

  Composition all;
  CanvasColour* colours; /* [mixed,H,W], in tiles within reach */

  CPCDR_SHARED int64_t tiles() const { return Tiles<kHeight>{all.height, all.width}.count(); }

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    if (p == 0) {
      if (!local.turn.begin<kHeight>(all, where.block)) return false;
      begin(where.thread, local);
    }
    if (p % 2 == 0) {
      find(where.thread, shared, local.turn);
      return true;
    }
    const int x = local.turn.left + where.thread % kWarp, y = local.turn.top + where.thread / kWarp;
    const bool on_canvas = x < all.width && y < all.height;
    if (on_canvas) {
      visit_pastes(shared, local.turn.batch, [&](int paste) { blend(paste, x, y, local.rgb); });
    }
    local.turn.batch += kThreads;
    if (local.turn.batch < local.turn.end) return true;
    if (on_canvas) colours[local.turn.mixed * all.pixels() + y * all.width + x] = canvas_colour(local.rgb);
    return false;
  }

  CPCDR_SHARED void begin(int thread, Local& local) const {
    const MixSource& source = all.sources[all.behind[local.turn.mixed]];
    const int x = local.turn.left + thread % kWarp, y = local.turn.top + thread / kWarp;
    if (x >= all.width || y >= all.height) return;
    const uint8_t* const from = source.rgb + 3 * (y * all.width + x);
    for (int c = 0; c < 3; c++) local.rgb[c] = static_cast<float>(from[c]) * (1.0f / 255);
  }

  /* Which of those that show reach the tile with their softened edges. */
  CPCDR_SHARED void find(int thread, Shared& shared, const ComposeTurn& turn) const {
    const int paste = turn.batch + thread;
    const bool reaches = paste < turn.end && all.shown[paste] != 0 &&
                         !all.places[paste].grown(1).within({turn.top, turn.left, turn.top + kHeight,
                                                             turn.left + kWarp}).empty();
    write_bit(&shared.words[thread / 32], thread % 32, reaches);
  }

  /* Mixes the pixel in by the mask, softened along rows and then along columns. */
  CPCDR_SHARED void blend(int index, int x, int y, float* rgb) const {
    const PlacedPaste& paste = all.placed[index];
    const float soft = softened(all.places[index], paste, x, y);
    if (soft == 0) return;
    float fresh[3];
    sample_paste(paste, all.alongs[paste.rows + y], all.alongs[paste.columns + x], all.height, all.width, fresh);
    change_pixel(fresh, all.pastes[index].steps, all.greys + CPCDR_COLOUR_STEPS * int64_t{index}, CPCDR_COLOUR_STEPS);
    for (int c = 0; c < 3; c++) rgb[c] = fused(soft, fresh[c] - rgb[c], rgb[c]);
  }

  /* The words of marks are the same for all threads of a warp. */
  CPCDR_SHARED float softened(const Box& place, const PlacedPaste& paste, int x, int y) const {
    const int word = x / 32, bit = x % 32;
    const bool before = word > place.left / 32 && word - 1 <= (place.right - 1) / 32;
    const bool here = word >= place.left / 32 && word <= (place.right - 1) / 32;
    const bool behind = word + 1 >= place.left / 32 && word < (place.right - 1) / 32;
    float rows[3];
    CPCDR_UNROLL
    for (int r = 0; r < 3; r++) {
      const int row = y + r - 1;
      const bool on_row = row >= place.top && row < place.bottom;
      const uint32_t* const words = all.marks + (paste.marks + int64_t{row} * paste.across + word);
      const uint32_t marks = on_row && here ? words[0] : 0;
      const uint32_t left = marks << 1 | (on_row && before ? words[-1] >> 31 : 0);
      const uint32_t right = marks >> 1 | (on_row && behind ? words[1] << 31 : 0);
      const float sides = ((left >> bit & 1) ? kSide : 0) + ((right >> bit & 1) ? kSide : 0);
      rows[r] = sides + ((marks >> bit & 1) ? kCentre : 0);
    }
    return kCentre * rows[1] + kSide * (rows[0] + rows[2]);
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
