/* What a composition is planned as, and where its pastes and views find their pixels: tables that its tiles read. */
#ifndef CPCDR_COMPOSITION_H
#define CPCDR_COMPOSITION_H

#include "canvas_colour.h"
#include "paste.h"
#include "pixel.h"
#include "reach.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* A paste as the host plans it. */
struct PlannedPaste {
  Paste place;
  ColourSteps steps;
  int64_t alongs, marks; /* where its stretches of both begin */
};

/* Words of a paste's marks along a row: a bit for each pixel, of words that are columns of tiles of 32 pixels. */
CPCDR_SHARED int words_across(const Box& place) {
  return place.empty() ? 0 : (place.right - 1) / 32 - place.left / 32 + 1;
}
CPCDR_SHARED int64_t mark_words(const Box& place) {
  return place.empty() ? 0 : int64_t{place.height()} * words_across(place);
}

/* A paste as the tiles read it. */
struct alignas(16) PlacedPaste {
  int64_t rows, columns; /* alongs[rows + y] and alongs[columns + x] for pixels of its window */
  int64_t marks;         /* marks[marks + y * across + x / 32] for pixels where it may win */
  double nearness;       /* by which its disparities grow */
  MixSource source;
  int32_t across, region, samples;
  float first_shift, shift_step; /* of its samples along each axis, in pixels of the source */
  float weight;                  /* of each sample's channels of 0..255 */
};

/* A mixed image: where pastes may win, what lies behind them, and which they are. */
struct PlannedImage {
  Box reach;
  MixSource behind;
  int32_t first_paste, end_paste;
};

/* Everything in memory of the device. */
struct Composition {
  const MixSource* sources;
  const PlannedPaste* pastes;
  const PlannedImage* images; /* [mixed] */
  int32_t* shown;             /* [pastes] becomes 1 where any pixel wins */
  Along* alongs;              /* of each paste the rows, then the columns of its window */
  PlacedPaste* placed;        /* [pastes] */
  Box* places;                /* [pastes] where each may win, within reach */
  uint32_t* marks;            /* a bit for each pixel of a place that its paste wins, whatever comes after it */
  const float* greys;         /* [pastes, CPCDR_COLOUR_STEPS] */
  int height, width;
  bool depth_test, ground_distance;

  CPCDR_SHARED int64_t pixels() const { return int64_t{height} * width; }
};

/* One view as the host plans it. */
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

/* What a view shows at a row or a column: a linear sample and, one behind its first pixel or not, the nearest. */
struct alignas(8) Seen {
  uint32_t first_and_nearer; /* 2 * first, plus 1 where the second is the nearest */
  float share;

  CPCDR_SHARED static Seen at(double position, int size) {
    const double bounded = position > 0 ? position < size ? position : size : 0;
    const LinearSample sample = linear_sample(Along::at(bounded, size), 0, size);
    const int32_t nearest = nearest_index(position, size);
    return {2 * static_cast<uint32_t>(sample.first) + (nearest != sample.first), sample.share};
  }
  CPCDR_SHARED int32_t first() const { return static_cast<int32_t>(first_and_nearer >> 1); }
  CPCDR_SHARED int32_t nearest() const { return first() + static_cast<int32_t>(first_and_nearer & 1); }
};

/* A block for each paste, then one for each view. */
struct PlaceAll {
  static constexpr int kThreads = 128;
  typedef Nothing Shared;
  typedef Nothing Local;

  Composition all;
  const PlannedView* views;
  Seen* seen; /* [mixed, W + H] columns, then rows */
  int count;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    if (where.block < count) place(where.block, where.thread);
    else look(where.block - count, where.thread);
    return false;
  }

  CPCDR_SHARED void place(int p, int thread) const {
    const PlannedPaste& planned = all.pastes[p];
    const Paste paste = planned.place;
    const Box window = paste.window(all.height, all.width);
    const int rows = window.empty() ? 0 : window.height(), columns = window.empty() ? 0 : window.width();
    for (int k = thread; k < rows + columns; k += kThreads) {
      all.alongs[planned.alongs + k] = k < rows ? Along::at(paste.source_row(window.top + k), all.height)
                                                : Along::at(paste.source_column(window.left + k - rows), all.width);
    }
    if (thread > 0) return;
    const Box place = paste.place().within(all.images[paste.mixed].reach);
    const int across = words_across(place), samples = samples_of(paste.scale);
    all.shown[p] = 0;
    all.places[p] = place;
    all.placed[p] = {planned.alongs - window.top,
                     planned.alongs + rows - window.left,
                     planned.marks - (int64_t{place.top} * across + place.left / 32),
                     all.ground_distance ? paste.scale : 1,
                     all.sources[paste.source],
                     across,
                     paste.region,
                     samples,
                     static_cast<float>(sample_shift(0, samples, paste.scale)),
                     static_cast<float>(1 / (samples * paste.scale)),
                     static_cast<float>(1 / (255.0 * samples * samples))};
  }

  CPCDR_SHARED void look(int m, int thread) const {
    const PlannedView& view = views[m];
    const int64_t first = int64_t{m} * (all.width + all.height);
    for (int k = thread; k < all.width + all.height; k += kThreads) {
      seen[first + k] = k < all.width ? Seen::at(multiply_add(view.scale_x, k, view.shift_x), all.width)
                                      : Seen::at(multiply_add(view.scale_y, k - all.width, view.shift_y), all.height);
    }
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
