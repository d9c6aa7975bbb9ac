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
  static constexpr int kReach = 2, kRing = 8;

  static int64_t floats(int width) { return (kRing + 2) * 3 * row_floats(width); }

  RowWriter(float* memory, int height, int width, float deviation, float* images, bool streams)
      : memory_(memory), height_(height), width_(width), images_(images), streams_(streams), blurs_(deviation > 0) {
    if (!blurs_) return;
    float sum = 0;
    for (int k = -kReach; k <= kReach; k++) {
      const float distance = static_cast<float>(k);
      sum += taps_[k + kReach] = fast_exp(-distance * distance / (2 * deviation * deviation));
    }
    for (float& tap : taps_) tap /= sum;
  }

  /* Row y of the view; colours_at as keep_row() has it. */
  template <typename ColoursAt>
  void put(int y, const ColoursAt& colours_at) {
    if (!blurs_) return write(y, colours_at);
    const Planes padded = ring(kRing), to = ring(y % kRing);
    keep_row(colours_at, width_, padded.at(kReach));
    blur_row(padded.red, to.red);
    blur_row(padded.green, to.green);
    blur_row(padded.blue, to.blue);
    if (y >= kReach) write_blurred(y - kReach);
    if (y < height_ - 1) return;
    for (int last = std::max(0, height_ - kReach); last < height_; last++) write_blurred(last);
  }

 private:
  static int64_t row_floats(int width) { return whole_steps(width) + kStep; }
  Planes ring(int slot) const {
    const int64_t row = row_floats(width_);
    return Planes::in(memory_ + slot * 3 * row, row);
  }

  /* Along a row that begins at padded[kReach], whose ends go on. */
  CPCDR_APART void blur_row(float* __restrict padded, float* __restrict to) const {
    for (int k = 0; k < kReach; k++) {
      padded[k] = padded[kReach];
      padded[width_ + kReach + k] = padded[width_ + kReach - 1];
    }
    for (int x = 0; x < width_; x++) {
      to[x] = taps_[0] * padded[x] + taps_[1] * padded[x + 1] + taps_[2] * padded[x + 2] + taps_[3] * padded[x + 3] +
              taps_[4] * padded[x + 4];
    }
  }

  void write_blurred(int y) const {
    Planes rows[2 * kReach + 1];
    for (int k = -kReach; k <= kReach; k++) rows[k + kReach] = ring(std::min(height_ - 1, std::max(0, y + k)) % kRing);
    write(y, [&](int x) {
      Colours sum{};
      for (int k = 0; k <= 2 * kReach; k++) {
        const Colours row = load(rows[k], x);
        sum = {sum.red + taps_[k] * row.red, sum.green + taps_[k] * row.green, sum.blue + taps_[k] * row.blue};
      }
      return sum;
    });
  }

  /* Normalised, with the channels of a pixel side by side. */
  template <typename ColoursAt>
  CPCDR_APART void write(int y, const ColoursAt& colours_at) const {
    float* const place = images_ + 3 * int64_t{y} * width_;
    float* const out = streams_ ? ring(kRing + 1).red : place;
    const int whole = width_ / kLanes * kLanes;
    for (int x = 0; x < whole; x += kLanes) store_pixels(normalised(colours_at(x)), out + 3 * x);
    if (whole < width_) {
      float last[3 * kLanes];
      store_pixels(normalised(colours_at(whole)), last);
      std::copy_n(last, 3 * (width_ - whole), out + 3 * whole);
    }
    if (streams_) stream(out, 3 * int64_t{width_}, place);
  }

  static Colours normalised(const Colours& p) {
    return {p.red * (1 / kDeviation[0]) - kMean[0] / kDeviation[0],
            p.green * (1 / kDeviation[1]) - kMean[1] / kDeviation[1],
            p.blue * (1 / kDeviation[2]) - kMean[2] / kDeviation[2]};
  }

  float* memory_;
  int height_, width_;
  float* images_;
  bool streams_, blurs_;
  float taps_[5];
};

/* One image's view, CPCDR_VIEW_FIELDS doubles. */
class View {
 public:
  static int64_t floats(int width) {
    return RowTaps::floats(width) + 3 * whole_steps(width) + 6 * (whole_steps(width) + kSlack) +
           RowWriter::floats(width);
  }

  /* What it shows is written past the caches where it `streams`. */
  View(const double* fields, float* memory, int height, int width, bool streams)
      : fields_(fields), height_(height), width_(width), streams_(streams) {
    taps_.place(memory, width);
    memory += RowTaps::floats(width);
    nearest_ = reinterpret_cast<int32_t*>(memory);
    line_ = {nearest_ + whole_steps(width), nearest_ + 2 * whole_steps(width)};
    memory += 3 * whole_steps(width);
    const int64_t row = whole_steps(width) + kSlack;
    kept_[0] = Planes::in(memory, row);
    kept_[1] = Planes::in(memory + 3 * row, row);
    memory += 6 * row;
    rest_ = memory;
    for (int x = 0; x < width; x++) {
      Tap pair[2];
      linear_taps(position(1, x), width, 1, pair);
      taps_.set(x, pair);
      nearest_[x] = nearest_index(position(1, x), width);
    }
    taps_.settle(width);
    for (int x = 0; x < width; x++) nearest_[x] = taps_.relative(x, nearest_[x]);
  }

  /* `first` is added to the numbers of copies. */
  void render(const Canvas& canvas, int32_t first, float* images, const Ids& ids) {
    Recolour look(fields_ + 6);
    RowWriter writer(rest_, height_, width_, static_cast<float>(fields_[5]), images, streams_);
    const auto kept = [&](int y) { return canvas.scratch().at(int64_t{y} * taps_.count); };
    double sum = 0;
    /* A row as it goes on: to where it waits for the mean grey of all, or to the end. */
    const auto pass_on = [&](int y, const auto& colours_at) {
      const auto changed = [&](int x) { return look.changed(colours_at(x)); };
      if (look.waits()) sum += keep_and_sum_row(changed, width_, kept(y));
      else writer.put(y, changed);
    };
    kept_rows_[0] = kept_rows_[1] = -1;
    for (int y = 0; y < height_; y++) {
      const RowOfView from = row_of(y);
      write_ids(canvas.ids().at(from.nearest * canvas.stride()), first, ids.at(int64_t{y} * width_));
      pass_on(y, MixedRow{sampled(canvas, from.pair[0].index), sampled(canvas, from.pair[1].index),
                          from.pair[0].weight, from.pair[1].weight});
    }
    while (look.waits()) {
      look.meet(sum / (static_cast<double>(width_) * height_));
      sum = 0;
      for (int y = 0; y < height_; y++) pass_on(y, StoredRow{kept(y)});
    }
    if (streams_) stream_end();
  }

 private:
  struct RowOfView {
    Tap pair[2];
    int32_t nearest;
  };

  double position(int field, int at) const { return multiply_add(fields_[field], at, fields_[field + 1]); }

  RowOfView row_of(int y) const {
    RowOfView row;
    linear_taps(position(3, y), height_, 1, row.pair);
    row.nearest = nearest_index(position(3, y), height_);
    return row;
  }

  void write_ids(const Ids& row, int32_t first, const Ids& place) const {
    take_ids(row, taps_, nearest_, width_, first, streams_ ? line_ : place);
    if (!streams_) return;
    stream(line_.copies, width_, place.copies);
    stream(line_.regions, width_, place.regions);
  }

  /* A row of the canvas through the taps; neighbouring rows do not displace each other. */
  const Planes& sampled(const Canvas& canvas, int32_t row) {
    const Planes& planes = kept_[row & 1];
    if (kept_rows_[row & 1] == row) return planes;
    kept_rows_[row & 1] = row;
    sample_planes<false>(canvas.colours().at(row * canvas.stride()), taps_, planes);
    return planes;
  }

  const double* fields_;
  int height_, width_;
  bool streams_;
  RowTaps taps_;
  int32_t* nearest_; /* [W] as taps_.relative() gives it */
  Ids line_;         /* [W] */
  Planes kept_[2];
  int32_t kept_rows_[2];
  float* rest_;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
