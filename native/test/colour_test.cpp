/* Changes of colours in 16 bits against the same in double, colour by colour. */
#include "../cpu/dispatch.h"
#include "../cpu/mix/colour.h"
#include "check.h"

namespace {

using namespace cpcdr::CPCDR_ISA;

double uniform(double low, double high) { return std::uniform_real_distribution<double>(low, high)(generator()); }

struct Rgb {
  double channels[3];

  double grey() const { return 0.299 * channels[0] + 0.587 * channels[1] + 0.114 * channels[2]; }
};

/* Mostly anywhere in 0..1, often at its ends, or with two channels alike. */
Colours random_colours() {
  Colours p;
  for (int k = 0; k < kFixedLanes; k++) {
    const auto number = [] {
      const int kind = pick(0, 7);
      return static_cast<int16_t>(kind == 0 ? 0 : kind == 1 ? kFixedOne : kind == 2 ? pick(0, 9) : pick(0, kFixedOne));
    };
    p.red[k] = number(), p.green[k] = number(), p.blue[k] = number();
    if (pick(0, 3) == 0) p.green[k] = p.red[k];
    if (pick(0, 3) == 0) p.blue[k] = p.green[k];
  }
  return p;
}

Rgb lane(const Colours& p, int k) { return {{double(p.red[k]), double(p.green[k]), double(p.blue[k])}}; }

/* Every lane of `got` against what `change` makes of it, in 32767ths. */
template <typename Change>
void expect_colours(const char* what, const Colours& from, const Colours& got, double bound, const Change& change) {
  for (int k = 0; k < kFixedLanes; k++) {
    const Rgb before = lane(from, k), after = lane(got, k), expected = change(before);
    for (int c = 0; c < 3; c++) {
      if (std::fabs(after.channels[c] - expected.channels[c]) <= bound) continue;
      std::printf("FAILED %s: %g %g %g became %g in channel %d, expected %g\n", what, before.channels[0],
                  before.channels[1], before.channels[2], after.channels[c], c, expected.channels[c]);
      std::exit(1);
    }
  }
}

Rgb stretched(const Rgb& from, double grey, double factor) {
  Rgb to;
  for (int c = 0; c < 3; c++) {
    to.channels[c] = std::min(32767.0, std::max(0.0, grey + (from.channels[c] - grey) * factor));
  }
  return to;
}

Rgb turned(const Rgb& from, double turn) {
  const double r = from.channels[0], g = from.channels[1], b = from.channels[2];
  const double value = std::max(r, std::max(g, b)), chroma = value - std::min(r, std::min(g, b));
  if (chroma == 0) return from;
  const double hue = value == r ? (g - b) / chroma : value == g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
  Rgb to;
  for (int c = 0; c < 3; c++) {
    const double at = 5 - 2 * c + hue + 6 * turn, k = at - 6 * std::floor(at / 6);
    to.channels[c] = value - chroma * std::max(0.0, std::min(std::min(k, 4 - k), 1.0));
  }
  return to;
}

void check_stretches() {
  const Colours from = random_colours();
  const double factor = pick(0, 3) ? uniform(0, 2) : uniform(-1, 40), by = std::fabs(factor - 1);
  /* A share is rounded, and what it is multiplied with; both grow with the factor, and so does the error of a grey. */
  const double bound = 1 + 2 * std::max(1.0, by), grey_bound = bound + 2 * by;
  const Growth growth{static_cast<float>(factor)};
  expect_colours("brightness", from, stretch(from, Fixed{}, growth), bound,
                 [=](const Rgb& rgb) { return stretched(rgb, 0, factor); });
  const int16_t grey = static_cast<int16_t>(pick(0, kFixedOne));
  expect_colours("contrast", from, stretch(from, splat(grey), growth), bound,
                 [=](const Rgb& rgb) { return stretched(rgb, grey, factor); });
  expect_colours("saturation", from, stretch(from, luma(from), growth), grey_bound,
                 [=](const Rgb& rgb) { return stretched(rgb, rgb.grey(), factor); });
}

void check_turn() {
  const Colours from = random_colours();
  const double turn = pick(0, 9) ? uniform(-2, 2) : pick(-12, 12) / 6.0;
  /* Half of what is turned beyond whole sixths, and half of the share that it comes from. */
  constexpr double kBound = 1.1;
  expect_colours("hue", from, HueTurn(static_cast<float>(turn))(from), kBound,
                 [=](const Rgb& rgb) { return turned(rgb, static_cast<double>(static_cast<float>(turn))); });
}

void check_arithmetic() {
  for (int k = 0; k < 100; k++) {
    Fixed a, b;
    for (int i = 0; i < kFixedLanes; i++) {
      a[i] = static_cast<int16_t>(pick(-32768, 32767));
      b[i] = static_cast<int16_t>(pick(-32767, 32767));
    }
    const Fixed product = times(a, b), sum = plus(a, b);
    for (int i = 0; i < kFixedLanes; i++) {
      expect_status("product", product[i], static_cast<int>(std::floor(a[i] * double(b[i]) / 32768 + 0.5)));
      expect_status("sum", sum[i], std::max(-32768, std::min(32767, a[i] + b[i])));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = 100 * (argc > 1 ? std::atoi(argv[1]) : 300);
  check_arithmetic();
  for (int i = 0; i < cases; i++) {
    check_stretches();
    check_turn();
  }
  std::printf("ok: %d random changes of %d colours\n", 4 * cases, kFixedLanes);
}
