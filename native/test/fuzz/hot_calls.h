/* Calls of labelling, regions, similarity and compositing. */
#ifndef CPCDR_FUZZ_HOT_CALLS_H
#define CPCDR_FUZZ_HOT_CALLS_H

#include "case.h"

namespace fuzz {

inline int32_t label(Case& c) {
  const int b = pick(1, 3), h = pick(1, 30), w = pick(1, 150), n = b * h * w;
  return cpcdr_label(c.floats(n), c.words(n, -9, 9), c.words(b, -9, 9),
                     c.sizes({b, h, w, pick(0, 1) ? 8 : 4, pick(0, 1)}), c.setting(pick(0, 2) * 0.5),
                     static_cast<float>(c.setting(0)));
}
inline int32_t label_bytes(Case& c) {
  const int b = pick(1, 3), h = pick(1, 30), w = pick(1, 150), n = b * h * w;
  return cpcdr_label_bytes(c.bytes(n, pick(1, 255)), c.words(n, -9, 9), c.words(b, -9, 9),
                           c.sizes({b, h, w, pick(0, 1) ? 8 : 4, pick(0, 1)}), c.setting(pick(0, 300)),
                           c.setting(pick(-1, 256)));
}
inline int32_t label_surfaces(Case& c) {
  const int b = pick(1, 2), h = pick(1, 20), w = pick(1, 80), n = b * h * w;
  return cpcdr_label_surfaces(c.floats(3 * n), c.floats(3 * n), c.floats(n), c.bytes(n), c.words(n, -9, 9),
                              c.words(b, -9, 9), c.sizes({b, h, w, pick(0, 1) ? 8 : 4}), c.setting(0.1), c.setting(0.3),
                              c.setting(0.5), c.setting(0.9));
}
inline int32_t label_statistics(Case& c) {
  const int h = pick(1, 30), w = pick(1, 80), n = h * w, count = pick(1, 9), capacity = pick(1, 9);
  return cpcdr_label_statistics(c.words(n, -1, count - 1), c.floats(n), c.floats(3 * n), c.words(5 * count, 0, 0),
                                c.doubles(4 * count), c.words(3 * capacity, 0, 0), c.words(1, 0, 0),
                                c.sizes({h, w, count, capacity}));
}
inline int32_t depth_regions(Case& c) {
  const int h = pick(1, 30), w = pick(1, 60), n = h * w, trials = pick(1, 9), capacity = pick(1, 20);
  double* const settings = c.doubles(14);
  const double plain[] = {1, 2, 0.5, 0.5, 0.01, 0.3, 0.5, 0.9, 0.1, 0.9, 50, double(pick(0, 9)), pick(0, 1) ? NAN : 0.05, 9};
  const bool strange = pick(0, 3) == 0;
  if (settings && !strange) std::memcpy(settings, plain, sizeof plain);
  const int32_t status = cpcdr_depth_regions(c.floats(n), c.floats(n), reinterpret_cast<uint32_t*>(c.words(3 * trials, 0, INT32_MAX)),
                             c.words(n, 0, 0), c.doubles(CPCDR_REGION_FIELDS * capacity), c.words(1, 0, 0),
                             c.sizes({h, w, trials, capacity}), settings);
  return strange && status == CPCDR_INVALID_ARGUMENT ? CPCDR_OK : status;
}
inline int32_t superpixels(Case& c) {
  const int h = pick(2, 30), w = pick(2, 60);
  return cpcdr_superpixels(c.bytes(3 * h * w), c.floats(256), c.words(h * w, 0, 0),
                           c.sizes({h, w, pick(1, h), pick(1, w), pick(1, 5), pick(1, 3)}), c.setting(0.1));
}
inline int32_t segment_median(Case& c) {
  const int n = pick(1, 300), count = pick(1, 9);
  return cpcdr_segment_median(c.floats(n), c.words(n, 0, count - 1), c.floats(n), c.number(n), c.number(count));
}
inline int32_t similarity(Case& c) {
  const int n = pick(1, 40), k = pick(1, 40), d = pick(1, 40);
  return cpcdr_similarity(c.floats(n * d), c.floats(k * d), c.floats(n * k), c.sizes({n, k, d, pick(0, 1)}));
}
inline int32_t prototype_loss(Case& c) {
  const int n = pick(1, 60), k = pick(1, 40), d = pick(1, 60), groups = pick(1, 30);
  return cpcdr_prototype_loss(c.floats(n * d), c.floats(k * d), c.words(n, -1, groups - 1), c.floats(2),
                              c.words(n, 0, 0), c.floats(n * d), c.floats(k * d),
                              c.sizes({n, k, d, groups, pick(0, 3), pick(0, n)}), static_cast<float>(c.setting(0.05)),
                              static_cast<float>(c.setting(0.1)));
}
inline int32_t composite(Case& c) {
  const int count = pick(1, 2), h = pick(1, 20), w = pick(1, 40), mixed = pick(1, 2), n = h * w, pastes = pick(1, 5);
  std::vector<const void*> sources;
  for (int s = 0; s < count; s++) {
    sources.push_back(c.bytes(3 * n));
    sources.push_back(c.floats(n));
    sources.push_back(c.words(n, 0, 2));
  }
  std::vector<double> plan, views;
  const double odd[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, 2147483647, -2147483648.0, 0, -1, 0.3};
  const auto colours = [](std::vector<double>* to) {
    for (int s = 0; s < CPCDR_COLOUR_STEPS; s++) to->insert(to->end(), {double(pick(0, 4)), pick(0, 20) * 0.1});
  };
  for (int p = 0; p < pastes; p++) {
    const int top = pick(0, h - 1), left = pick(0, w - 1);
    plan.insert(plan.end(), {double(p * mixed / pastes), double(pick(0, count - 1)), double(pick(-1, 2)), double(top),
                             double(left), double(pick(top + 1, h)), double(pick(left + 1, w)), double(pick(-h, h)),
                             double(pick(-w, w)), double(pick(1, h)), double(pick(1, w)), pick(1, 20) * 0.1,
                             double(pick(0, 1))});
    colours(&plan);
  }
  for (int m = 0; m < mixed; m++) {
    views.insert(views.end(), {double(pick(0, count - 1)), 0.7, 1, 0.6, 2, pick(0, 1) * 0.7});
    colours(&views);
  }
  /* Numbers of the plan that make no sense. */
  const bool strange = pick(0, 2) == 0;
  std::vector<double>& spoiled = pick(0, 1) ? plan : views;
  if (strange) spoiled[static_cast<size_t>(pick(0, static_cast<int>(spoiled.size()) - 1))] = odd[pick(0, 9)];
  const int32_t status =
      cpcdr_composite(sources.data(), c.words(count, 0, 9), plan.data(), views.data(), c.floats(3 * mixed * n),
                      c.words(mixed * n, 0, 0), c.words(mixed * n, 0, 0), c.words(pastes, 0, 0),
                      c.sizes({count, h, w, mixed, pastes, pick(0, 1), pick(0, 1)}));
  return strange && status == CPCDR_INVALID_ARGUMENT ? CPCDR_OK : status;
}

}  // namespace fuzz
#endif
