/* The CUDA library's compositing, run by the emulator, against the CPU library: ids exactly, colours closely. */
#include "emulator.h"

#include "../include/cpcdr.h"
#include "../shared/mix/composite_call.h"

namespace {

using namespace cpcdr::shared;
using Ids = std::vector<int32_t>;

double uniform(double low, double high) { return std::uniform_real_distribution<double>(low, high)(generator()); }

/* A random plan over random sources. */
struct Plan {
  /* Now and then so wide that the greys of one item are more jobs than a block has threads. */
  int count = pick(1, 3), h = pick(1, 50), w = pick(0, 15) ? pick(1, 90) : pick(400, 700), mixed = pick(0, 3);
  int total = 0;
  std::vector<std::vector<uint8_t>> colours;
  std::vector<Floats> disparities;
  std::vector<Ids> ids;
  std::vector<const void*> sources;
  Ids offsets;
  std::vector<double> pastes, views;

  Plan() {
    const size_t pixels = static_cast<size_t>(h * w);
    for (int s = 0; s < count; s++) {
      colours.emplace_back(3 * pixels);
      for (uint8_t& value : colours.back()) value = static_cast<uint8_t>(pick(0, 255));
      disparities.push_back(random_floats(h * w));
      ids.emplace_back(pixels);
      for (int32_t& id : ids.back()) id = pick(0, 2);
      offsets.push_back(100 * s);
    }
    for (size_t s = 0; s < ids.size(); s++) {
      sources.insert(sources.end(), {colours[s].data(), disparities[s].data(), ids[s].data()});
    }
    for (int m = 0; m < mixed; m++) add_image(m);
  }

  void add_image(int m) {
    const double flip = pick(0, 1) ? -1 : 1;
    const double view[] = {double(pick(0, count - 1)), flip * uniform(0.4, 1), uniform(-3, w), uniform(0.4, 1),
                           uniform(-3, h), pick(0, 1) ? uniform(0.1, 2) : 0};
    views.insert(views.end(), view, view + 6);
    add_colours(&views);
    /* Now and then more than the 256 that a block finds at a time. */
    const int pastes_here = pick(0, 8) ? pick(0, 6) : pick(250, 300);
    for (int p = 0; p < pastes_here; p++, total++) {
      const int top = pick(0, h - 1), left = pick(0, w - 1), bottom = pick(top + 1, h), right = pick(left + 1, w);
      const double scale = pick(0, 1) ? uniform(0.1, 1) : uniform(1, 2);
      const double paste[] = {double(m), double(pick(0, count - 1)), double(pick(-1, 2)), double(top), double(left),
                              double(bottom), double(right), double(pick(-h, h)), double(pick(-w, w)),
                              double(pick(1, h)), double(pick(1, w)), scale, double(pick(0, 1))};
      pastes.insert(pastes.end(), paste, paste + 13);
      add_colours(&pastes);
    }
  }

  static void add_colours(std::vector<double>* fields) {
    for (int s = 0; s < CPCDR_COLOUR_STEPS; s++) {
      const int kind = pick(0, 4);
      fields->push_back(kind);
      fields->push_back(kind == CPCDR_HUE ? uniform(-0.5, 0.5) : uniform(0, 2));
    }
  }
};

struct Result {
  Floats images;
  Ids copies, regions, shown;
  explicit Result(const Plan& plan)
      : images(static_cast<size_t>(3 * plan.mixed * plan.h * plan.w) + 1, -7),
        copies(static_cast<size_t>(plan.mixed * plan.h * plan.w) + 1, -7), regions(copies),
        shown(static_cast<size_t>(plan.total) + 1, -7) {}
};

void expect_ids(const char* what, const Plan& plan, const Ids& got, const Ids& expected) {
  for (size_t i = 0; i < expected.size(); i++) {
    if (got[i] == expected[i]) continue;
    std::printf("FAILED composite %d x %d x %d, %d pastes, %s: expected %d at %zu, got %d\n", plan.mixed, plan.h,
                plan.w, plan.total, what, expected[i], i, got[i]);
    std::exit(1);
  }
}

void check_composite() {
  Plan plan;
  plan.pastes.reserve(1), plan.views.reserve(1);
  const int32_t sizes[] = {plan.count, plan.h, plan.w, plan.mixed, plan.total, pick(0, 3) > 0, pick(0, 1)};
  Result ours(plan), expected(plan);
  Emulator device;
  expect_status("composite", composite_on(device, {plan.sources.data(), plan.offsets.data(), plan.pastes.data(),
                                                   plan.views.data(), ours.images.data(), ours.copies.data(),
                                                   ours.regions.data(), ours.shown.data(), sizes}), 0);
  expect_status("cpu composite", cpcdr_composite(plan.sources.data(), plan.offsets.data(), plan.pastes.data(),
                                                 plan.views.data(), expected.images.data(), expected.copies.data(),
                                                 expected.regions.data(), expected.shown.data(), sizes), 0);
  expect_ids("shown", plan, ours.shown, expected.shown);
  expect_ids("copy ids", plan, ours.copies, expected.copies);
  expect_ids("region ids", plan, ours.regions, expected.regions);
  /* A quarter of a step of 8 bits, in units of the smallest deviation that colours are divided by. */
  expect_close("colours", ours.images, {expected.images.begin(), expected.images.end()}, 0.25 / 255 / 0.224);
}

/* Positions of tables against those that the CPU library samples by. */
void check_positions() {
  const int size = pick(1, 50);
  const double position = pick(0, 3) ? uniform(-4, size + 4) : pick(-8, 2 * size + 8) / 2.0;
  const auto expect = [&](bool right, const char* what) {
    if (right) return;
    std::printf("FAILED composite position %.17g of %d: %s\n", position, size, what);
    std::exit(1);
  };
  const auto value = [](double at) { return 3 * at; };
  const auto between = [&](int first, int second, double share) {
    return value(first) + share * (value(second) - value(first));
  };
  const auto mean = [&](const Tap* taps) {
    return taps[0].weight * value(taps[0].index) + taps[1].weight * value(taps[1].index);
  };
  Tap taps[2];
  linear_taps(position, size, 1, taps);
  const Seen seen = Seen::at(position, size);
  expect(seen.nearest() == nearest_index(position, size), "the nearest pixel of a view");
  expect(std::fabs(between(seen.first(), seen.first() + 1, seen.share) - mean(taps)) < 1e-4, "the sample of a view");
  expect(seen.first() + 1 < size || seen.share == 0, "a share of what is behind the last pixel");
  const Along along = Along::at(position, size);
  const float shift = static_cast<float>(uniform(-3, 3));
  const LinearSample sample = linear_sample(along, shift, size);
  linear_taps(position + shift, size, 1, taps);
  expect(along.nearest == nearest_index(position, size), "the nearest pixel of a paste");
  expect(std::fabs(between(sample.first, sample.first + 1, sample.share) - mean(taps)) < 1e-4, "the sample of a paste");
}

/* Four pixels of a canvas, kept and mixed. */
void check_canvas_colours() {
  float corners[4][3], mixed[3];
  CanvasColour canvas[4];
  for (int k = 0; k < 4; k++) {
    for (float& channel : corners[k]) {
      channel = pick(0, 4) ? static_cast<float>(uniform(0, 1)) : pick(0, 1) * 1.0000001f;
    }
    canvas[k] = canvas_colour(corners[k]);
  }
  const float right = static_cast<float>(uniform(0, 1)), below = static_cast<float>(uniform(0, 1));
  mix_canvas(canvas, 2, right, below, mixed);
  for (int c = 0; c < 3; c++) {
    const float top = corners[0][c] + right * (corners[1][c] - corners[0][c]);
    const float bottom = corners[2][c] + right * (corners[3][c] - corners[2][c]);
    if (std::fabs(mixed[c] - (top + below * (bottom - top))) <= 0.51 / 65535) continue;
    std::printf("FAILED composite: a canvas's channel is %g, not %g\n", mixed[c], top + below * (bottom - top));
    std::exit(1);
  }
}

/* Parts of a parcel keep what they hold while others are added, and arrive where they are said to. */
void check_parcel() {
  HostParcel parcel;
  std::vector<HostParcel::Part<int32_t>> parts;
  std::vector<Ids> held;
  for (int k = 0; k < pick(1, 12); k++) {
    held.emplace_back(static_cast<size_t>(pick(1, 100)));
    for (int32_t& value : held.back()) value = pick(-9, 9);
    parts.push_back(parcel.add<int32_t>(static_cast<int64_t>(held.back().size())));
    std::copy(held.back().begin(), held.back().end(), parcel.at(parts.back()));
  }
  Emulator device;
  bool right = parcel.send(device);
  for (size_t k = 0; k < held.size() && right; k++) {
    right = std::equal(held[k].begin(), held[k].end(), parcel.sent(parts[k]));
  }
  if (right) return;
  std::printf("FAILED composite: a parcel does not arrive\n");
  std::exit(1);
}

/* Items whose pixels are spelled out. */
struct SpelledItems {
  static constexpr int kAtOnce = 2;
  struct Item {
    const float* colours;
    void colour(int pixel, float* rgb) const { std::copy_n(colours + 3 * pixel, 3, rgb); }
  };
  const float* const* colours;
  const int32_t* counts;
  const ColourSteps* planned;
  const bool* wants;

  const ColourSteps& steps(int item) const { return planned[item]; }
  bool wanted(int item) const { return wants[item]; }
  int pixels(int item) const { return counts[item]; }
  Item of(int item) const { return {colours[item]}; }
};

/* Mean greys of rounds against those of one item after the other. */
void check_means() {
  const int count = pick(1, 4);
  std::vector<Floats> colours;
  std::vector<const float*> starts;
  std::vector<ColourSteps> steps;
  Ids counts, samples;
  std::unique_ptr<bool[]> wants(new bool[static_cast<size_t>(count)]);
  for (int i = 0; i < count; i++) {
    counts.push_back(pick(0, 3) ? pick(1, 5000) : pick(0, 1) * pick(9000, 30000));
    samples.push_back(pick(1, 3) * pick(1, 8));
    colours.emplace_back(static_cast<size_t>(3 * counts.back()) + 1);
    for (float& value : colours.back()) value = static_cast<float>(uniform(0, 1));
    std::vector<double> fields;
    Plan::add_colours(&fields);
    steps.push_back(ColourSteps::from(fields.data()));
    wants[static_cast<size_t>(i)] = pick(0, 5) > 0;
  }
  for (const Floats& values : colours) starts.push_back(values.data());
  Emulator device;
  HostParcel parcel;
  GreyRounds rounds;
  rounds.plan(parcel, count, [&](int i) -> GreyItem {
    return {steps[static_cast<size_t>(i)], counts[static_cast<size_t>(i)], samples[static_cast<size_t>(i)]};
  });
  Floats greys(static_cast<size_t>(CPCDR_COLOUR_STEPS * count), -7);
  const SpelledItems items{starts.data(), counts.data(), steps.data(), wants.get()};
  if (!parcel.send(device) || !rounds.run(device, parcel, items, greys.data())) expect_status("means", 1, 0);
  Floats got;
  std::vector<double> expected;
  for (size_t i = 0; i < steps.size(); i++) {
    float known[CPCDR_COLOUR_STEPS] = {};
    for (int s = 0; s < CPCDR_COLOUR_STEPS; s++) {
      if (steps[i].kind(s) != CPCDR_CONTRAST || counts[i] == 0) continue;
      double sum = 0;
      for (int p = 0; p < counts[i] && wants[i]; p++) {
        float rgb[1][3];
        std::copy_n(starts[i] + 3 * p, 3, *rgb);
        change_pixels(rgb, HeldSteps(steps[i], known), s);
        sum += static_cast<double>(grey_of(*rgb));
      }
      known[s] = static_cast<float>(sum / counts[i]);
      got.push_back(greys[i * CPCDR_COLOUR_STEPS + static_cast<size_t>(s)]);
      expected.push_back(static_cast<double>(known[s]));
    }
  }
  expect_close("mean greys", got, expected, 1e-6);
}

void check_refusals() {
  Plan plan;
  if (plan.mixed == 0 || plan.total == 0) return;
  Result ours(plan);
  Emulator device;
  const int32_t sizes[] = {plan.count, plan.h, plan.w, plan.mixed, plan.total, 1, 1};
  const auto compose = [&] {
    return composite_on(device, {plan.sources.data(), plan.offsets.data(), plan.pastes.data(), plan.views.data(),
                                 ours.images.data(), ours.copies.data(), ours.regions.data(), ours.shown.data(), sizes});
  };
  const size_t at = static_cast<size_t>(pick(0, plan.total - 1) * CPCDR_PASTE_FIELDS);
  const int field = pick(0, 3);
  const double wrong[] = {double(plan.mixed), double(plan.count), -1, 0};
  const int fields[] = {0, 1, 3, 9};
  double& value = plan.pastes[at + static_cast<size_t>(fields[field])];
  const double before = value;
  value = wrong[field];
  expect_status("a wrong paste", compose(), CPCDR_INVALID_ARGUMENT);
  value = before;
  /* Sums of these would be beyond integers. */
  const double beyond[] = {NAN, INFINITY, 1e308, -1e308, 2147483647, -2147483648.0};
  double& number = plan.pastes[at + static_cast<size_t>(pick(0, 10))];
  const double kept = number;
  number = beyond[pick(0, 5)];
  expect_status("a number beyond integers", compose(), CPCDR_INVALID_ARGUMENT);
  number = kept;
  plan.views[0] = plan.count;
  expect_status("a view of no source", compose(), CPCDR_INVALID_ARGUMENT);
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = argc > 1 ? std::atoi(argv[1]) : 300;
  for (int i = 0; i < cases; i++) {
    for (int k = 0; k < 50; k++) check_positions();
    check_canvas_colours();
    check_parcel();
    check_means();
    check_composite();
    check_refusals();
  }
  std::printf("ok: %d random compositions as the CUDA library does\n", cases);
}
