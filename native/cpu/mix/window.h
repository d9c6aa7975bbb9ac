/* The colours of a paste over a window of the canvas. */
#ifndef CPCDR_MIX_WINDOW_H
#define CPCDR_MIX_WINDOW_H

#include "../../shared/mix/paste.h"
#include "../../shared/mix/reach.h"
#include "planes.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kMostSamples = static_cast<int>(1 / kSmallestScale);

/* One paste at a time, row by row: rows of the source are mixed, and sampled along their columns. */
class WindowSampler {
 public:
  static int64_t floats(int width, int samples) { return 12 * row_floats(width) + samples * RowTaps::floats(width); }

  void place(float* memory, int height, int width) {
    height_ = height;
    width_ = width;
    const int64_t row = row_floats(width);
    mixed_ = memory;
    line_ = Planes::in(mixed_ + 3 * row, row);
    kept_[0] = Planes::in(mixed_ + 6 * row, row);
    kept_[1] = Planes::in(mixed_ + 9 * row, row);
    taps_memory_ = mixed_ + 12 * row;
  }

  /* What row() is to answer: columns [left, right) of the canvas. */
  void begin(const Paste& paste, const MixSource& source, int left, int right) {
    paste_ = &paste;
    source_ = &source;
    samples_ = samples_of(paste.scale);
    low_ = width_;
    high_ = 0;
    kept_rows_[0] = kept_rows_[1] = -1;
    const int count = right - left;
    for (int i = 0; i < samples_; i++) {
      taps_[i].place(taps_memory_ + i * RowTaps::floats(count), count);
      const double shift = sample_shift(i, samples_, paste.scale);
      for (int x = 0; x < count; x++) {
        Tap pair[2];
        linear_taps(paste.source_column(left + x) + shift, width_, 1.0f / static_cast<float>(samples_), pair);
        low_ = std::min(low_, pair[0].index);
        high_ = std::max(high_, pair[1].index);
        taps_[i].set(x, pair);
      }
      taps_[i].settle(count);
    }
  }

  /* Row y of the canvas: take(colours_at), see keep_row(). */
  template <typename Take>
  void row(int y, const Take& take) {
    const double centre = paste_->source_row(y);
    if (samples_ == 1) {
      Tap pair[2];
      linear_taps(centre, height_, 1 / 255.0f, pair);
      return take(MixedRow{kept(pair[0].index), kept(pair[1].index), pair[0].weight, pair[1].weight});
    }
    mix_source_rows(centre);
    split_row(mixed_ + 3 * low_, high_ + 1 - low_, 1.0f, line_.at(low_));
    sample_planes<false>(line_, taps_[0], kept_[0]);
    for (int i = 1; i < samples_; i++) sample_planes<true>(line_, taps_[i], kept_[0]);
    take(StoredRow{kept_[0]});
  }

 private:
  static int64_t row_floats(int width) { return whole_steps(width) + kSlack; }

  const uint8_t* source_row(int32_t index) const {
    return source_->rgb + 3 * (int64_t{index} * width_ + low_);
  }

  /* A row of the source through the taps; neighbouring rows do not displace each other. */
  const Planes& kept(int32_t row) {
    const Planes& planes = kept_[row & 1];
    if (kept_rows_[row & 1] == row) return planes;
    kept_rows_[row & 1] = row;
    split_row(source_row(row), high_ + 1 - low_, 1.0f, line_.at(low_));
    sample_planes<false>(line_, taps_[0], planes);
    return planes;
  }

  /* The mean of rows over a footprint; samples that share a row of the source read it once. */
  void mix_source_rows(double centre) {
    const int values = 3 * (high_ + 1 - low_);
    float* const to = mixed_ + 3 * low_;
    std::fill_n(to, values, 0.0f);
    Tap waiting{0, 0};
    for (int j = 0; j < samples_; j++) {
      Tap pair[2];
      const double position = centre + sample_shift(j, samples_, paste_->scale);
      linear_taps(position, height_, 1 / (255.0f * static_cast<float>(samples_)), pair);
      for (const Tap& tap : pair) {
        if (tap.index == waiting.index) {
          waiting.weight += tap.weight;
          continue;
        }
        add_row(waiting, values, to);
        waiting = tap;
      }
    }
    add_row(waiting, values, to);
  }

  void add_row(const Tap& tap, int values, float* __restrict to) const {
    if (tap.weight == 0) return;
    const uint8_t* const from = source_row(tap.index);
    for (int i = 0; i < values; i++) to[i] += tap.weight * static_cast<float>(from[i]);
  }

  const Paste* paste_;
  const MixSource* source_;
  int height_, width_, samples_;
  int32_t low_, high_; /* columns of the source that are read */
  int32_t kept_rows_[2];
  float *mixed_, *taps_memory_;
  Planes line_, kept_[2];
  RowTaps taps_[kMostSamples];
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
