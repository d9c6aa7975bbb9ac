/*
 * Regions and superpixels of random maps, good and bad, in arrays that end where the data ends: a fuzz for the
 * sanitizers. Values are checked in tests/regions.
 */
#include <algorithm>

#include "../include/cpcdr.h"
#include "check.h"

namespace {

double uniform(double low, double high) { return std::uniform_real_distribution<double>(low, high)(generator()); }

void check_regions() {
  const int h = pick(0, 4) ? pick(1, 60) : pick(1, 3), w = pick(0, 4) ? pick(1, 150) : pick(1, 4), count = h * w;
  const float strange[] = {NAN, INFINITY, -INFINITY, 0, -1, 1e-9f, 3e38f, 1e-40f};
  const int odd = pick(0, 2) ? 0 : pick(2, 40);
  const double slope = uniform(0, 0.02), noise = pick(0, 1) ? uniform(0, 0.5) : 0;
  Floats disparity(static_cast<size_t>(count));
  for (int i = 0; i < count; i++) {
    const double ground = 0.01 + slope * std::max(0, i / w - h / 2) + noise * uniform(0, 1);
    disparity[static_cast<size_t>(i)] = odd && pick(0, odd) == 0 ? strange[pick(0, 7)] : static_cast<float>(ground);
  }
  const int trials = pick(0, 60), capacity = pick(0, 40);
  std::vector<uint32_t> draws(static_cast<size_t>(3 * trials));
  for (uint32_t& bits : draws) bits = static_cast<uint32_t>(generator()());
  std::vector<int32_t> ids(disparity.size(), -7), found(1, -7);
  std::vector<double> regions(static_cast<size_t>(CPCDR_REGION_FIELDS * capacity));
  const int32_t sizes[] = {h, w, trials, capacity};
  const double settings[] = {uniform(0.3, 2), uniform(0.3, 2), 0.5, 0.5, uniform(0, 0.1), uniform(0.01, 0.3),
                             uniform(0, 1), uniform(0.8, 1), pick(0, 9) ? 0.2 : 0, 0.8, uniform(5, 200),
                             pick(0, 2) * 0.01 * count, pick(0, 1) ? NAN : uniform(0, 0.2), double(pick(0, 2))};
  draws.reserve(1), regions.reserve(1);
  expect_status("depth_regions", cpcdr_depth_regions(disparity.data(), disparity.data(), draws.data(), ids.data(),
                                                     regions.data(), found.data(), sizes, settings), 0);
  int32_t next = 0;
  for (const int32_t id : ids) {
    expect_status("ids in raster order", id >= 0 && id <= next, 1);
    next = std::max(next, id + 1);
  }
  expect_status("number of regions", found[0], next);
  double area = 0;
  for (int k = 0; k < std::min(next, capacity); k++) area += regions[static_cast<size_t>(CPCDR_REGION_FIELDS * k)];
  if (next <= capacity) expect_status("area of all regions", static_cast<int>(area), count);
}

void check_superpixels() {
  const int h = pick(1, 50), w = pick(1, 70), count = h * w;
  std::vector<uint8_t> rgb(static_cast<size_t>(3 * count));
  for (uint8_t& value : rgb) value = static_cast<uint8_t>(pick(0, 255));
  Floats linear(256), values = random_floats(count), medians(values.size(), NAN);
  for (int k = 0; k < 256; k++) linear[static_cast<size_t>(k)] = static_cast<float>(k) / 255;
  std::vector<int32_t> ids(values.size(), -7);
  const int rows = pick(1, h), columns = pick(1, w);
  const int32_t sizes[] = {h, w, rows, columns, pick(0, 20), pick(0, 4)};
  expect_status("superpixels", cpcdr_superpixels(rgb.data(), linear.data(), ids.data(), sizes, uniform(0, 10)), 0);
  for (const int32_t id : ids) expect_status("superpixel in range", id >= 0 && id < rows * columns, 1);
  expect_status("segment_median", cpcdr_segment_median(values.data(), ids.data(), medians.data(), count, rows * columns), 0);
  for (const float median : medians) {
    expect_status("median is a value", std::find(values.begin(), values.end(), median) != values.end(), 1);
  }
  ids[static_cast<size_t>(pick(0, count - 1))] = pick(0, 1) ? -1 : rows * columns;
  expect_status("id beyond count", cpcdr_segment_median(values.data(), ids.data(), medians.data(), count, rows * columns),
                CPCDR_INVALID_ARGUMENT);
}

/* Any sizes at all: the answer is a status, never a crash. */
void check_refusals() {
  float value = 0, linear[256] = {};
  uint8_t rgb[3] = {};
  int32_t id = 0, found = 0, sizes[] = {1, 1, 0, 0};
  const double settings[14] = {};
  sizes[pick(0, 3)] = -pick(1, 1 << 30);
  expect_status("negative", cpcdr_depth_regions(&value, &value, nullptr, &id, nullptr, &found, sizes, settings),
                CPCDR_INVALID_ARGUMENT);
  int32_t grid[] = {1, 1, 1, 1, 1, 1};
  grid[pick(0, 5)] = -pick(1, 1 << 30);
  expect_status("negative", cpcdr_superpixels(rgb, linear, &id, grid, 1), CPCDR_INVALID_ARGUMENT);
  expect_status("null", cpcdr_superpixels(nullptr, linear, &id, grid, 1), CPCDR_INVALID_ARGUMENT);
  expect_status("null", cpcdr_depth_regions(nullptr, &value, nullptr, &id, nullptr, &found, sizes, settings),
                CPCDR_INVALID_ARGUMENT);
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = argc > 1 ? std::atoi(argv[1]) : 300;
  for (int i = 0; i < 3 * cases; i++) {
    check_regions();
    check_superpixels();
    check_refusals();
  }
  std::printf("ok: %d random maps cut into regions on %s with %d threads\n", 3 * cases, cpcdr_isa(), cpcdr_threads());
}
