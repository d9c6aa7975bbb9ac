/* Labelling of random maps against a flood fill, in arrays that end where the map ends. */
#include <algorithm>

#include "../include/cpcdr.h"
#include "check.h"

namespace {

using Labels = std::vector<int32_t>;

bool joins(float a, float b, double jump) { return a == b || std::fabs(double(a) - double(b)) <= jump; }

Labels flood(const float* map, int h, int w, int connectivity, double jump, bool has_background, float background) {
  Labels labels(static_cast<size_t>(h * w), -1);
  int32_t next = 0;
  for (int start = 0; start < h * w; start++) {
    if (labels[static_cast<size_t>(start)] >= 0 || (has_background && map[start] == background)) continue;
    std::vector<int> open = {start};
    labels[static_cast<size_t>(start)] = next;
    while (!open.empty()) {
      const int at = open.back(), y = at / w, x = at % w;
      open.pop_back();
      for (int v = std::max(0, y - 1); v <= std::min(h - 1, y + 1); v++) {
        for (int u = std::max(0, x - 1); u <= std::min(w - 1, x + 1); u++) {
          if (connectivity == 4 && v != y && u != x) continue;
          const int to = v * w + u;
          if (labels[static_cast<size_t>(to)] >= 0 || (has_background && map[to] == background)) continue;
          if (!joins(map[at], map[to], jump)) continue;
          labels[static_cast<size_t>(to)] = next;
          open.push_back(to);
        }
      }
    }
    next++;
  }
  return labels;
}

/* The same values as bytes. */
void check_bytes(Floats maps, const int32_t* sizes, double jump) {
  const int h = sizes[1], w = sizes[2];
  std::vector<uint8_t> bytes;
  for (float& value : maps) {
    value = value == value ? value : 255;
    bytes.push_back(static_cast<uint8_t>(value));
  }
  Labels labels(maps.size(), -7), counts(static_cast<size_t>(sizes[0]), -7);
  expect_status("label_bytes", cpcdr_label_bytes(bytes.data(), labels.data(), counts.data(), sizes, jump, 0), 0);
  for (int b = 0; b < sizes[0]; b++) {
    const Labels expected = flood(maps.data() + b * h * w, h, w, sizes[3], jump, sizes[4], 0);
    if (std::equal(expected.begin(), expected.end(), labels.begin() + b * h * w)) continue;
    std::printf("FAILED label_bytes %d x %d connectivity %d jump %g background %d\n", h, w, sizes[3], jump, sizes[4]);
    std::exit(1);
  }
}

void check_label() {
  const int batch = pick(1, 2), h = pick(1, 40), w = pick(0, 3) ? pick(1, 140) : pick(1, 8), levels = pick(1, 5);
  const bool has_background = pick(0, 1);
  const double jump = pick(0, 2);
  const int32_t sizes[] = {batch, h, w, pick(0, 1) ? 8 : 4, has_background};
  Floats maps(static_cast<size_t>(batch * h * w));
  for (float& value : maps) value = pick(0, 30) ? static_cast<float>(pick(0, levels)) : NAN;
  Labels labels(maps.size(), -7), counts(static_cast<size_t>(batch), -7);
  expect_status("label", cpcdr_label(maps.data(), labels.data(), counts.data(), sizes, jump, 0), 0);
  for (int b = 0; b < batch; b++) {
    const Labels expected = flood(maps.data() + b * h * w, h, w, sizes[3], jump, has_background, 0);
    if (std::equal(expected.begin(), expected.end(), labels.begin() + b * h * w)) continue;
    std::printf("FAILED label %d x %d connectivity %d jump %g background %d\n", h, w, sizes[3], jump, has_background);
    std::exit(1);
  }
  check_bytes(maps, sizes, jump);
  Labels boxes(static_cast<size_t>(5 * counts[0])), borders(3), found(1);
  std::vector<double> means(static_cast<size_t>(4 * counts[0]));
  const int32_t measured[] = {h, w, counts[0], 1};
  expect_status("label_statistics", cpcdr_label_statistics(labels.data(), maps.data(), nullptr, boxes.data(), means.data(),
                                                           borders.data(), found.data(), measured), 0);
  int area = 0;
  for (int k = 0; k < counts[0]; k++) area += boxes[static_cast<size_t>(5 * k)];
  const auto end = labels.begin() + h * w;
  expect_status("area of all components", area, static_cast<int>(h * w - std::count(labels.begin(), end, -1)));
}

void check_surfaces() {
  const int h = pick(1, 20), w = pick(1, 80), count = h * w;
  Floats points = random_floats(3 * count), normals = random_floats(3 * count), heights = random_floats(count);
  std::vector<uint8_t> kinds(static_cast<size_t>(count));
  for (uint8_t& kind : kinds) kind = static_cast<uint8_t>(pick(0, 3));
  Labels labels(kinds.size()), counts(1);
  const int32_t sizes[] = {1, h, w, pick(0, 1) ? 8 : 4};
  expect_status("label_surfaces", cpcdr_label_surfaces(points.data(), normals.data(), heights.data(), kinds.data(),
                                                       labels.data(), counts.data(), sizes, 0.1, 0.3, 0.5, 0.9), 0);
  for (const int32_t label : labels) {
    if (label >= 0 && label < counts[0]) continue;
    std::printf("FAILED label_surfaces: label %d of %d\n", label, counts[0]);
    std::exit(1);
  }
}

/* Any sizes at all: the answer is a status, never a crash. */
void check_refusals() {
  float value = 0;
  int32_t label = 0, count = 0;
  int32_t sizes[] = {1, 1, 1, pick(0, 9), 1};
  const int32_t expected = sizes[3] == 4 || sizes[3] == 8 ? CPCDR_OK : CPCDR_INVALID_ARGUMENT;
  expect_status("connectivity", cpcdr_label(&value, &label, &count, sizes, 0, 0), expected);
  sizes[3] = 4;
  sizes[pick(0, 2)] = -pick(1, 1 << 30);
  expect_status("negative", cpcdr_label(&value, &label, &count, sizes, 0, 0), CPCDR_INVALID_ARGUMENT);
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = argc > 1 ? std::atoi(argv[1]) : 300;
  for (int i = 0; i < 10 * cases; i++) {
    check_label();
    check_surfaces();
    check_refusals();
  }
  std::printf("ok: %d random maps labelled on %s with %d threads\n", 10 * cases, cpcdr_isa(), cpcdr_threads());
}
