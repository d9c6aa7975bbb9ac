/* One mixed image in the making: pastes go onto it in order, nearer pixels win (lib/mix/canvas.ts). */
#ifndef CPCDR_CANVAS_H
#define CPCDR_CANVAS_H

#include "../shared/paste.h"
#include "colour.h"

namespace cpcdr {
namespace CPCDR_ISA {

struct Canvas {
  int height, width;
  bool depth_test, ground_distance;
  float* colours;     /* [H,W,3] */
  float* disparity;   /* [H,W] */
  int32_t* copies;    /* [H,W] index of the paste, -1 for the background */
  int32_t* regions;   /* [H,W] */
  float* window;      /* [H,W,3] colours of a paste */
  float* mask;        /* [H,W] */
  float* softened;    /* [H,W] */
  float* line;        /* [W,3] */
  Tap* taps;          /* [W,2*samples] */
  int32_t* columns;   /* [W] nearest source column */

  /* Floats that all the arrays take; `samples` is the most of all pastes. */
  static int64_t floats(int height, int width, int samples) {
    return int64_t{height} * width * 11 + int64_t{width} * (4 + 4 * samples);
  }

  void place(float* memory) {
    const int64_t pixels = int64_t{height} * width;
    colours = memory;
    window = colours + 3 * pixels;
    disparity = window + 3 * pixels;
    mask = disparity + pixels;
    softened = mask + pixels;
    copies = reinterpret_cast<int32_t*>(softened + pixels);
    regions = copies + pixels;
    line = reinterpret_cast<float*>(regions + pixels);
    columns = reinterpret_cast<int32_t*>(line + 3 * width);
    taps = reinterpret_cast<Tap*>(columns + width);
  }

  void begin(const MixSource& background) const {
    const int64_t pixels = int64_t{height} * width;
    for (int64_t i = 0; i < 3 * pixels; i++) colours[i] = static_cast<float>(background.rgb[i]) * (1.0f / 255);
    std::copy_n(background.disparity, pixels, disparity);
    std::fill_n(copies, pixels, -1);
    for (int64_t i = 0; i < pixels; i++) regions[i] = background.ids[i] + background.region_offset;
  }

  /* Answers whether any pixel of the paste shows. */
  bool paste(const Paste& paste, const MixSource& source, int32_t index) const {
    /* One pixel wider than the piece, since its softened edge reaches over. */
    const int y0 = std::max(0, paste.top - 1), y1 = std::min(height, paste.top + paste.height + 1);
    const int x0 = std::max(0, paste.left - 1), x1 = std::min(width, paste.left + paste.width + 1);
    if (y0 >= y1 || x0 >= x1) return false;
    const int count = x1 - x0;
    for (int x = x0; x < x1; x++) columns[x - x0] = nearest_index(paste.source_column(x), width);
    bool shows = false;
    for (int y = y0; y < y1; y++) shows |= mark_row(paste, source, y, x0, x1, mask + int64_t{y - y0} * count);
    if (!shows) return false;
    sample(paste, source, y0, y1, x0, x1);
    change_colours(window, int64_t{y1 - y0} * count, paste.colour);
    blend(y0, y1, x0, count);
    for (int y = y0; y < y1; y++) take_row(paste, source, y, x0, count, mask + int64_t{y - y0} * count, index);
    return true;
  }

 private:
  double nearness(const Paste& paste) const { return ground_distance ? paste.scale : 1; }

  /* The first pixel of the source row that is nearest to row y. */
  int64_t nearest_row(const Paste& paste, int y) const {
    return int64_t{nearest_index(paste.source_row(y), height)} * width;
  }

  /* Where the paste wins in one row. */
  bool mark_row(const Paste& paste, const MixSource& source, int y, int x0, int x1, float* marks) const {
    const int64_t first = nearest_row(paste, y);
    const int32_t* const ids = source.ids + first;
    const float* own = disparity + int64_t{y} * width;
    const double factor = nearness(paste);
    const bool row_inside = y >= paste.top && y < paste.top + paste.height;
    bool any = false;
    for (int x = x0; x < x1; x++) {
      const int32_t column = columns[x - x0];
      const double ahead = static_cast<double>(source.disparity[first + column]) * factor;
      const bool inside = row_inside & (x >= paste.left) & (x < paste.left + paste.width);
      const bool of_piece = (paste.region < 0) | (ids[column] == paste.region);
      const bool wins = inside & of_piece & ((!depth_test) | (ahead > static_cast<double>(own[x])));
      marks[x - x0] = wins ? 1.0f : 0.0f;
      any |= wins;
    }
    return any;
  }

  /* The colours of the window: rows are mixed first, then columns, since a footprint is a product of both. */
  void sample(const Paste& paste, const MixSource& source, int y0, int y1, int x0, int x1) const {
    const int samples = samples_of(paste.scale), each = 2 * samples, count = x1 - x0;
    int32_t low = width, high = 0;
    for (int x = x0; x < x1; x++) {
      Tap* const own = taps + int64_t{x - x0} * each;
      footprint_taps(paste.source_column(x), width, samples, paste.scale, own);
      for (int t = 0; t < each; t++) {
        low = std::min(low, own[t].index);
        high = std::max(high, own[t].index);
      }
    }
    for (int y = y0; y < y1; y++) {
      std::fill(line + 3 * low, line + 3 * (high + 1), 0.0f);
      for (int j = 0; j < samples; j++) {
        Tap rows[2];
        const double position = paste.source_row(y) + sample_shift(j, samples, paste.scale);
        linear_taps(position, height, 1 / (255.0f * static_cast<float>(samples)), rows);
        for (const Tap& row : rows) {
          const uint8_t* rgb = source.rgb + 3 * int64_t{row.index} * width;
          for (int i = 3 * low; i < 3 * (high + 1); i++) line[i] += row.weight * static_cast<float>(rgb[i]);
        }
      }
      float* out = window + 3 * int64_t{y - y0} * count;
      for (int x = 0; x < count; x++) {
        float red = 0, green = 0, blue = 0;
        for (const Tap* tap = taps + int64_t{x} * each; tap < taps + int64_t{x + 1} * each; tap++) {
          const float* from = line + 3 * tap->index;
          red += tap->weight * from[0];
          green += tap->weight * from[1];
          blue += tap->weight * from[2];
        }
        out[3 * x] = red;
        out[3 * x + 1] = green;
        out[3 * x + 2] = blue;
      }
    }
  }

  /* Mixes the window in by the mask, softened along rows and then along columns. */
  void blend(int y0, int y1, int x0, int count) const {
    const int rows = y1 - y0;
    for (int y = 0; y < rows; y++) {
      const float* marks = mask + int64_t{y} * count;
      float* soft = softened + int64_t{y} * count;
      for (int x = 0; x < count; x++) {
        const float left = x > 0 ? marks[x - 1] : 0, right = x + 1 < count ? marks[x + 1] : 0;
        soft[x] = kSide * left + kCentre * marks[x] + kSide * right;
      }
    }
    for (int y = 0; y < rows; y++) {
      const float* here = softened + int64_t{y} * count;
      const float* above = y > 0 ? here - count : nullptr;
      const float* below = y + 1 < rows ? here + count : nullptr;
      const float* from = window + 3 * int64_t{y} * count;
      float* to = colours + 3 * (int64_t{y0 + y} * width + x0);
      for (int x = 0; x < count; x++) {
        const float soft = kCentre * here[x] + kSide * ((above ? above[x] : 0) + (below ? below[x] : 0));
        for (int c = 3 * x; c < 3 * x + 3; c++) to[c] += soft * (from[c] - to[c]);
      }
    }
  }

  void take_row(const Paste& paste, const MixSource& source, int y, int x0, int count, const float* marks,
                int32_t index) const {
    const int64_t first = nearest_row(paste, y);
    const int32_t* const ids = source.ids + first;
    const int64_t at = int64_t{y} * width + x0;
    const double factor = nearness(paste);
    for (int x = 0; x < count; x++) {
      if (marks[x] == 0) continue;
      copies[at + x] = index;
      regions[at + x] = ids[columns[x]] + source.region_offset;
      disparity[at + x] = static_cast<float>(static_cast<double>(source.disparity[first + columns[x]]) * factor);
    }
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
