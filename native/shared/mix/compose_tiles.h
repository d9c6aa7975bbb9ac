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
  for (int c = 0; c < 3; c++) rgb[c] *= paste.weight;
}

/* The pixels of a paste's window. */
struct PasteWindow {
  PlacedPaste paste;
  const Along *rows, *columns;
  int across, height, width; /* of the window's rows; of the source */

  CPCDR_SHARED void colour(int pixel, float* rgb) const {
    const int y = quotient(pixel, across);
    sample_paste(paste, rows[y], columns[pixel - y * across], height, width, rgb);
  }
};

/* Those of all pastes, for AddGreys. */
struct PasteWindows {
  static constexpr int kAtOnce = 1;
  Composition all;

  CPCDR_SHARED const ColourSteps& steps(int item) const { return all.pastes[item].steps; }
  CPCDR_SHARED bool wanted(int item) const { return all.shown[item] != 0; }
  CPCDR_SHARED int pixels(int item) const {
    const Box window = all.pastes[item].place.window(all.height, all.width);
    return window.height() * window.width();
  }
  CPCDR_SHARED PasteWindow of(int item) const {
    const Box window = all.pastes[item].place.window(all.height, all.width);
    const Along* const rows = all.alongs + all.pastes[item].alongs;
    return {all.placed[item], rows, rows + window.height(), window.width(), all.height, all.width};
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
    const PlannedImage& image = all.images[mixed];
    batch = image.first_paste;
    end = image.end_paste;
    return !reached<kTileHeight>(image.reach).empty();
  }
  /* What a box has of the tile. */
  template <int kTileHeight>
  CPCDR_SHARED Box reached(const Box& box) const {
    return box.within({top, left, top + kTileHeight, left + kWarp});
  }
};

/* Bits of 256 pastes. */
struct alignas(16) PasteBits {
  static constexpr int kCount = 256;
  uint32_t words[kCount / 32];
};

/* Calls visit(paste) with those of `count` pastes whose bits are set, in their order. */
template <typename Visit>
CPCDR_SHARED void visit_pastes(const PasteBits& bits, int first, int count, const Visit& visit) {
  for (int k = 0; k < PasteBits::kCount && k < count; k += 64) {
    for (uint64_t left = bits.words[k / 32] | uint64_t{bits.words[k / 32 + 1]} << 32; left; left &= left - 1) {
      visit(first + k + lowest_bit(left));
    }
  }
}

/* Which pixels each paste wins, and which paste is the last at each. */
struct FindTile {
  static constexpr int kRows = 4, kThreads = PasteBits::kCount, kHeight = kRows * kThreads / kWarp, kResident = 4;
  typedef PasteBits Shared;
  /* Of the thread's pixels, one below the other: what is at them. */
  struct Local {
    ComposeTurn turn;
    float disparity[kRows];
    int32_t copy[kRows], region[kRows];
  };

  Composition all;
  int32_t* copies;  /* [mixed,H,W] index of the paste, -1 for the background; in tiles within reach as what follows */
  int32_t* regions; /* [mixed,H,W] */

  CPCDR_SHARED int64_t tiles() const { return Tiles<kHeight>{all.height, all.width}.count(); }
  CPCDR_SHARED static int column(const ComposeTurn& turn, int thread) { return turn.left + thread % kWarp; }
  CPCDR_SHARED static int first_row(const ComposeTurn& turn, int thread) { return turn.top + thread / kWarp * kRows; }
  CPCDR_SHARED bool on_canvas(int x, int y) const { return x < all.width && y < all.height; }

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    if (p == 0) {
      if (!local.turn.begin<kHeight>(all, where.block)) return false;
      begin(where.thread, local);
    }
    ComposeTurn& turn = local.turn;
    if (p % 2 == 0) {
      const int paste = turn.batch + where.thread;
      const bool reaches = paste < turn.end && !turn.reached<kHeight>(all.places[paste]).empty();
      write_bit(&shared.words[where.thread / 32], where.thread % 32, reaches);
      return true;
    }
    visit_pastes(shared, turn.batch, turn.end - turn.batch, [&](int paste) { pass(paste, where.thread, local); });
    turn.batch += kThreads;
    if (turn.batch < turn.end) return true;
    write(where.thread, local);
    return false;
  }

  CPCDR_SHARED void begin(int thread, Local& local) const {
    const MixSource source = all.images[local.turn.mixed].behind;
    const int x = column(local.turn, thread), y = first_row(local.turn, thread);
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) {
      local.copy[r] = -1;
      local.disparity[r] = 0;
      local.region[r] = 0;
      if (!on_canvas(x, y + r)) continue;
      const int i = (y + r) * all.width + x;
      local.disparity[r] = source.disparity[i];
      local.region[r] = source.ids[i] + source.region_offset;
    }
  }

  CPCDR_SHARED void pass(int index, int thread, Local& local) const {
    const Box place = all.places[index];
    const PlacedPaste paste = all.placed[index];
    const int x = column(local.turn, thread), y = first_row(local.turn, thread);
    if (y >= place.bottom || y + kRows <= place.top) return;
    /* Pixels beside the place read what is at its edge, so that all reads are under way at once. */
    const int from_column = all.alongs[paste.columns + larger(place.left, smaller(x, place.right - 1))].nearest;
    const bool across = x >= place.left && x < place.right;
    int32_t ids[kRows];
    float disparities[kRows];
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) {
      const int row = larger(place.top, smaller(y + r, place.bottom - 1));
      const int from = all.alongs[paste.rows + row].nearest * all.width + from_column;
      ids[r] = paste.source.ids[from];
      disparities[r] = paste.source.disparity[from];
    }
    uint32_t* const marks = all.marks + (paste.marks + int64_t{y} * paste.across + local.turn.left / 32);
    bool any = false;
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) {
      if (y + r < place.top || y + r >= place.bottom) continue;
      const double ahead = static_cast<double>(disparities[r]) * paste.nearness;
      const bool wins = across && (paste.region < 0 || ids[r] == paste.region) &&
                        (!all.depth_test || ahead > static_cast<double>(local.disparity[r]));
      write_bit(marks + r * paste.across, thread % kWarp, wins);
      if (!wins) continue;
      any = true;
      local.disparity[r] = static_cast<float>(ahead);
      local.copy[r] = index;
      local.region[r] = ids[r] + paste.source.region_offset;
    }
    if (any) store_relaxed(all.shown + index, 1);
  }

  CPCDR_SHARED void write(int thread, const Local& local) const {
    const int x = column(local.turn, thread), y = first_row(local.turn, thread);
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) {
      if (!on_canvas(x, y + r)) continue;
      const int64_t i = local.turn.mixed * all.pixels() + (y + r) * all.width + x;
      copies[i] = local.copy[r];
      regions[i] = local.region[r];
    }
  }
};

/* The colours of all that shows. */
struct DrawTile {
  static constexpr int kRows = 2, kThreads = PasteBits::kCount, kHeight = kRows * kThreads / kWarp, kResident = 3;
  typedef PasteBits Shared;
  /* Of the thread's pixels, one below the other. */
  struct Local {
    ComposeTurn turn;
    float rgb[kRows][3];
  };

  Composition all;
  CanvasColour* colours; /* [mixed,H,W], in tiles within reach */

  CPCDR_SHARED int64_t tiles() const { return Tiles<kHeight>{all.height, all.width}.count(); }

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    if (p == 0 && !local.turn.begin<kHeight>(all, where.block)) return false;
    ComposeTurn& turn = local.turn;
    const int x = turn.left + where.thread % kWarp, y = turn.top + where.thread / kWarp * kRows;
    const int rows = x < all.width ? all.height - y : 0; /* of the thread's, those on the canvas */
    if (p == 0) begin(x, y, rows, local);
    if (p % 2 == 0) {
      /* Which of those that show reach the tile with their softened edges. */
      const int paste = turn.batch + where.thread;
      bool reaches = false;
      if (paste < turn.end) {
        const int32_t shows = all.shown[paste];
        const Box place = all.places[paste];
        reaches = shows != 0 && !turn.reached<kHeight>(place.grown(1)).empty();
      }
      write_bit(&shared.words[where.thread / 32], where.thread % 32, reaches);
      return true;
    }
    visit_pastes(shared, turn.batch, turn.end - turn.batch, [&](int paste) { blend(paste, x, y, rows, local); });
    turn.batch += kThreads;
    if (turn.batch < turn.end) return true;
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) {
      if (r < rows) colours[turn.mixed * all.pixels() + (y + r) * all.width + x] = canvas_colour(local.rgb[r]);
    }
    return false;
  }

  CPCDR_SHARED void begin(int x, int y, int rows, Local& local) const {
    const uint8_t* const from = all.images[local.turn.mixed].behind.rgb;
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) {
      for (int c = 0; c < 3; c++) local.rgb[r][c] = 0;
      if (r >= rows) continue;
      const int i = 3 * ((y + r) * all.width + x);
      for (int c = 0; c < 3; c++) local.rgb[r][c] = static_cast<float>(from[i + c]) * (1.0f / 255);
    }
  }

  /* Mixes the thread's pixels in by the mask, softened along rows and then along columns. */
  CPCDR_SHARED void blend(int index, int x, int y, int rows, Local& local) const {
    const Box place = all.places[index];
    if (y > place.bottom || y + kRows < place.top) return;
    const PlacedPaste& paste = all.placed[index];
    float sums[kRows + 2];
    soften_rows(place, paste, x, y, sums);
    bool any = false;
    CPCDR_UNROLL
    for (int r = 0; r < kRows + 2; r++) any |= sums[r] != 0;
    if (!any) return;
    const HeldSteps held(all.pastes[index].steps, all.greys + CPCDR_COLOUR_STEPS * int64_t{index});
    CPCDR_UNROLL
    for (int r = 0; r < kRows; r++) {
      const float soft = kCentre * sums[r + 1] + kSide * (sums[r] + sums[r + 2]);
      if (r >= rows || soft == 0) continue;
      float fresh[1][3];
      sample_paste(paste, all.alongs[paste.rows + y + r], all.alongs[paste.columns + x], all.height, all.width, *fresh);
      change_pixels(fresh, held, CPCDR_COLOUR_STEPS);
      for (int c = 0; c < 3; c++) local.rgb[r][c] = fused(soft, fresh[0][c] - local.rgb[r][c], local.rgb[r][c]);
    }
  }

  /*
   * Of marks from the row before the thread's on. Their words are the same for all threads of a warp; beside the place
   * those at its edge are read, so that all reads are under way at once.
   */
  CPCDR_SHARED void soften_rows(const Box& place, const PlacedPaste& paste, int x, int y, float* sums) const {
    const int word = x / 32, first = place.left / 32, last = (place.right - 1) / 32;
    const uint32_t* const marks = all.marks + paste.marks;
    const int across = paste.across;
    uint32_t words[kRows + 2][3];
    CPCDR_UNROLL
    for (int r = 0; r < kRows + 2; r++) {
      const int row = larger(place.top, smaller(y + r - 1, place.bottom - 1));
      CPCDR_UNROLL
      for (int k = 0; k < 3; k++) {
        words[r][k] = marks[int64_t{row} * across + larger(first, smaller(word + k - 1, last))];
      }
    }
    CPCDR_UNROLL
    for (int r = 0; r < kRows + 2; r++) {
      const bool on_row = y + r - 1 >= place.top && y + r - 1 < place.bottom;
      const uint32_t before = on_row && word > first ? words[r][0] : 0;
      const uint32_t here = on_row && word >= first && word <= last ? words[r][1] : 0;
      const uint32_t behind = on_row && word < last ? words[r][2] : 0;
      /* From the pixel before on. */
      const uint32_t bits = static_cast<uint32_t>((uint64_t{here} << 1 | uint64_t{behind} << 33) >> (x % 32)) |
                            (x % 32 == 0 ? before >> 31 : 0);
      sums[r] = (bits & 1 ? kSide : 0) + (bits & 2 ? kCentre : 0) + (bits & 4 ? kSide : 0);
    }
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
