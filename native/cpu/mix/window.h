/* The colours of a paste over a window of the canvas. */
#ifndef CPCDR_MIX_WINDOW_H
#define CPCDR_MIX_WINDOW_H

#include "../../shared/mix/paste.h"
#include "../../shared/mix/reach.h"
#include "sampled_row.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kMostSamples = static_cast<int>(1 / kSmallestScale);

/* One paste at a time, row by row: rows of the source are mixed, and sampled along their columns. */
class WindowSampler {
 public:
  WindowSampler() = default;
  WindowSampler(Arena& arena, int height, int width, int samples) : height_(height), width_(width) {
    const int64_t row = whole_steps(width) + kSlack;
    mixed_ = arena.array<int16_t>(3 * row);
    line_ = Planes::in(arena, row);
    mean_ = Planes::in(arena, row);
    rows_ = SampledRows(arena, row);
    for (int i = 0; i < samples; i++) taps_[i] = RowTaps(arena, width);
  }

  /* What row() is to answer: columns [left, right) of the canvas. */
  void begin(const Paste& paste, const MixSource& source, int left, int right) {
    paste_ = &paste;
    source_ = &source;
    samples_ = samples_of(paste.scale);
    low_ = width_;
    high_ = 0;
    rows_.forget();
    for (int i = 0; i < samples_; i++) {
      const double shift = sample_shift(i, samples_, paste.scale);
      taps_[i].settle(right - left, width_, [&](int x) { return paste.source_column(left + x) + shift; });
      const auto [low, high] = std::minmax({taps_[i].first[0], taps_[i].first[right - left - 1]});
      low_ = std::min(low_, low);
      high_ = std::max(high_, std::min(width_ - 1, high + 1));
    }
  }

  /* Row y of the canvas: take(colours_at), see keep_row(). */
  template <typename Take>
  void row(int y, const Take& take) {
    const double centre = paste_->source_row(y);
    if (samples_ == 1) {
      Tap pair[2];
      linear_taps(centre, height_, 1, pair);
      return take(MixedRow{sampled(pair[0].index), sampled(pair[1].index), share_of(pair[1].weight)});
    }
    mix_source_rows(centre);
    split_row(mixed_ + 3 * low_, high_ + 1 - low_, line_.at(low_));
    const int16_t share = share_of(1.0f / static_cast<float>(samples_));
    const auto add_share = [=](Fixed sum, Fixed sample) { return plus(sum, times(sample, share)); };
    const auto mean_at = [&](int x) {
      Colours sum{};
      for (int i = 0; i < samples_; i++) sum = each_channel(sum, SampledRow(line_, taps_[i])(x), add_share);
      return sum;
    };
    keep_row(mean_at, taps_[0].count, mean_);
    take(StoredRow{mean_});
  }

 private:
  const uint8_t* source_row(int32_t index) const { return source_->rgb + 3 * (int64_t{index} * width_ + low_); }

  /* A row of the source through the taps. */
  const Planes& sampled(int32_t row) {
    return rows_.at(row, [&](const Planes& to) {
      prefetch_row(source_row(row + kRowsAhead), 3 * (high_ + 1 - low_));
      split_row(source_row(row), high_ + 1 - low_, line_.at(low_));
      keep_row(SampledRow(line_, taps_[0]), taps_[0].count, to);
    });
  }

  /* The mean of rows over a footprint; samples that share a row of the source read it once. */
  void mix_source_rows(double centre) {
    const int values = 3 * (high_ + 1 - low_);
    int16_t* const to = mixed_ + 3 * low_;
    std::fill_n(to, values, int16_t{0});
    Tap waiting{0, 0};
    for (int j = 0; j < samples_; j++) {
      Tap pair[2];
      const double position = centre + sample_shift(j, samples_, paste_->scale);
      linear_taps(position, height_, 1 / static_cast<float>(samples_), pair);
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

  CPCDR_APART void add_row(const Tap& tap, int values, int16_t* to) const {
    const int16_t share = share_of(tap.weight);
    if (share == 0) return;
    each_step<kFixedLanes>(source_row(tap.index), values, [=](const uint8_t* from, int i) {
      store(to + i, plus(load(to + i), times(load_numbers(from), share)));
    });
  }

  const Paste* paste_;
  const MixSource* source_;
  int height_, width_, samples_;
  int32_t low_, high_; /* columns of the source that are read */
  int16_t* mixed_; /* a row, channels side by side */
  Planes line_, mean_;
  SampledRows rows_;
  RowTaps taps_[kMostSamples];
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
