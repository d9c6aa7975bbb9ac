/*
 * Compositing and the prototype loss on random plans and sizes, good and bad, in arrays that end where the data
 * ends: a fuzz for the sanitizers. Values are checked in tests/mix and tests/engine/kernels.
 */
#include <algorithm>

#include "../include/cpcdr.h"
#include "check.h"

namespace {

double uniform(double low, double high) { return std::uniform_real_distribution<double>(low, high)(generator()); }

void add_colours(std::vector<double>* fields) {
  for (int s = 0; s < CPCDR_COLOUR_STEPS; s++) {
    fields->push_back(pick(0, 4));
    fields->push_back(uniform(-0.5, 2));
  }
}

void check_composite() {
  const int count = pick(1, 3), h = pick(1, 30), w = pick(1, 40), mixed = pick(0, 4), pixels = h * w;
  std::vector<std::vector<uint8_t>> colours(static_cast<size_t>(count));
  std::vector<Floats> disparities(colours.size());
  std::vector<std::vector<int32_t>> ids(colours.size());
  std::vector<const void*> sources;
  std::vector<int32_t> offsets(colours.size(), 5);
  for (size_t s = 0; s < colours.size(); s++) {
    colours[s].resize(static_cast<size_t>(3 * pixels));
    for (uint8_t& value : colours[s]) value = static_cast<uint8_t>(pick(0, 255));
    disparities[s] = random_floats(pixels);
    ids[s].resize(static_cast<size_t>(pixels));
    for (int32_t& id : ids[s]) id = pick(0, 2);
    sources.insert(sources.end(), {colours[s].data(), disparities[s].data(), ids[s].data()});
  }
  std::vector<double> pastes, views;
  int total = 0;
  bool good = true;
  for (int m = 0; m < mixed; m++) {
    const double flip = pick(0, 1) ? -1 : 1;
    const double view[] = {double(pick(0, count - 1)), flip * uniform(0.4, 1), uniform(-3, w), uniform(0.4, 1),
                           uniform(-3, h), pick(0, 1) ? uniform(0.1, 2) : 0};
    views.insert(views.end(), view, view + 6);
    add_colours(&views);
    for (int p = pick(0, 5); p > 0; p--, total++) {
      int top = pick(0, h - 1), bottom = pick(top + 1, h), left = pick(0, w - 1), right = pick(left + 1, w);
      if (pick(0, 60) == 0) {
        good = false;
        if (pick(0, 1)) top = -pick(1, 1000);
        else right = w + pick(1, 1000);
      }
      const double paste[] = {double(m), double(pick(0, count - 1)), double(pick(-1, 2)), double(top), double(left),
                              double(bottom), double(right), double(pick(-2 * h, 2 * h)), double(pick(-2 * w, 2 * w)),
                              double(pick(1, 2 * h)), double(pick(1, 2 * w)), uniform(0.05, 2), double(pick(0, 1))};
      pastes.insert(pastes.end(), paste, paste + 13);
      add_colours(&pastes);
    }
  }
  Floats images(static_cast<size_t>(3 * mixed * pixels), NAN);
  std::vector<int32_t> copies(static_cast<size_t>(mixed * pixels), -7), regions(copies), shown(static_cast<size_t>(total));
  const int32_t sizes[] = {count, h, w, mixed, total, pick(0, 1), pick(0, 1)};
  /* Vectors without elements have no address; the library wants one where something could be. */
  views.reserve(1), images.reserve(1), copies.reserve(1), regions.reserve(1);
  expect_status("composite", cpcdr_composite(sources.data(), offsets.data(), pastes.data(), views.data(), images.data(),
                                             copies.data(), regions.data(), shown.data(), sizes),
                good ? CPCDR_OK : CPCDR_INVALID_ARGUMENT);
  if (!good) return;
  const int most = mixed + total;
  for (const int32_t copy : copies) expect_status("copy id in range", copy >= 0 && copy < most, 1);
  for (const float value : images) expect_status("finite colour", std::isfinite(value), 1);
}

void check_prototype_loss() {
  const int n = pick(1, 1500), k = pick(1, 40), d = pick(1, 20), groups = pick(0, 30);
  Floats features = random_floats(int64_t{n} * d), prototypes = random_floats(int64_t{k} * d);
  for (float& value : features) value /= static_cast<float>(d);
  std::vector<int32_t> group(static_cast<size_t>(n)), nearest(group.size());
  for (int32_t& g : group) g = pick(-1, groups - 1);
  Floats result(2), df(features.size(), NAN), dp(prototypes.size(), NAN);
  const int32_t sizes[] = {n, k, d, groups, pick(0, 3), pick(0, n)};
  expect_status("prototype_loss", cpcdr_prototype_loss(features.data(), prototypes.data(), group.data(), result.data(),
                                                       nearest.data(), df.data(), dp.data(), sizes, 0.05f, 0.1f), 0);
  for (const float value : df) expect_status("finite gradient", std::isfinite(value), 1);
  for (const int32_t at : nearest) expect_status("nearest in range", at >= 0 && at < k, 1);
  Floats scores(static_cast<size_t>(n * k), NAN);
  const int32_t compared[] = {n, k, d, 1};
  expect_status("similarity", cpcdr_similarity(features.data(), prototypes.data(), scores.data(), compared), 0);
  for (const float value : scores) expect_status("cosine within bounds", std::fabs(value) <= 1.00001f, 1);
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = argc > 1 ? std::atoi(argv[1]) : 300;
  for (int i = 0; i < cases; i++) {
    check_composite();
    check_prototype_loss();
  }
  std::printf("ok: %d random compositions and losses on %s with %d threads\n", cases, cpcdr_isa(), cpcdr_threads());
}
