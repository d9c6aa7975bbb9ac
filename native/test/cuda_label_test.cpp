/* The CUDA library's labelling, run by the emulator, against the CPU library and a flood fill that shares nothing. */
#include "emulator.h"

#include "../include/cpcdr.h"
#include "../shared/regions/label_call.h"

namespace {

using namespace cpcdr::shared;
using Labels = std::vector<int32_t>;

/* Maps that are hard to label: each is height * width values. */
Floats draw_map(int h, int w) {
  Floats map(static_cast<size_t>(h) * static_cast<size_t>(w));
  const int kind = pick(0, 6), levels = pick(1, 4), tooth = pick(1, 5);
  const float infinity = INFINITY, rare[] = {NAN, infinity, -infinity, -0.0f, 3e38f};
  for (int y = 0; y < h; y++) {
    for (int x = 0; x < w; x++) {
      float& value = map[static_cast<size_t>(y) * static_cast<size_t>(w) + static_cast<size_t>(x)];
      const int ring = std::min({x, y, w - 1 - x, h - 1 - y});
      switch (kind) {
        case 0: value = 1; break;                                                                    /* all equal */
        case 1: value = static_cast<float>((x + y) & 1); break;                                      /* chessboard */
        case 2: value = static_cast<float>(x / tooth & 1 && y < h - 1); break;                       /* comb */
        case 3: value = static_cast<float>(y / tooth & 1 && x < w - 1); break;                       /* lying comb */
        case 4: value = static_cast<float>((ring & 1) && !(x == ring && y == ring + 1)); break;      /* spiral */
        case 5: value = pick(0, 9) ? static_cast<float>(pick(0, levels)) : rare[pick(0, 4)]; break;  /* noise, NaN */
        default: value = static_cast<float>(std::floor(3 * std::sin(0.11 * x) + 2 * std::cos(0.07 * y + 0.05 * x)));
      }
    }
  }
  return map;
}

Labels flood(const float* map, int h, int w, int connectivity, double jump, const float* background) {
  Labels labels(static_cast<size_t>(h * w), -1);
  const auto outside = [&](int i) { return background && map[i] == *background; };
  int32_t next = 0;
  for (int start = 0; start < h * w; start++) {
    if (labels[static_cast<size_t>(start)] >= 0 || outside(start)) continue;
    std::vector<int> open = {start};
    labels[static_cast<size_t>(start)] = next;
    while (!open.empty()) {
      const int at = open.back();
      open.pop_back();
      for (int dy = -1; dy <= 1; dy++) {
        for (int dx = -1; dx <= 1; dx++) {
          const int v = at / w + dy, u = at % w + dx;
          if (v < 0 || u < 0 || v >= h || u >= w || (connectivity == 4 && dx && dy)) continue;
          const int to = v * w + u;
          const bool near = map[at] == map[to] || std::fabs(double(map[at]) - double(map[to])) <= jump;
          if (labels[static_cast<size_t>(to)] >= 0 || outside(to) || !near) continue;
          labels[static_cast<size_t>(to)] = next;
          open.push_back(to);
        }
      }
    }
    next++;
  }
  return labels;
}

void expect_same(const char* what, const Labels& got, const Labels& expected, const int32_t* sizes) {
  for (size_t i = 0; i < expected.size(); i++) {
    if (got[i] == expected[i]) continue;
    std::printf("FAILED %s, %d x %d x %d connectivity %d: expected %d at %zu, got %d\n", what, sizes[0], sizes[1],
                sizes[2], sizes[3], expected[i], i, got[i]);
    std::exit(1);
  }
}

int draw_side() { return pick(0, 3) ? pick(1, 150) : pick(1, 3); }

void check_maps() {
  const int h = draw_side(), w = draw_side();
  const int32_t sizes[] = {pick(1, 3), h, w, pick(0, 1) ? 8 : 4, pick(0, 1)};
  const double jump = pick(0, 2) ? 0 : pick(1, 2) * 0.5;
  const float background = static_cast<float>(pick(0, 1));
  Floats maps;
  for (int b = 0; b < sizes[0]; b++) {
    const Floats map = draw_map(h, w);
    maps.insert(maps.end(), map.begin(), map.end());
  }
  Labels labels(maps.size(), -7), expected(labels), counts(static_cast<size_t>(sizes[0]), -7), wanted(counts);
  Emulator device;
  expect_status("label", label_maps_on(device, maps.data(), labels.data(), counts.data(), sizes, jump, background), 0);
  expect_status("cpu label", cpcdr_label(maps.data(), expected.data(), wanted.data(), sizes, jump, background), 0);
  expect_same("label", labels, expected, sizes);
  expect_same("count", counts, wanted, sizes);
  if (h * w > 2000) return;
  const Labels plain = flood(maps.data(), h, w, sizes[3], jump, sizes[4] ? &background : nullptr);
  expect_same("label by flood", labels, plain, sizes);
}

void check_surfaces() {
  const int h = draw_side(), w = draw_side(), batch = pick(1, 2), count = batch * h * w;
  Floats points = random_floats(3 * count), normals = random_floats(3 * count), heights = random_floats(count);
  /* Depth above 0, and now and then none at all. */
  for (float& value : points) value = pick(0, 50) ? std::fabs(value) + 1 : NAN;
  std::vector<uint8_t> kinds(static_cast<size_t>(count));
  for (uint8_t& kind : kinds) kind = static_cast<uint8_t>(pick(0, 9) ? 0 : pick(0, 3));
  const int32_t sizes[] = {batch, h, w, pick(0, 1) ? 8 : 4};
  Labels labels(kinds.size(), -7), expected(labels), counts(static_cast<size_t>(batch), -7), wanted(counts);
  const double jump = pick(0, 1) ? 0.3 : 2;
  Emulator device;
  const SurfaceRule rule{points.data(), normals.data(), heights.data(), kinds.data(), {0.1, jump, 0.5, 0.9}};
  expect_status("label_surfaces", label_surfaces_on(device, rule, labels.data(), counts.data(), sizes), 0);
  expect_status("cpu label_surfaces",
                cpcdr_label_surfaces(points.data(), normals.data(), heights.data(), kinds.data(), expected.data(),
                                     wanted.data(), sizes, 0.1, jump, 0.5, 0.9), 0);
  expect_same("label_surfaces", labels, expected, sizes);
  expect_same("count of surfaces", counts, wanted, sizes);
}

/*
 * Three threads that unite the arms of one star after the other with its hub, all at about the same time, lose none:
 * each pair comes once, so that nothing makes a lost link good.
 */
void check_unions() {
  const int arms = 3, stars = 3000, each = arms + 1;
  Labels nodes(static_cast<size_t>(stars * each));
  for (size_t i = 0; i < nodes.size(); i++) nodes[i] = static_cast<int32_t>(i);
  std::atomic<int> ready{0};
  std::vector<std::thread> workers;
  for (int arm = 0; arm < arms; arm++) {
    workers.emplace_back([&, arm] {
      for (ready++; ready < arms;) std::this_thread::yield();
      for (int star = 0; star < stars; star++) unite_nodes(nodes.data(), star * each + arm, star * each + arms);
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (int i = 0; i < stars * each; i++) expect_status("first of its set", find_first(nodes.data(), i), i / each * each);
}

void check_refusals() {
  Emulator device;
  float value = 0;
  int32_t label = -7, count = -7, sizes[] = {1, 1, 1, pick(0, 9), 0};
  const int32_t expected = sizes[3] == 4 || sizes[3] == 8 ? CPCDR_OK : CPCDR_INVALID_ARGUMENT;
  expect_status("connectivity", label_maps_on(device, &value, &label, &count, sizes, 0, 0), expected);
  sizes[3] = 4;
  expect_status("jump", label_maps_on(device, &value, &label, &count, sizes, -1, 0), CPCDR_INVALID_ARGUMENT);
  expect_status("null", label_maps_on(device, nullptr, &label, &count, sizes, 0, 0), CPCDR_INVALID_ARGUMENT);
  sizes[pick(1, 2)] = 0;
  count = -7;
  expect_status("empty", label_maps_on(device, &value, &label, &count, sizes, 0, 0), CPCDR_OK);
  expect_status("count of an empty map", count, 0);
  sizes[pick(0, 2)] = -pick(1, 1 << 30);
  expect_status("negative", label_maps_on(device, &value, &label, &count, sizes, 0, 0), CPCDR_INVALID_ARGUMENT);
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = argc > 1 ? std::atoi(argv[1]) : 300;
  for (int i = 0; i < cases; i++) {
    check_maps();
    check_surfaces();
    check_unions();
    check_refusals();
  }
  std::printf("ok: %d random batches labelled as the CUDA library does\n", cases);
}
