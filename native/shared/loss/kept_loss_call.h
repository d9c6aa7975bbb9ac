/*
 * The prototype loss with scores that are kept (kept_scores.h): one product forms them, Sinkhorn's iterations but the
 * last read them once each (balance_passes.h), gradients of scores take their place (kept_gradients.h), and two more
 * products end it.
 *
 * Rounded (tensor cores): scores have 16 bits. One is off by at most bound / 65534, where bound is the length of the
 * longest feature times that of the longest prototype, both after rounding to 11 bits: for cosines 1.5e-5, a thirtieth
 * of what that rounding may cost. Memory: a matrix [n, k] of half precision and a little.
 *
 * Exact: where a float32 matrix of scores is small, it is kept. Else Sinkhorn's iterations read scores of 16 bits,
 * which only the factors of columns feel, each by the mean of the errors of its rows. Then the same memory takes the
 * float32 scores of half the rows at a time, formed once more, for factors of rows, targets and gradients.
 */
#ifndef CPCDR_KEPT_LOSS_CALL_H
#define CPCDR_KEPT_LOSS_CALL_H

#include "gradient_tiles.h"
#include "group_order.h"
#include "../host_array.h"
#include "kept_gradients.h"
#include "loss_arguments.h"
#include "write_gradients.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Bytes that float32 scores may take beyond 16 bits each. */
constexpr int64_t kSmallScores = int64_t{1} << 25;

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
        bound(larger(feature * prototype * kRounding, 1e-20)) {}

  /* What rounding both factors to 11 bits may add to a score, (1 + 2^-11)^2, and float32's rounding of the lengths. */
  static constexpr double kRounding = 1.001;

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
  float *g, *logarithms;      /* [k], [n] */
  float* sums;                /* parts of columns' sums [sum_parts, k] */
  double *losses, *entropies; /* [groups] */
};

/* Factors of products on tensor cores. */
struct RoundedFactors {
  uint16_t *features, *prototypes; /* [n, depth] in the order of groups, [k, depth] */
  float feature_scale, prototype_scale;
  int64_t depth; /* d, to a multiple of 8 */
};

/* A call and what was found out about its arguments. */
template <typename Device>
struct KeptLoss {
  Device& device;
  const LossArguments& all;
  const GroupOrder& groups;
  const KeptBounds& bounds;
  KeptMemory memory;
  bool backwards; /* where the next pass over scores goes */

  int64_t n() const { return all.n(); }
  int64_t k() const { return all.k(); }
  int64_t d() const { return all.d(); }
  /* Rows of 16-bit scores are whole sectors of a GPU's memory. */
  int64_t stride() const { return blocks_for(k(), 16) * 16; }
  int64_t present() const { return groups.facts.present; }
  int64_t row_count() const { return larger<int64_t>(1, present()); }

  /* The sorted rows from `first` on, kept at `values`. */
  template <typename Kept>
  KeptScores<Kept> scores(Kept* values, int64_t first, int64_t rows) const {
    const double step = step_of(values) / static_cast<double>(kLog2);
    const int64_t counted = smaller(larger<int64_t>(0, present() - first), rows);
    return {values, rows, stride(), counted, all.k(), static_cast<float>(step / static_cast<double>(all.epsilon)),
            static_cast<float>(step / static_cast<double>(all.temperature)), groups.order + first,
            all.temperature == 2 * all.epsilon};
  }
  double step_of(const uint16_t*) const { return bounds.bound / kSteps; }
  double step_of(const float*) const { return 1; }

  /* All but scores and factors; answers whether there was memory. */
  bool take_memory() {
    const int64_t sum_parts = larger(int64_t{2} * pass_blocks(n()), blocks_for(n(), kProductTile));
    memory.g = device.template memory<float>(k());
    memory.logarithms = device.template memory<float>(n());
    memory.sums = device.template memory<float>(sum_parts * k());
    memory.losses = device.template memory<double>(all.group_count());
    memory.entropies = device.template memory<double>(all.group_count());
    return memory.g && memory.logarithms && memory.sums && memory.losses && memory.entropies;
  }

  /* Of factors as they are. */
  template <typename Kept>
  void form(const KeptScores<Kept>& scores) {
    const FloatFactors features{all.features, scores.order, scores.n, all.d()};
    const FloatFactors prototypes{all.prototypes, nullptr, k(), all.d()};
    multiply_on(device, Factor<false>{features}, Factor<false>{prototypes},
                KeepScores<Kept>{scores.values, scores.n, scores.stride,
                                 static_cast<float>(1 / step_of(scores.values))},
                scores.n, k(), d());
  }

  void balance_columns(int64_t parts, bool adds) {
    device.launch(blocks_for(k(), BalanceColumns::kColumns),
                  BalanceColumns{memory.sums, memory.g, parts, all.k(), adds});
  }

  /* From the first sums of columns, which lie in parts, to g. */
  template <typename Kept>
  void balance(const KeptScores<Kept>& scores, int64_t parts) {
    backwards = true;
    if (all.iterations() > 0) balance_columns(parts, false);
    else device.zero(memory.g, sizeof(float) * static_cast<size_t>(k()));
    const int32_t blocks = pass_blocks(scores.counted);
    for (int iteration = 1; iteration < all.iterations(); iteration++) {
      device.launch(blocks, BalanceRows<Kept>{scores, memory.g, memory.sums, blocks, backwards});
      balance_columns(2 * blocks, true);
      backwards = !backwards;
    }
  }
  template <typename Kept>
  void balance(const KeptScores<Kept>& scores) {
    const int32_t blocks = pass_blocks(scores.counted);
    if (all.iterations() > 0) device.launch(blocks, SumColumns<Kept>{scores, memory.sums, blocks});
    balance(scores, 2 * blocks);
  }

  /* Scores of the rows of some groups become gradients. */
  template <typename Kept>
  void differentiate(const KeptScores<Kept>& scores, int64_t first, int64_t first_group, int64_t last_group) {
    const int32_t count = static_cast<int32_t>(last_group - first_group);
    device.launch(count, GroupGradients<Kept>{scores, memory.g, groups.bounds + first_group,
                                              static_cast<int32_t>(first), all.sizes[5], count, backwards,
                                              memory.logarithms + first, all.nearest, memory.losses + first_group,
                                              memory.entropies + first_group});
    device.launch(scores.n - scores.counted, NearestOfRest<Kept>{scores, all.nearest});
  }

  /* Where products leave gradients; kept ones are of `scale` times the factors that they are multiplied by. */
  template <typename Kept>
  WriteGradients to_features(const KeptScores<Kept>& scores, float scale) const {
    return {all.dfeatures, scores.order, scores.counted, d(), factor(scores.values, scale), false};
  }
  template <typename Kept>
  WriteGradients to_prototypes(const KeptScores<Kept>& scores, float scale, float* to, bool adds) const {
    return {to, nullptr, k(), d(), factor(scores.values, scale), adds};
  }
  template <typename Kept>
  float factor(const Kept*, float scale) const {
    const double all_of = static_cast<double>(row_count()) * static_cast<double>(all.temperature);
    return static_cast<float>(1 / (all_of * static_cast<double>(kGradientScale<Kept>) * static_cast<double>(scale)));
  }

  /* From gradients of exact scores. */
  void feature_gradients(const KeptScores<float>& scores) {
    const FloatFactors gradients{scores.values, nullptr, scores.counted, static_cast<int>(scores.stride)};
    const FloatFactors prototypes{all.prototypes, nullptr, k(), all.d()};
    multiply_on(device, Factor<false>{gradients}, Factor<true>{prototypes}, to_features(scores, 1), scores.counted, d(),
                k());
  }
  void prototype_gradients(const KeptScores<float>& scores, float* to, int64_t parts, bool adds) {
    const FloatFactors gradients{scores.values, nullptr, scores.counted, static_cast<int>(scores.stride)};
    const FloatFactors features{all.features, scores.order, scores.counted, all.d()};
    multiply_on(device, Factor<true>{gradients}, Factor<true>{features}, to_prototypes(scores, 1, to, adds), k(), d(),
                scores.counted, parts);
  }

  void add_parts(const float* parts, int64_t count) {
    device.launch(blocks_for(k() * d(), AddParts::kThreads), AddParts{parts, all.dprototypes, k() * d(), count});
  }

  void end() {
    const int64_t none = n() - present();
    device.launch(blocks_for(none * d(), ClearRows::kThreads),
                  ClearRows{groups.order + present(), all.dfeatures, none, d()});
    const double counted = static_cast<double>(larger<int32_t>(1, groups.facts.counted));
    device.launch(1, EndLoss{memory.losses, memory.entropies, all.group_count(),
                             1 / static_cast<double>(row_count()), 1 / (counted * std::log(static_cast<double>(k()))),
                             all.result});
  }

  /* Parts that fill a large device. */
  int64_t wanted_parts() const {
    constexpr int64_t kWantedBlocks = 264;
    return larger<int64_t>(1, kWantedBlocks / (blocks_for(k(), kProductTile) * blocks_for(d(), kProductTile)));
  }

  /*
   * On tensor cores. The memory for gradients of features, which are written last, holds the rounded features first if
   * there is room, and parts of the gradient of prototypes behind them.
   */
  bool run_rounded(uint16_t* values) {
    RoundedFactors rounded{};
    rounded.depth = blocks_for(d(), 8) * 8;
    rounded.feature_scale = half_scale(bounds.feature);
    rounded.prototype_scale = half_scale(bounds.prototype);
    constexpr int64_t kAligned = sizeof(Words) / sizeof(float);
    const int64_t into = static_cast<int64_t>(reinterpret_cast<uintptr_t>(all.dfeatures) / sizeof(float)) % kAligned;
    const int64_t skipped = into > 0 ? kAligned - into : 0, used = skipped + n() * rounded.depth / 2;
    const bool fits = used <= n() * d();
    rounded.features = fits ? reinterpret_cast<uint16_t*>(all.dfeatures + skipped)
                            : device.template memory<uint16_t>(n() * rounded.depth);
    rounded.prototypes = device.template memory<uint16_t>(k() * rounded.depth);
    if (!rounded.features || !rounded.prototypes) return false;
    float* const room = all.dfeatures + (fits ? used : 0);
    const int64_t parts = smaller(wanted_parts(), (n() * d() - (fits ? used : 0)) / (k() * d()));

    const KeptScores<uint16_t> kept = scores(values, 0, n());
    round(rounded);
    form(kept, rounded);
    balance(kept, blocks_for(n(), kProductTile));
    differentiate(kept, 0, 0, all.group_count());
    const HalfFactors gradients{values, static_cast<int32_t>(kept.counted), static_cast<int32_t>(kept.stride)};
    const HalfFactors features = factors(rounded.features, kept.counted, rounded);
    float* const to = parts > 1 ? room : all.dprototypes;
    multiply_halves_on<true, true>(device, gradients, features, to_prototypes(kept, rounded.feature_scale, to, false),
                                   k(), d(), kept.counted, larger<int64_t>(1, parts));
    if (parts > 1) add_parts(room, parts);
    multiply_halves_on<false, true>(device, gradients, factors(rounded.prototypes, k(), rounded),
                                    to_features(kept, rounded.prototype_scale), kept.counted, d(), k());
    end();
    return true;
  }
  static HalfFactors factors(const uint16_t* values, int64_t count, const RoundedFactors& rounded) {
    return {values, static_cast<int32_t>(count), static_cast<int32_t>(rounded.depth)};
  }
  void round(const RoundedFactors& rounded) {
    const RoundRows rows{{{all.features, groups.order, rounded.features, n(), rounded.feature_scale},
                          {all.prototypes, nullptr, rounded.prototypes, k(), rounded.prototype_scale}},
                         all.d(), static_cast<int>(rounded.depth)};
    device.launch(rows.blocks(), rows);
  }
  void form(const KeptScores<uint16_t>& scores, const RoundedFactors& rounded) {
    const double scale = static_cast<double>(rounded.feature_scale) * static_cast<double>(rounded.prototype_scale);
    const float factor = static_cast<float>(1 / (scale * step_of(scores.values)));
    multiply_halves_on<false, false>(device, factors(rounded.features, n(), rounded),
                                     factors(rounded.prototypes, k(), rounded),
                                     StepScores{scores, factor, memory.sums}, n(), k(), d());
  }

  /* All exact scores at once, with parts of the gradient of prototypes where that of features will be. */
  void run_whole(float* values) {
    const KeptScores<float> kept = scores(values, 0, n());
    form(kept);
    balance(kept);
    differentiate(kept, 0, 0, all.group_count());
    const int64_t parts = smaller(wanted_parts(), n() / k());
    prototype_gradients(kept, parts > 1 ? all.dfeatures : all.dprototypes, larger<int64_t>(1, parts), false);
    if (parts > 1) add_parts(all.dfeatures, parts);
    feature_gradients(kept);
    end();
  }

  /* Float32 scores of `most` rows at a time in the memory of 16-bit ones. */
  void run_halves(uint16_t* values, float* parts, int64_t part_count, int64_t most, const HostArray<int32_t>& rows) {
    const KeptScores<uint16_t> rounded = scores(values, 0, n());
    form(rounded);
    balance(rounded);
    float* const exact = reinterpret_cast<float*>(values);
    int64_t group = 0;
    bool adds = false;
    for (int64_t first = 0; first < n();) {
      int64_t last_group = group;
      while (last_group < all.group_count() && rows[last_group + 1] - first <= most) last_group++;
      const bool ended = last_group == all.group_count();
      const int64_t last = ended ? smaller(n(), first + most) : int64_t{rows[last_group]};
      const KeptScores<float> kept = scores(exact, first, last - first);
      form(kept);
      differentiate(kept, first, group, last_group);
      if (kept.counted > 0 || !adds) prototype_gradients(kept, parts, part_count, adds);
      adds = true;
      feature_gradients(kept);
      group = last_group;
      first = last;
    }
    add_parts(parts, part_count);
    end();
  }
};

/* The loss on tensor cores, or, exact, without; float32 scores are kept up to `small` bytes beyond 16 bits each. */
template <typename Device>
int32_t kept_loss_on(Device& device, const LossArguments& all, const GroupOrder& groups, const KeptBounds& bounds,
                     int64_t small) {
  KeptLoss<Device> loss{device, all, groups, bounds, {}, false};
  const int64_t elements = loss.n() * loss.stride();
  const bool rounded = device.tensor_cores(), whole = rounded || 2 * elements <= small;
  const char* const none = "prototype_loss: no memory for scores";
  if (!loss.take_memory()) return device.fail(CPCDR_OUT_OF_MEMORY, none);
  if (whole && !rounded) {
    float* const values = device.template memory<float>(elements);
    if (!values) return device.fail(CPCDR_OUT_OF_MEMORY, none);
    loss.run_whole(values);
    return CPCDR_OK;
  }
  /* Half the rows, but any group must fit. */
  const int64_t most = larger<int64_t>(blocks_for(loss.n(), 2), groups.facts.largest);
  uint16_t* const values = device.template memory<uint16_t>(whole ? elements : 2 * most * loss.stride());
  if (!values) return device.fail(CPCDR_OUT_OF_MEMORY, none);
  if (whole) {
    return loss.run_rounded(values) ? int32_t{CPCDR_OK} : device.fail(CPCDR_OUT_OF_MEMORY, none);
  }
  /* Parts within a twentieth of the scores' memory. */
  const int64_t part_count = larger<int64_t>(1, smaller(loss.wanted_parts(), loss.n() / (48 * loss.d())));
  float* const parts = device.template memory<float>(part_count * loss.k() * loss.d());
  HostArray<int32_t> rows(int64_t{all.group_count()} + 1);
  if (!parts || rows.failed()) return device.fail(CPCDR_OUT_OF_MEMORY, none);
  if (const int32_t status = device.read(rows.data(), groups.bounds, rows.bytes())) return status;
  loss.run_halves(values, parts, part_count, most, rows);
  return CPCDR_OK;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
