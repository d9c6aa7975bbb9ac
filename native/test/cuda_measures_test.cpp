/* The CUDA library's statistics of labels, run by the emulator, against the CPU library. */
#include "emulator.h"

#include "../include/cpcdr.h"
#include "../shared/regions/label_measures.h"

namespace {

using namespace cpcdr::shared;
using Labels = std::vector<int32_t>;

struct Measured {
  Labels boxes, borders, found;
  std::vector<double> means;
  Measured(int count, int capacity)
      : boxes(static_cast<size_t>(5 * count) + 1, -7), borders(static_cast<size_t>(3 * capacity) + 1, -7), found(1, -7),
        means(static_cast<size_t>(4 * count) + 1, -7) {}
};

void expect_same(const char* what, const Labels& got, const Labels& expected) {
  if (got == expected) return;
  for (size_t i = 0; i < expected.size(); i++) {
    if (got[i] == expected[i]) continue;
    std::printf("FAILED %s: expected %d at %zu, got %d\n", what, expected[i], i, got[i]);
    std::exit(1);
  }
}

void check_measures() {
  const int h = pick(0, 6) ? pick(1, 90) : pick(0, 2), w = pick(0, 6) ? pick(1, 600) : pick(0, 2), pixels = h * w;
  /* Any labels: as many neighbours as there can be, in stretches or pixel by pixel. */
  const int count = pick(0, 1) ? pick(0, 6) : pick(0, 3000), stretch = pick(0, 1) ? 1 : pick(2, 50);
  Labels labels(static_cast<size_t>(pixels) + 1);
  for (int i = 0; i < pixels; i++) {
    labels[static_cast<size_t>(i)] = i % stretch ? labels[static_cast<size_t>(i - 1)] : pick(-1, count - 1);
  }
  const Floats values = random_floats(pixels + 1), points = random_floats(3 * pixels + 1);
  const float* const some_values = pick(0, 3) ? values.data() : nullptr;
  const float* const some_points = pick(0, 3) ? points.data() : nullptr;
  const bool wants_borders = pick(0, 5);
  const int capacity = wants_borders ? pick(0, 1) ? pick(0, 10) : 20 * count : 0;
  const int32_t sizes[] = {h, w, count, capacity};
  Measured ours(count, capacity), expected(count, capacity);
  Emulator device;
  expect_status("label_statistics", label_statistics_on(device, labels.data(), some_values, some_points,
                                                        ours.boxes.data(), ours.means.data(), ours.borders.data(),
                                                        wants_borders ? ours.found.data() : nullptr, sizes), 0);
  expect_status("cpu label_statistics",
                cpcdr_label_statistics(labels.data(), some_values, some_points, expected.boxes.data(),
                                       expected.means.data(), expected.borders.data(),
                                       wants_borders ? expected.found.data() : nullptr, sizes), 0);
  expect_same("boxes", ours.boxes, expected.boxes);
  expect_same("number of borders", ours.found, expected.found);
  expect_same("borders", ours.borders, expected.borders);
  expect_close("means", Floats(ours.means.begin(), ours.means.end()), expected.means, 1e-6);
}

void check_refusals() {
  const int32_t labels[] = {0, 1, pick(2, 1000)}, sizes[] = {1, 3, 2, 0};
  Measured ours(2, 0);
  Emulator device;
  const auto measure = [&](const int32_t* some, int32_t* boxes) {
    return label_statistics_on(device, some, nullptr, nullptr, boxes, ours.means.data(), nullptr, ours.found.data(),
                               sizes);
  };
  expect_status("a label beyond count", measure(labels, ours.boxes.data()), CPCDR_INVALID_ARGUMENT);
  expect_status("no labels", measure(nullptr, ours.boxes.data()), CPCDR_INVALID_ARGUMENT);
  expect_status("no boxes", measure(labels, nullptr), CPCDR_INVALID_ARGUMENT);
}

/* The table in which pairs are counted is too small at first for a noisy map of few components. */
void check_growth() {
  const int count = 400, side = 200;
  Labels labels(static_cast<size_t>(side * side));
  for (int32_t& label : labels) label = pick(0, count - 1);
  const int32_t sizes[] = {side, side, count, 79800};
  Measured ours(count, sizes[3]), expected(count, sizes[3]);
  Emulator device;
  expect_status("many borders", label_statistics_on(device, labels.data(), nullptr, nullptr, ours.boxes.data(),
                                                    ours.means.data(), ours.borders.data(), ours.found.data(), sizes), 0);
  cpcdr_label_statistics(labels.data(), nullptr, nullptr, expected.boxes.data(), expected.means.data(),
                         expected.borders.data(), expected.found.data(), sizes);
  expect_status("more borders than a planar graph has", ours.found[0] > 6 * count, 1);
  expect_same("many borders", ours.borders, expected.borders);
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = argc > 1 ? std::atoi(argv[1]) : 300;
  for (int i = 0; i < cases; i++) {
    check_measures();
    check_refusals();
  }
  check_growth();
  std::printf("ok: %d random maps measured as the CUDA library does\n", cases);
}
