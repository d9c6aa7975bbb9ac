/* What a view shows of a canvas: enlarged, recoloured, blurred, normalised (lib/mix/view.ts). */
#ifndef CPCDR_MIX_VIEW_H
#define CPCDR_MIX_VIEW_H

#include "canvas.h"
#include "../math.h"
#include "../stream.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* ImageNet's mean and deviation of red, green and blue in 0..1. */
constexpr float kMean[] = {0.485f, 0.456f, 0.406f}, kDeviation[] = {0.229f, 0.224f, 0.225f};

/* Takes finished rows from the top down, blurs them where that is asked, and writes them normalised. */
class RowWriter {
 public:
  /* Of views of so many rows and columns; past the caches where it `streams`. */
  RowWriter(Arena& arena, int height, int width, bool streams)
      : height_(height), width_(width), streams_(streams), line_(arena.array<float>(3 * whole_steps(width))) {
    const int64_t row = whole_steps(width) + kStep;
    padded_ = Planes::in(arena, row);
    for (Planes& slot : ring_) slot = Planes::in(arena, row);
  }

  /* A view that is blurred by a deviation, 0 for none. */
  void begin(float deviation, float* images) {
    images_ = images;
    blurs_ = deviation > 0;
    if (!blurs_) return;
    float taps[2 * kReach + 1], sum = 0;
    for (int k = -kReach; k <= kReach; k++) {
      const float distance = static_cast<float>(k);
      sum += taps[k + kReach] = fast_exp(-distance * distance / (2 * deviation * deviation));
    }
    for (int k = 0; k <= 2 * kReach; k++) taps_[k] = share_of(taps[k] / sum);
  }

  /* Row y of the view; colours_at as keep_row() has it. */
  template <typename ColoursAt>
  void put(int y, const ColoursAt& colours_at) {
    if (!blurs_) return write(y, colours_at);
    const Planes& to = ring_[y % kRing];
    keep_row(colours_at, width_, padded_.at(kReach));
    blur_row(padded_.red, to.red);
    blur_row(padded_.green, to.green);
    blur_row(padded_.blue, to.blue);
    if (y >= kReach) write_blurred(y - kReach);
    if (y < height_ - 1) return;
    for (int last = std::max(0, height_ - kReach); last < height_; last++) write_blurred(last);
  }

 private:
  static constexpr int kReach = 2, kRing = 8;

  /* The sum of five numbers times the taps; the k-th is number_at(k). */
  template <typename NumberAt>
  Fixed blurred(const NumberAt& number_at) const {
    Fixed sum = times(number_at(0), taps_[0]);
    for (int k = 1; k <= 2 * kReach; k++) sum = plus(sum, times(number_at(k), taps_[k]));
    return sum;
  }

  /* Along a row that begins at padded[kReach], whose ends go on. */
  CPCDR_APART void blur_row(int16_t* padded, int16_t* to) const {
    for (int k = 0; k < kReach; k++) {
      padded[k] = padded[kReach];
      padded[width_ + kReach + k] = padded[width_ + kReach - 1];
    }
    for (int x = 0; x < width_; x += kFixedLanes) {
      store(to + x, blurred([&](int k) { return load(padded + x + k); }));
    }
  }

  void write_blurred(int y) const {
    Planes rows[2 * kReach + 1];
    for (int k = 0; k <= 2 * kReach; k++) rows[k] = ring_[std::min(height_ - 1, std::max(0, y + k - kReach)) % kRing];
    write(y, [&](int x) -> Colours {
      return {blurred([&](int k) { return load(rows[k].red + x); }),
              blurred([&](int k) { return load(rows[k].green + x); }),
              blurred([&](int k) { return load(rows[k].blue + x); })};
    });
  }

  /* Normalised, with the channels of a pixel side by side. */
  template <typename ColoursAt>
  CPCDR_APART void write(int y, const ColoursAt& colours_at) const {
    float* const place = images_ + 3 * int64_t{y} * width_;
    float* const out = streams_ ? line_ : place;
    const int whole = width_ / kFixedLanes * kFixedLanes;
    for (int x = 0; x < whole; x += kFixedLanes) write_pixels(colours_at(x), out + 3 * x);
    if (whole < width_) {
      float last[3 * kFixedLanes];
      write_pixels(colours_at(whole), last);
      std::copy_n(last, 3 * (width_ - whole), out + 3 * whole);
    }
    if (streams_) stream(out, 3 * int64_t{width_}, place);
  }

  static void write_pixels(const Colours& colours, float* to) {
    write_half<0>(colours, to);
    write_half<1>(colours, to + 3 * kLanes);
  }

  template <int half>
  static void write_half(const Colours& p, float* to) {
    const auto normalised = [](Fixed channel, int c) {
      return floats_of<half>(channel) * (1 / (kDeviation[c] * kFixedOne)) - kMean[c] / kDeviation[c];
    };
    store_interleaved(normalised(p.red, 0), normalised(p.green, 1), normalised(p.blue, 2), to);
  }

  int height_, width_;
  bool streams_;
  float* images_;
  bool blurs_;
  int16_t taps_[2 * kReach + 1];
  float* line_;
  Planes padded_, ring_[kRing];
};

/* What one image shows, CPCDR_VIEW_FIELDS doubles; its memory serves one after the other. */
class View {
 public:
  /* What it shows is written past the caches where it `streams`. */
  View(Arena& arena, int height, int width, bool streams)
      : height_(height), width_(width), streams_(streams), taps_(arena, width), nearest_(arena, width, width),
        writer_(arena, height, width, streams), rows_(arena, whole_steps(width)) {
    line_ = {arena.array<int32_t>(width), arena.array<int32_t>(width)};
  }

  void begin(const double* fields) {
    fields_ = fields;
    taps_.settle(width_, width_, [&](int x) { return position(1, x); });
    nearest_.settle(0, width_, [&](int x) { return nearest_index(position(1, x), width_); });
  }

  void show_colours(const Canvas& canvas, float* images) {
    Recolour look(fields_ + 6);
    writer_.begin(static_cast<float>(fields_[5]), images);
    const auto kept = [&](int y) { return canvas.scratch().at(int64_t{y} * taps_.count); };
    double sum = 0;
    /* A row as it goes on: to where it waits for the mean grey of all, or to the end. */
    const auto pass_on = [&](int y, const auto& colours_at) {
      const auto changed = [&](int x) { return look.changed(colours_at(x)); };
      if (look.waits()) sum += keep_and_sum_row(changed, width_, kept(y));
      else writer_.put(y, changed);
    };
    rows_.forget();
    for (int y = 0; y < height_; y++) {
      Tap pair[2];
      linear_taps(position(3, y), height_, 1, pair);
      pass_on(y, MixedRow{sampled(canvas, pair[0].index), sampled(canvas, pair[1].index), share_of(pair[1].weight)});
    }
    while (look.waits()) {
      look.meet(sum / (static_cast<double>(width_) * height_));
      sum = 0;
      for (int y = 0; y < height_; y++) pass_on(y, StoredRow{kept(y)});
    }
    if (streams_) stream_end();
  }

  /* `first` is added to the numbers of copies. */
  void show_ids(const Canvas& canvas, int32_t first, const Ids& ids) {
    for (int y = 0; y < height_; y++) {
      const Ids place = ids.at(int64_t{y} * width_);
      canvas.prefetch_ids(nearest_index(position(3, y + kRowsAhead), height_));
      canvas.ids(nearest_index(position(3, y), height_)).take(nearest_, first, streams_ ? line_ : place);
      if (!streams_) continue;
      stream(line_.copies, width_, place.copies);
      stream(line_.regions, width_, place.regions);
    }
    if (streams_) stream_end();
  }

 private:
  double position(int field, int at) const { return multiply_add(fields_[field], at, fields_[field + 1]); }

  /* A row of the canvas through the taps. */
  const Planes& sampled(const Canvas& canvas, int32_t row) {
    return rows_.at(row, [&](const Planes& to) {
      keep_row(SampledRow(canvas.colours().at(row * canvas.stride()), taps_), width_, to);
    });
  }

  int height_, width_;
  bool streams_;
  const double* fields_;
  RowTaps taps_;
  Columns nearest_;
  RowWriter writer_;
  SampledRows rows_;
  Ids line_; /* [W] */
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
