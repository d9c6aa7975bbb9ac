/* Colour augmentation of planes in 0..1: lib/mix/colour.ts is the definition. */
#ifndef CPCDR_MIX_COLOUR_H
#define CPCDR_MIX_COLOUR_H

#include <cmath>

#include "planes.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* By how much distances to a grey grow: `share` of them, doubled so often. */
struct Growth {
  int16_t share;
  int doublings;

  Growth() = default;
  explicit Growth(float factor) : doublings(0) {
    /* After 16 every number has come to 0 or 1. */
    constexpr int kMost = 16;
    float by = factor - 1;
    for (; std::fabs(by) > 1 && doublings < kMost; doublings++) by /= 2;
    share = share_of(by);
  }
};

/* Moves every number away from a grey, or towards it, within 0..1. */
inline Colours stretch(const Colours& p, Fixed grey, const Growth& growth) {
  return each_channel(p, [&](Fixed number) {
    Fixed way = times(number - grey, growth.share);
    for (int k = 0; k < growth.doublings; k++) way = plus(way, way);
    return larger_of(Fixed{}, plus(number, way));
  });
}

/*
 * A turn of the hue, in HSV, by a share of the circle. In each sixth of the circle one channel has the value, one is
 * the least, and the third rises from the least to the value or falls back: how far it has got, times the chroma, is
 * a difference of two channels, so that nothing is divided.
 */
class HueTurn {
 public:
  HueTurn() = default;
  explicit HueTurn(float turn) {
    const float forward = 6 * turn - 6 * std::floor(turn);
    /* What is not finite turns nothing. */
    const float sixths = forward >= 0 && forward <= 6 ? forward : 0, whole = std::floor(sixths);
    turns_ = sixths != 0;
    share_ = share_of(sixths - whole);
    for (int c = 0; c < 3; c++) {
      /* Red has the value in sixths 5 and 0, falls in the next one, is the least in two and rises in the last. */
      const auto sixths_from = [=](int first, int count) {
        int16_t set = 0;
        for (int k = 0; k < 7; k++) {
          const int along = (k + static_cast<int>(whole) - 2 * c - first + 12) % 6;
          if (along < count) set = static_cast<int16_t>(set | 1 << k);
        }
        return set;
      };
      has_value_[c] = sixths_from(5, 2);
      falls_[c] = sixths_from(1, 1);
      rises_[c] = sixths_from(4, 1);
    }
  }

  Colours operator()(const Colours& p) const {
    if (!turns_) return p;
    const Fixed value = larger_of(p.red, larger_of(p.green, p.blue));
    const Fixed least = smaller_of(p.red, smaller_of(p.green, p.blue));
    const Fixed third = p.red ^ p.green ^ p.blue ^ value ^ least, chroma = value - least;
    /* Bit k: the hue lies in sixth k. */
    const auto one_of = [](Fixed which, int one, int other) {
      return which ? splat(static_cast<int16_t>(1 << one)) : splat(static_cast<int16_t>(1 << other));
    };
    const Fixed from_red = one_of(least == p.blue, 0, 5), from_green = one_of(least == p.blue, 1, 2);
    const Fixed from_blue = one_of(least == p.red, 3, 4);
    const Fixed before = value == p.red ? from_red : value == p.green ? from_green : from_blue;
    const Fixed way = in(before, 1 << 0 | 1 << 2 | 1 << 4) ? third - least : value - third;
    /* What the turn has beyond whole sixths may lead into the next one, which may be a seventh. */
    const Fixed ahead = way + (times(chroma, share_) - chroma), within = ahead < 0;
    const Fixed sixth = before + (before & ~within), along = ahead + (chroma & within);
    const Fixed rising = least + along, falling = value - along;
    const auto channel = [&](int c) {
      const Fixed moving = in(sixth, falls_[c]) ? falling : in(sixth, rises_[c]) ? rising : least;
      return in(sixth, has_value_[c]) ? value : moving;
    };
    return {channel(0), channel(1), channel(2)};
  }

 private:
  static Fixed in(Fixed sixth, int16_t set) { return (sixth & splat(set)) != 0; }

  bool turns_ = false;
  int16_t share_;                              /* of a sixth, beyond whole ones */
  int16_t has_value_[3], falls_[3], rises_[3]; /* sixths, before whole ones are turned, in which channels do so */
};

/*
 * CPCDR_COLOUR_STEPS pairs of step and amount, applied in order. A contrast step wants the mean grey of all pixels
 * before it: while waits(), changed() goes as far as that step, and meet() tells the mean.
 */
class Recolour {
 public:
  CPCDR_APART explicit Recolour(const double* steps) {
    for (int s = 0; s < CPCDR_COLOUR_STEPS; s++) {
      kinds_[s] = static_cast<int>(steps[2 * s]);
      const float amount = static_cast<float>(steps[2 * s + 1]);
      if (kinds_[s] == CPCDR_HUE) turns_[s] = HueTurn(amount);
      else growths_[s] = Growth(amount);
    }
    end_ = next_contrast(0);
  }

  bool waits() const { return end_ < CPCDR_COLOUR_STEPS; }

  inline __attribute__((always_inline)) Colours changed(Colours colours) const {
    if (contrasts_) colours = stretch(colours, splat(grey_), growths_[begin_ - 1]);
    for (int s = begin_; s < end_; s++) colours = changed(colours, s);
    return colours;
  }

  void meet(double mean_grey) {
    contrasts_ = true;
    grey_ = static_cast<int16_t>(mean_grey * kFixedOne + 0.5);
    begin_ = end_ + 1;
    end_ = next_contrast(begin_);
  }

 private:
  Colours changed(const Colours& colours, int step) const {
    switch (kinds_[step]) {
      case CPCDR_BRIGHTEN:
        return stretch(colours, Fixed{}, growths_[step]);
      case CPCDR_SATURATE:
        return stretch(colours, luma(colours), growths_[step]);
      case CPCDR_HUE:
        return turns_[step](colours);
      default:
        return colours;
    }
  }

  int next_contrast(int from) const {
    while (from < CPCDR_COLOUR_STEPS && kinds_[from] != CPCDR_CONTRAST) from++;
    return from;
  }

  int kinds_[CPCDR_COLOUR_STEPS];
  Growth growths_[CPCDR_COLOUR_STEPS];
  HueTurn turns_[CPCDR_COLOUR_STEPS];
  bool contrasts_ = false; /* whether the step before begin_ is one whose mean is known */
  int16_t grey_ = 0;
  int begin_ = 0, end_ = 0;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
