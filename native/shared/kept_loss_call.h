/*
 * The prototype loss where products may be rounded: one product forms all scores, which are kept in 16 bits each
 * (kept_scores.h); Sinkhorn's iterations read them once each; gradients of scores take their place, and two more
 * products end it. Memory: a matrix [n, k] of half precision and a fourteenth.
 *
 * A score is off by at most bound / 65534, where bound is the length of the longest feature times that of the
 * longest prototype: for cosines 1.5e-5, a thirtieth of what rounding the factors to 11 bits may cost.
 */
#ifndef CPCDR_KEPT_LOSS_CALL_H
#define CPCDR_KEPT_LOSS_CALL_H

#include "gradient_tiles.h"
#include "group_order.h"
#include "kept_gradients.h"
#include "loss_arguments.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* A power of two that brings the elements of rows of this length to at most 1024. */
inline float half_scale(double length) {
  return length > 0 ? static_cast<float>(std::exp2(std::floor(std::log2(1024 / length)))) : 1;
}

/* What the sizes of rows come to. */
struct KeptBounds {
  double feature, prototype, bound;

  explicit KeptBounds(const LossFacts& facts)
      : feature(std::sqrt(static_cast<double>(facts.feature_square))),
        prototype(std::sqrt(static_cast<double>(facts.prototype_square))),
        bound(larger(feature * prototype * 1.0001, 1e-20)) {}

  /* Exponents must stay within float32's, and a group's rows are one block's work. */
  bool suit(const LossArguments& all, const LossFacts& facts) const {
    constexpr double kMostExponent = 30, kShortest = 1e-10, kLongest = 1e10;
    constexpr int32_t kMostRows = 4096;
    const bool scaled = feature < kLongest && prototype < kLongest && (feature > kShortest || feature == 0) &&
                        (prototype > kShortest || prototype == 0);
    return scaled && bound <= kMostExponent * static_cast<double>(all.epsilon) &&
           bound <= kMostExponent * static_cast<double>(all.temperature) && all.k() <= kMostKept &&
           facts.largest <= kMostRows;
  }
};

/* Scratch of the passes. */
struct KeptMemory {
  float *f, *g, *logarithms; /* [n], [k], [n] */
  float *sums, *parts;       /* of columns [2 * blocks, k]; of gradients [parts, k, d] */
  double *losses, *entropies; /* [groups] */
};

template <typename Device>
void balance_kept_on(Device& device, const LossArguments& all, const KeptScores& scores, const KeptMemory& memory) {
  const int64_t blocks = pass_blocks(scores.n), row_blocks = pass_blocks(scores.counted);
  const auto columns = [&](int64_t count, bool adds) {
    device.launch(blocks_for(scores.k, BalanceColumns::kColumns),
                  BalanceColumns{memory.sums, memory.g, 2 * count, scores.k, adds});
  };
  device.launch(blocks, BeginBalance{scores, all.nearest, memory.logarithms, memory.sums, blocks});
  if (all.iterations() > 0) columns(blocks, false);
  else device.zero(memory.g, sizeof(float) * static_cast<size_t>(scores.k));
  for (int iteration = 0; iteration < larger(1, all.iterations()); iteration++) {
    if (iteration > 0) columns(row_blocks, true);
    device.launch(row_blocks, BalanceRows{scores, memory.g, memory.f, memory.sums, row_blocks});
  }
}

template <typename Device>
int32_t kept_loss_on(Device& device, const LossArguments& all, const GroupOrder& groups, const KeptBounds& bounds) {
  const int64_t n = all.n(), k = all.k(), d = all.d(), group_count = all.group_count();
  const int64_t stride = blocks_for(k, 8) * 8, present = groups.facts.present;
  /* Parts that fill a large device, within a fourteenth of the scores' memory. */
  constexpr int64_t kWantedBlocks = 256;
  const int64_t tiles = blocks_for(k, kHalfTile) * blocks_for(d, kHalfTile);
  const int64_t parts = larger<int64_t>(1, smaller(kWantedBlocks / tiles, n / (28 * d)));
  const double step = bounds.bound / kSteps, base = static_cast<double>(kLog2);
  const KeptScores scores{device.template memory<uint16_t>(n * stride), n, stride, present, all.k(),
                          static_cast<float>(step / static_cast<double>(all.epsilon) / base),
                          static_cast<float>(step / static_cast<double>(all.temperature) / base), groups.order};
  KeptMemory memory{};
  memory.f = device.template memory<float>(n);
  memory.g = device.template memory<float>(k);
  memory.logarithms = device.template memory<float>(n);
  memory.sums = device.template memory<float>(2 * pass_blocks(n) * k);
  memory.parts = device.template memory<float>(parts * k * d);
  memory.losses = device.template memory<double>(group_count);
  memory.entropies = device.template memory<double>(group_count);
  if (!scores.values || !memory.f || !memory.g || !memory.logarithms || !memory.sums || !memory.parts ||
      !memory.losses || !memory.entropies) {
    return device.fail(CPCDR_OUT_OF_MEMORY, "prototype_loss: no memory for scores");
  }
  const float feature_scale = half_scale(bounds.feature), prototype_scale = half_scale(bounds.prototype);
  const FloatFactors features{all.features, groups.order, n, all.d(), feature_scale};
  const FloatFactors prototypes{all.prototypes, nullptr, k, all.d(), prototype_scale};
  const double scale = static_cast<double>(feature_scale) * static_cast<double>(prototype_scale);
  multiply_on(device, Factor<FloatFactors, false>{features}, Factor<FloatFactors, false>{prototypes},
              KeepScores{scores, static_cast<float>(1 / (scale * step))}, n, k, d);
  balance_kept_on(device, all, scores, memory);
  device.launch(group_count, GroupGradients{scores, memory.f, memory.g, memory.logarithms, groups.bounds,
                                            all.sizes[5], memory.losses, memory.entropies});
  const double count = static_cast<double>(larger<int64_t>(1, present));
  const double factor = 1 / (count * static_cast<double>(all.temperature) * static_cast<double>(kGradientScale));
  const HalfFactors gradients{scores.values, present, stride};
  multiply_on(device, Factor<HalfFactors, false>{gradients}, Factor<FloatFactors, true>{prototypes},
              WriteGradients{all.dfeatures, groups.order, present, d,
                             static_cast<float>(factor / static_cast<double>(prototype_scale))}, present, d, k);
  device.launch(blocks_for((n - present) * d, ClearRows::kThreads),
                ClearRows{groups.order + present, all.dfeatures, n - present, d});
  multiply_on(device, Factor<HalfFactors, true>{gradients}, Factor<FloatFactors, true>{features},
              WriteGradients{memory.parts, nullptr, k, d,
                             static_cast<float>(factor / static_cast<double>(feature_scale))}, k, d, present, parts);
  device.launch(blocks_for(k * d, AddParts::kThreads), AddParts{memory.parts, all.dprototypes, k * d, parts});
  const double largest = static_cast<double>(larger<int32_t>(1, groups.facts.counted)) * std::log(static_cast<double>(k));
  device.launch(1, EndLoss{memory.losses, memory.entropies, group_count, 1 / count, 1 / largest, all.result});
  return CPCDR_OK;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
