/*
 * What the CUDA library's cpcdr_prototype_loss does. Scores are kept (kept_loss_call.h) where lengths, temperatures and
 * sizes suit that. Else, as with scores beyond 30 epsilon, more than 1024 prototypes or groups of thousands of rows, no matrix of scores is kept: every pass forms its tiles again,
 * which costs 6 + 2 * iterations products of features and prototypes in all, and
 * memory for the targets of some groups at a time, at most half a matrix [n, k] of half precision.
 *
 * Sinkhorn in the log domain: q = exp(score / epsilon + f + g), where columns are balanced by
 * g = -log sum over rows exp(score / epsilon + f) and rows by f = -log sum over columns exp(score / epsilon + g).
 */
#ifndef CPCDR_PROTOTYPE_LOSS_CALL_H
#define CPCDR_PROTOTYPE_LOSS_CALL_H

#include "../../include/cpcdr_hot.h"
#include "gradient_tiles.h"
#include "../host_array.h"
#include "kept_loss_call.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Rows by group, sorted on the host, which checks them as well. */
struct SortedGroups {
  HostArray<int32_t> groups, order, bounds;
  int64_t counted = 0; /* rows among the first that take part */

  SortedGroups(int64_t n, int64_t group_count) : groups(n), order(n), bounds(group_count + 2) {}
  bool failed() const { return groups.failed() || order.failed() || bounds.failed(); }
  int64_t count(int64_t group_count) const { return bounds[group_count]; }

  /* False where a group is beyond group_count. */
  bool sort(int64_t group_count, int64_t rows_of_first) {
    const int64_t n = groups.count();
    for (int64_t g = 0; g < bounds.count(); g++) bounds[g] = 0;
    for (int64_t i = 0; i < n; i++) {
      if (groups[i] >= group_count) return false;
      if (groups[i] >= 0) bounds[groups[i] + 2]++;
      counted += groups[i] >= 0 && i < rows_of_first;
    }
    for (int64_t g = 2; g < bounds.count(); g++) bounds[g] += bounds[g - 1];
    for (int64_t i = 0; i < n; i++) {
      if (groups[i] >= 0) order[bounds[groups[i] + 1]++] = static_cast<int32_t>(i);
    }
    return true;
  }
};

/* The factors of Sinkhorn's iterations and the logarithms of softmax, in memory of the device. */
struct Balance {
  float *f, *g;      /* [n], [k] */
  float* logarithms; /* [n] */
  LogSum* folded;    /* [the most parts, n or k] */
  int64_t row_parts, column_parts;
};

template <typename Device>
void fold_rows(Device& device, const LossArguments& all, const Balance& balance) {
  const FoldScores fold{balance.g, 1 / all.epsilon, all.n(), all.k(), balance.folded, nullptr};
  sweep_on(device, all.feature_rows(), all.prototype_rows(), balance.row_parts, fold);
  device.launch(blocks_for(all.n(), EndFold::kThreads),
                EndFold{balance.folded, all.groups, balance.f, all.n(), balance.row_parts, -1});
}

template <typename Device>
void fold_columns(Device& device, const LossArguments& all, const Balance& balance) {
  const FoldScores fold{balance.f, 1 / all.epsilon, all.k(), all.n(), balance.folded, nullptr};
  sweep_on(device, all.prototype_rows(), all.feature_rows(), balance.column_parts, fold);
  device.launch(blocks_for(all.k(), EndFold::kThreads),
                EndFold{balance.folded, nullptr, balance.g, all.k(), balance.column_parts, -1});
}

/* Nearest prototypes, logarithms of softmax, then columns and rows in turn. Without iterations, rows alone. */
template <typename Device>
void balance_on(Device& device, const LossArguments& all, const Balance& balance) {
  const FoldScores fold{nullptr, 1 / all.temperature, all.n(), all.k(), balance.folded, all.nearest};
  sweep_on(device, all.feature_rows(), all.prototype_rows(), 1, fold);
  device.launch(blocks_for(all.n(), EndFold::kThreads),
                EndFold{balance.folded, nullptr, balance.logarithms, all.n(), 1, 1});
  device.launch(blocks_for(all.n(), BeginFactors::kThreads), BeginFactors{all.groups, balance.f, all.n()});
  device.zero(balance.g, sizeof(float) * static_cast<size_t>(all.k()));
  if (all.iterations() == 0) fold_rows(device, all, balance);
  for (int iteration = 0; iteration < all.iterations(); iteration++) {
    fold_columns(device, all, balance);
    fold_rows(device, all, balance);
  }
}

/* Where the passes over groups write to. */
struct LossMemory {
  float *targets, *shares, *parts;
  double *losses, *entropies; /* of blocks */
  int64_t part_count;
};

template <bool kTensor, typename Device>
void differentiate_on(Device& device, const LossArguments& all, const GroupChunk& chunk, const Balance& balance,
                      const LossMemory& memory, float factor, int64_t first_block) {
  const Rows rows{all.features, chunk.order, chunk.rows, all.d()};
  const float scale = 1 / all.temperature;
  const Assignment assignment{balance.f, balance.g, 1 / all.epsilon};
  const TargetTile targets{chunk,          assignment,   all.sizes[5], all.k(),
                           memory.targets, memory.shares, memory.entropies + first_block};
  device.launch(rows.tiles(), ScoreSweep<TargetTile, kTensor>{rows, all.prototype_rows(), 1, targets});
  device.launch(blocks_for(int64_t{chunk.group_count} * all.k(), SpanTargets::kThreads),
                SpanTargets{chunk, all.k(), memory.shares, memory.targets});
  const GradientTile<false, kTensor> features{chunk,   all.prototype_rows(), balance.logarithms, memory.targets,
                                              scale,   factor,               all.k(),            all.d(),
                                              all.dfeatures, memory.losses + first_block};
  device.launch(rows.tiles() * features.planes(),
                ScoreSweep<GradientTile<false, kTensor>, kTensor>{rows, all.prototype_rows(), 1, features});
  const GradientTile<true, kTensor> prototypes{chunk, rows,   balance.logarithms, memory.targets, scale,
                                               factor, all.k(), all.d(),            memory.parts,   nullptr};
  device.launch(all.prototype_rows().tiles() * memory.part_count * prototypes.planes(),
                ScoreSweep<GradientTile<true, kTensor>, kTensor>{all.prototype_rows(), rows, memory.part_count,
                                                                 prototypes});
}

/* cpcdr_prototype_loss; `small` is for the checks: below 0 no scores are kept. */
template <typename Device>
int32_t prototype_loss_on(Device& device, const LossArguments& all, int64_t small = kSmallScores) {
  if (const char* fault = fault_of(all)) return device.fail(CPCDR_INVALID_ARGUMENT, fault);
  const int64_t n = all.n(), k = all.k(), d = all.d(), group_count = all.group_count();
  GroupOrder ordered{};
  if (!order_groups_on(device, all.features, all.prototypes, all.groups, all.sizes, ordered)) {
    return device.fail(CPCDR_OUT_OF_MEMORY, "prototype_loss: no memory for groups");
  }
  if (ordered.facts.beyond > 0) {
    return device.fail(CPCDR_INVALID_ARGUMENT, "prototype_loss: a group beyond group_count");
  }
  const KeptBounds bounds_of_rows(ordered.facts);
  if (small >= 0 && bounds_of_rows.suit(all, ordered.facts)) {
    return kept_loss_on(device, all, ordered, bounds_of_rows, small);
  }
  SortedGroups sorted(n, group_count);
  if (sorted.failed()) return device.fail(CPCDR_OUT_OF_MEMORY, "prototype_loss: no memory for groups");
  if (const int32_t status = device.read(sorted.groups.data(), all.groups, sorted.groups.bytes())) return status;
  if (!sorted.sort(group_count, all.sizes[5])) {
    return device.fail(CPCDR_INVALID_ARGUMENT, "prototype_loss: a group beyond group_count");
  }
  /* So many groups at a time that their targets take half of what a matrix [n, k] of half precision would. */
  const int64_t together = smaller(larger<int64_t>(1, group_count), larger<int64_t>(1024, n / 4));
  const int64_t chunks = blocks_for(group_count, together), blocks = blocks_for(n, kTile) + chunks;
  Balance balance{};
  balance.row_parts = parts_for(all.feature_rows(), all.prototype_rows());
  balance.column_parts = parts_for(all.prototype_rows(), all.feature_rows());
  balance.f = device.template memory<float>(n);
  balance.g = device.template memory<float>(k);
  balance.logarithms = device.template memory<float>(n);
  balance.folded = device.template memory<LogSum>(larger(n * balance.row_parts, k * balance.column_parts));
  LossMemory memory{};
  memory.part_count = balance.column_parts;
  memory.targets = device.template memory<float>(together * k);
  memory.shares = device.template memory<float>(2 * blocks * k);
  memory.parts = device.template memory<float>(memory.part_count * k * d);
  memory.losses = device.template memory<double>(blocks);
  memory.entropies = device.template memory<double>(blocks);
  const int32_t* const order = copy_to(device, sorted.order);
  const int32_t* const bounds = copy_to(device, sorted.bounds);
  if (!balance.f || !balance.g || !balance.logarithms || !balance.folded || !memory.targets || !memory.shares ||
      !memory.parts || !memory.losses || !memory.entropies || !order || !bounds) {
    return device.fail(CPCDR_OUT_OF_MEMORY, "prototype_loss: no memory for targets");
  }
  balance_on(device, all, balance);
  device.zero(all.dfeatures, sizeof(float) * static_cast<size_t>(n * d));
  device.zero(memory.parts, sizeof(float) * static_cast<size_t>(memory.part_count * k * d));
  const int64_t count = sorted.count(group_count);
  const float factor = 1 / (static_cast<float>(larger<int64_t>(1, count)) * all.temperature);
  int64_t block = 0;
  for (int64_t first = 0; first < group_count; first += together) {
    const int64_t last = smaller(group_count, first + together), row = sorted.bounds[first];
    const GroupChunk chunk{order + row, all.groups, bounds, row, sorted.bounds[last] - row,
                           static_cast<int32_t>(first), static_cast<int32_t>(last - first)};
    if (chunk.rows == 0) continue;
    if (device.tensor_cores()) differentiate_on<true>(device, all, chunk, balance, memory, factor, block);
    else differentiate_on<false>(device, all, chunk, balance, memory, factor, block);
    block += blocks_for(chunk.rows, kTile);
  }
  device.launch(blocks_for(k * d, AddParts::kThreads),
                AddParts{memory.parts, all.dprototypes, k * d, memory.part_count});
  const double largest = static_cast<double>(larger<int64_t>(1, sorted.counted)) * std::log(static_cast<double>(k));
  device.launch(1, EndLoss{memory.losses, memory.entropies, block,
                           1 / static_cast<double>(larger<int64_t>(1, count)), 1 / largest, all.result});
  return CPCDR_OK;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
