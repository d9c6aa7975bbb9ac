/*
 * The prototype loss with scores that are kept (kept_scores.h): one product forms them, Sinkhorn's iterations read them
 * once each, gradients of scores take their place, and two more products end it.
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
#include "host_array.h"
#include "kept_gradients.h"
#include "loss_arguments.h"

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
  float *f, *g, *logarithms; /* [n], [k], [n] */
  float *sums, *parts;       /* of columns [2 * blocks, k]; of gradients [parts, k, d] */
  double *losses, *entropies; /* [groups] */
};

/* A call and what was found out about its arguments. */
template <typename Device>
struct KeptLoss {
  Device& device;
  const LossArguments& all;
  const GroupOrder& groups;
  const KeptBounds& bounds;
  KeptMemory memory;

  int64_t n() const { return all.n(); }
  int64_t k() const { return all.k(); }
  int64_t d() const { return all.d(); }
  int64_t stride() const { return blocks_for(k(), 8) * 8; }
  int64_t present() const { return groups.facts.present; }
  int64_t row_count() const { return larger<int64_t>(1, present()); }

  /* The sorted rows from `first` on, kept at `values`. */
  template <typename Kept>
  KeptScores<Kept> scores(Kept* values, int64_t first, int64_t rows) const {
    const double step = step_of(values) / static_cast<double>(kLog2);
    const int64_t counted = smaller(larger<int64_t>(0, present() - first), rows);
    return {values, rows, stride(), counted, all.k(), static_cast<float>(step / static_cast<double>(all.epsilon)),
            static_cast<float>(step / static_cast<double>(all.temperature)), groups.order + first};
  }
  double step_of(const uint16_t*) const { return bounds.bound / kSteps; }
  double step_of(const float*) const { return 1; }
  float feature_scale(const uint16_t*) const { return half_scale(bounds.feature); }
  float feature_scale(const float*) const { return 1; }
  float prototype_scale(const uint16_t*) const { return half_scale(bounds.prototype); }
  float prototype_scale(const float*) const { return 1; }

  /* All but scores and parts of gradients; answers whether there was memory. */
  bool take_memory() {
    memory.f = device.template memory<float>(n());
    memory.g = device.template memory<float>(k());
    memory.logarithms = device.template memory<float>(n());
    memory.sums = device.template memory<float>(2 * pass_blocks(n()) * k());
    memory.losses = device.template memory<double>(all.group_count());
    memory.entropies = device.template memory<double>(all.group_count());
    return memory.f && memory.g && memory.logarithms && memory.sums && memory.losses && memory.entropies;
  }

  /* Factors of products are of type Element; what the rows of features are sorted by follows from the scores. */
  template <typename Element, typename Kept>
  void form(const KeptScores<Kept>& scores) {
    const Element* const as = nullptr;
    const FloatFactors<Element> features{all.features, scores.order, scores.n, all.d(), feature_scale(as)};
    const FloatFactors<Element> prototypes{all.prototypes, nullptr, k(), all.d(), prototype_scale(as)};
    const double scale = static_cast<double>(feature_scale(as)) * static_cast<double>(prototype_scale(as));
    multiply_on(device, Factor<FloatFactors<Element>, false>{features}, Factor<FloatFactors<Element>, false>{prototypes},
                KeepScores<Kept>{scores.values, scores.n, scores.stride,
                                 static_cast<float>(1 / (scale * step_of(scores.values)))},
                scores.n, k(), d());
  }

  template <typename Kept>
  void begin(const KeptScores<Kept>& scores, int64_t first) {
    const int64_t blocks = pass_blocks(scores.n);
    device.launch(blocks, BeginBalance<Kept>{scores, all.nearest, memory.logarithms + first, memory.sums, blocks});
  }
  template <typename Kept>
  void balance_rows(const KeptScores<Kept>& scores, int64_t first) {
    const int64_t blocks = pass_blocks(scores.counted);
    device.launch(blocks, BalanceRows<Kept>{scores, memory.g, memory.f + first, memory.sums, blocks});
  }
  void balance_columns(int64_t rows, bool adds) {
    device.launch(blocks_for(k(), BalanceColumns::kColumns),
                  BalanceColumns{memory.sums, memory.g, 2 * pass_blocks(rows), all.k(), adds});
  }

  template <typename Kept>
  void balance(const KeptScores<Kept>& scores) {
    begin(scores, 0);
    if (all.iterations() > 0) balance_columns(scores.n, false);
    else device.zero(memory.g, sizeof(float) * static_cast<size_t>(k()));
    for (int iteration = 0; iteration < larger(1, all.iterations()); iteration++) {
      if (iteration > 0) balance_columns(scores.counted, true);
      balance_rows(scores, 0);
    }
  }

  /* Scores of the rows of some groups become gradients. */
  template <typename Kept>
  void differentiate(const KeptScores<Kept>& scores, int64_t first, int64_t first_group, int64_t last_group) {
    device.launch(last_group - first_group,
                  GroupGradients<Kept>{scores, memory.f + first, memory.g, memory.logarithms + first,
                                       groups.bounds + first_group, first, all.sizes[5], memory.losses + first_group,
                                       memory.entropies + first_group});
  }

  /* Gradients of scores to those of features. */
  template <typename Gradients, typename Kept>
  void feature_gradients(const KeptScores<Kept>& scores) {
    const FloatFactors<Kept> prototypes{all.prototypes, nullptr, k(), all.d(), prototype_scale(scores.values)};
    multiply_on(device, Factor<Gradients, false>{Gradients::of(scores)}, Factor<FloatFactors<Kept>, true>{prototypes},
                WriteGradients{all.dfeatures, scores.order, scores.counted, d(),
                               factor(scores.values, prototype_scale(scores.values)), false},
                scores.counted, d(), k());
  }
  /* And to parts of those of prototypes. */
  template <typename Gradients, typename Kept>
  void prototype_gradients(const KeptScores<Kept>& scores, float* to, int64_t parts, bool adds) {
    const FloatFactors<Kept> features{all.features, scores.order, scores.counted, all.d(), feature_scale(scores.values)};
    multiply_on(device, Factor<Gradients, true>{Gradients::of(scores)}, Factor<FloatFactors<Kept>, true>{features},
                WriteGradients{to, nullptr, k(), d(), factor(scores.values, feature_scale(scores.values)), adds}, k(),
                d(), scores.counted, parts);
  }
  template <typename Kept>
  float factor(const Kept*, float scale) const {
    const double all_of = static_cast<double>(row_count()) * static_cast<double>(all.temperature);
    return static_cast<float>(1 / (all_of * static_cast<double>(kGradientScale<Kept>) * static_cast<double>(scale)));
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
    constexpr int64_t kWantedBlocks = 256;
    return larger<int64_t>(1, kWantedBlocks / (blocks_for(k(), kProductTile) * blocks_for(d(), kProductTile)));
  }

  /* All rows at once, with parts of the gradient of prototypes where that of features will be. */
  template <typename Gradients, typename Kept>
  void run_whole(Kept* values) {
    const KeptScores<Kept> kept = scores(values, 0, n());
    form<Kept>(kept);
    balance(kept);
    differentiate(kept, 0, 0, all.group_count());
    const int64_t parts = smaller(wanted_parts(), n() / k());
    if (parts > 1) {
      prototype_gradients<Gradients>(kept, all.dfeatures, parts, false);
      add_parts(all.dfeatures, parts);
    } else {
      prototype_gradients<Gradients>(kept, all.dprototypes, 1, false);
    }
    feature_gradients<Gradients>(kept);
    end();
  }

  /* Float32 scores of `most` rows at a time in the memory of 16-bit ones. */
  void run_halves(uint16_t* values, float* parts, int64_t part_count, int64_t most, const HostArray<int32_t>& rows) {
    const KeptScores<uint16_t> rounded = scores(values, 0, n());
    form<float>(rounded);
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
      form<float>(kept);
      begin(kept, first);
      balance_rows(kept, first);
      differentiate(kept, first, group, last_group);
      if (kept.counted > 0 || !adds) prototype_gradients<ExactGradients>(kept, parts, part_count, adds);
      adds = true;
      feature_gradients<ExactGradients>(kept);
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
  KeptLoss<Device> loss{device, all, groups, bounds, {}};
  const int64_t elements = loss.n() * loss.stride();
  const bool rounded = device.tensor_cores(), whole = rounded || 2 * elements <= small;
  const char* const none = "prototype_loss: no memory for scores";
  if (!loss.take_memory()) return device.fail(CPCDR_OUT_OF_MEMORY, none);
  if (whole && !rounded) {
    float* const values = device.template memory<float>(elements);
    if (!values) return device.fail(CPCDR_OUT_OF_MEMORY, none);
    loss.template run_whole<ExactGradients>(values);
    return CPCDR_OK;
  }
  /* Half the rows, but any group must fit. */
  const int64_t most = larger<int64_t>(blocks_for(loss.n(), 2), groups.facts.largest);
  uint16_t* const values = device.template memory<uint16_t>(whole ? elements : 2 * most * loss.stride());
  if (!values) return device.fail(CPCDR_OUT_OF_MEMORY, none);
  if (whole) {
    loss.template run_whole<HalfGradients>(values);
    return CPCDR_OK;
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
