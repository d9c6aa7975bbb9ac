/* The CUDA library's compositing, run by the emulator, against the CPU library: ids exactly, colours closely. */
#include "../include/cpcdr.h"
#include "../shared/composite_call.h"
#include "emulator.h"

namespace {

using namespace cpcdr::shared;
using Ids = std::vector<int32_t>;

double uniform(double low, double high) { return std::uniform_real_distribution<double>(low, high)(generator()); }

/* A random plan over random sources. */
struct Plan {
  int count = pick(1, 3), h = pick(1, 50), w = pick(1, 90), mixed = pick(0, 3), total = 0;
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
  plan.views[0] = plan.count;
  expect_status("a view of no source", compose(), CPCDR_INVALID_ARGUMENT);
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = argc > 1 ? std::atoi(argv[1]) : 300;
  for (int i = 0; i < cases; i++) {
    check_composite();
    check_refusals();
  }
  std::printf("ok: %d random compositions as the CUDA library does\n", cases);
}
