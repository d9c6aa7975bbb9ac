/*
 * Gradients of the prototype loss from scores that are kept: a block for each group balances its rows a last time,
 * which makes the group's target, and forms its part of the loss and the gradient of its scores, which takes the
 * scores' place. Products with prototypes and features are left to half_products.h and product_tiles.h.
 */
#ifndef CPCDR_KEPT_GRADIENTS_H
#define CPCDR_KEPT_GRADIENTS_H

#include "balance_passes.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Gradients of scores, within -1 and 1, are kept as they are, or as half precision of so many times themselves. */
template <typename Kept>
constexpr float kGradientBits = sizeof(Kept) == 2 ? 15 : 0;
template <typename Kept>
constexpr float kGradientScale = sizeof(Kept) == 2 ? 32768 : 1; /* 2^kGradientBits */

/* Gradients times kGradientScale. */
CPCDR_SHARED void write_gradients(uint16_t* to, const float (&scaled)[8]) {
  Words words;
  CPCDR_UNROLL
  for (int w = 0; w < 4; w++) words.at[w] = half_pair(scaled[2 * w], scaled[2 * w + 1]);
  write_words(to, words);
}
CPCDR_SHARED void write_gradients(float* to, const float (&scaled)[8]) {
  write_four(to, scaled, 1);
  write_four(to + 4, scaled + 4, 1);
}

/*
 * Of some columns of a row: sums of 2^(assign * score + g), of these times their exponents and of 2^(predict * score),
 * and the best score (best_of).
 */
template <typename Rank>
struct alignas(sizeof(Rank) == 4 ? 16 : 8) RowSums {
  float assigned, exponents, predicted;
  Rank best;

  CPCDR_SHARED static RowSums none() { return {0, 0, 0, 0}; }
  CPCDR_SHARED void add(const RowSums& other) {
    assigned += other.assigned;
    exponents += other.exponents;
    predicted += other.predicted;
    best = larger(best, other.best);
  }
};

/*
 * A block takes the rows of a group in turns of kTogether, a thread eight columns of every other row. Scores stay in
 * registers until their gradients are known; those of groups with more rows than that are read twice.
 */
template <typename Kept>
struct GroupGradients {
  static constexpr int kThreads = kPassThreads, kResident = 2;
  static constexpr int kHeld = sizeof(Kept) == 2 ? 12 : 6, kTogether = 2 * kHeld;
  static constexpr int kLanes = sizeof(Kept) == 2 ? 8 : 16; /* that share the sums of a row */
  static constexpr int kTurn = 4;                           /* phases */
  static constexpr int kAhead = 128; /* groups: their scores are called for so many blocks before they are read */
  static constexpr int kSums = 16;   /* threads that add up losses */
  static_assert(kTogether * kLanes <= kThreads, "a thread for each");
  typedef RowSums<Best<Kept>> Sums;
  struct Shared {
    union {
      Sums sums[kTogether][kColumnThreads];
      alignas(16) float targets[2][kMostKept]; /* of the rows of either half of the threads */
    };
    Sums parts[kTogether][kLanes];
    Sums rows[kTogether];
    float weights[kTogether], logarithms[kTogether]; /* 1 / sums.assigned, log2 sums.predicted */
    double losses[kThreads], entropies[kTogether];
  };
  struct Local {
    int32_t begin, end; /* rows of the group */
    Eight<Kept> words[kHeld];
    float target[kOwnColumns]; /* sums over the thread's rows of 2^(assign * score + f) */
    float logarithms;          /* and of logarithms */
    double entropy;            /* of a row of each turn */
  };

  KeptScores<Kept> scores;
  const float* g;        /* [k] */
  const int32_t* bounds; /* [groups + 1] rows, of which the first that is kept is `base` */
  int32_t base, limit;   /* rows of features below the limit count for the entropy */
  int32_t groups;
  bool backwards;             /* through the groups */
  float* logarithms;          /* [n], for groups of several turns */
  int32_t* nearest;           /* [n] of rows of features */
  double *losses, *entropies; /* [groups] */

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    const int thread = where.thread;
    const int32_t group = backwards ? groups - 1 - where.block : where.block;
    if (p == 0) clear(group, local);
    const int32_t begin = local.begin, end = local.end;
    if (begin == end) {
      if (thread == 0) losses[group] = entropies[group] = 0;
      return false;
    }
    const int turns = (end - begin + kTogether - 1) / kTogether, turn = p / kTurn;
    const int32_t first = begin + turn * kTogether;
    if (turn < turns) {
      if (p == 1) call_for(group + (backwards ? -kAhead : kAhead), thread);
      if (p % kTurn == 0) take(first, end, thread, shared, local);
      else if (p % kTurn == 1) add_up(first, end, thread, shared);
      else if (p % kTurn == 2) settle(first, end, thread, shared);
      else assign_rows(first, begin, end, thread, shared, local);
      return true;
    }
    const int left = p - turns * kTurn;
    if (left == 0) {
      if (thread < kTogether) shared.entropies[thread] = local.entropy;
      shared.losses[thread] = static_cast<double>(differentiate(begin, end, turns, thread, shared, local));
      return true;
    }
    if (left == 1) {
      if (thread >= kSums) return true;
      for (int i = thread + kSums; i < kThreads; i += kSums) shared.losses[thread] += shared.losses[i];
      return true;
    }
    if (thread != 0) return false;
    double loss = 0, entropy = 0;
    for (int i = 0; i < kSums; i++) loss += shared.losses[i];
    for (const double of_row : shared.entropies) entropy += of_row;
    losses[group] = loss;
    entropies[group] = entropy;
    return false;
  }

  CPCDR_SHARED void clear(int32_t group, Local& local) const {
    local.begin = bounds[group] - base;
    local.end = bounds[group + 1] - base;
    CPCDR_UNROLL
    for (int e = 0; e < kOwnColumns; e++) local.target[e] = 0;
    local.logarithms = 0;
    local.entropy = 0;
  }
  CPCDR_SHARED static int column(int thread) { return thread % kColumnThreads * kOwnColumns; }
  CPCDR_SHARED static int half(int thread) { return thread / kColumnThreads; }
  /* Of the thread's columns, how many exist. */
  CPCDR_SHARED int columns(int thread) const { return smaller(kOwnColumns, larger(0, scores.k - column(thread))); }

  /* The thread's columns of the first of its rows of a turn; the next is two rows on. */
  CPCDR_SHARED Kept* scores_at(int32_t first, int thread) const {
    return scores.values + int64_t{first + half(thread)} * scores.stride + column(thread);
  }
  CPCDR_SHARED void read(int32_t first, int32_t end, int thread, Local& local) const {
    if (column(thread) >= scores.stride) return;
    const Kept* from = scores_at(first, thread);
    CPCDR_UNROLL
    for (int r = 0; r < kHeld; r++, from += 2 * scores.stride) {
      if (first + 2 * r + half(thread) < end) local.words[r] = Eight<Kept>::read(from);
    }
  }

  /* Powers of eight scores to be multiplied by 2^g, and their exponents with g. */
  CPCDR_SHARED void assigned_of(const Eight<Kept>& words, const float (&exponents)[8], const float (&predicted)[8],
                                const float (&offsets)[8], float (&assigned)[8], float (&with_g)[8]) const {
    if (scores.squares) {
      CPCDR_UNROLL
      for (int e = 0; e < 8; e++) {
        assigned[e] = predicted[e] * predicted[e];
        with_g[e] = fused(2, exponents[e], offsets[e]);
      }
      return;
    }
    float own[8];
    exponents_of(words, scores.assign, own);
    CPCDR_UNROLL
    for (int e = 0; e < 8; e++) {
      assigned[e] = power_of_two(own[e]);
      with_g[e] = own[e] + offsets[e];
    }
  }

  CPCDR_SHARED void take(int32_t first, int32_t end, int thread, Shared& shared, Local& local) const {
    read(first, end, thread, local);
    float offsets[kOwnColumns], factors[kOwnColumns]; /* g, finite, and 2^g */
    read_factors(thread, offsets, factors);
    /* All eight columns, which is the rule, are spared comparisons. */
    const int count = columns(thread);
    if (count == kOwnColumns) take_rows(first, end, thread, kOwnColumns, offsets, factors, shared, local);
    else take_rows(first, end, thread, count, offsets, factors, shared, local);
  }
  CPCDR_SHARED void take_rows(int32_t first, int32_t end, int thread, int count, const float (&offsets)[kOwnColumns],
                              const float (&factors)[kOwnColumns], Shared& shared, const Local& local) const {
    CPCDR_UNROLL
    for (int r = 0; r < kHeld; r++) {
      if (first + 2 * r + half(thread) >= end) continue;
      shared.sums[2 * r + half(thread)][thread % kColumnThreads] =
          count > 0 ? sums_of(local.words[r], thread, count, offsets, factors) : Sums::none();
    }
  }
  CPCDR_SHARED Sums sums_of(const Eight<Kept>& words, int thread, int count, const float (&offsets)[kOwnColumns],
                            const float (&factors)[kOwnColumns]) const {
    Sums sums = Sums::none();
    float exponents[8], predicted[8], assigned[8], with_g[8];
    exponents_of(words, scores.predict, exponents);
    CPCDR_UNROLL
    for (int e = 0; e < 8; e++) predicted[e] = power_of_two(exponents[e]);
    assigned_of(words, exponents, predicted, offsets, assigned, with_g);
    CPCDR_UNROLL
    for (int e = 0; e < kOwnColumns; e++) {
      const float weight = assigned[e] * factors[e];
      sums.assigned += weight;
      sums.exponents = fused(weight, with_g[e], sums.exponents);
      if (e < count) sums.predicted += predicted[e];
    }
    sums.best = best_of(words, column(thread), count);
    return sums;
  }
  CPCDR_SHARED void read_factors(int thread, float (&offsets)[kOwnColumns], float (&factors)[kOwnColumns]) const {
    constexpr float kNever = -1000; /* an exponent that becomes 0 */
    CPCDR_UNROLL
    for (int e = 0; e < kOwnColumns; e++) {
      offsets[e] = e < columns(thread) ? larger(g[column(thread) + e], kNever) : kNever;
      factors[e] = power_of_two(offsets[e]);
    }
  }

  CPCDR_SHARED void add_up(int32_t first, int32_t end, int thread, Shared& shared) const {
    const int own = thread / kLanes, lane = thread % kLanes;
    if (own >= kTogether || first + own >= end) return;
    Sums sums = shared.sums[own][lane];
    CPCDR_UNROLL
    for (int i = kLanes; i < kColumnThreads; i += kLanes) sums.add(shared.sums[own][i + lane]);
    shared.parts[own][lane] = sums;
  }

  CPCDR_SHARED void settle(int32_t first, int32_t end, int thread, Shared& shared) const {
    const int32_t row = first + thread;
    if (thread >= kTogether || row >= end) return;
    Sums sums = shared.parts[thread][0];
    CPCDR_UNROLL
    for (int i = 1; i < kLanes; i++) sums.add(shared.parts[thread][i]);
    const float logarithm = log2f(sums.predicted);
    shared.rows[thread] = sums;
    shared.weights[thread] = sums.assigned > 0 ? 1 / sums.assigned : 0;
    shared.logarithms[thread] = logarithm;
    logarithms[row] = logarithm;
  }

  /* Has the scores of a group brought nearer. */
  CPCDR_SHARED void call_for(int32_t group, int thread) const {
    if (group < 0 || group >= groups) return;
    constexpr int64_t kLine = 128 / sizeof(Kept);
    const int64_t first = (bounds[group] - base) * scores.stride, end = (bounds[group + 1] - base) * scores.stride;
    for (int64_t at = first + thread * kLine; at < end; at += kThreads * kLine) prefetch(scores.values + at);
  }

  /* Adds what the turn's rows are assigned to the thread's part of the target, which the last turn leaves to all. */
  CPCDR_SHARED void assign_rows(int32_t first, int32_t begin, int32_t end, int thread, Shared& shared,
                                Local& local) const {
    const int32_t row = first + thread;
    const bool ends = thread < kTogether && row < end;
    const int32_t of_features = ends ? scores.order[row] : 0;
    CPCDR_UNROLL
    for (int r = 0; r < kHeld; r++) {
      const int own = 2 * r + half(thread);
      if (first + own >= end) continue;
      const float weight = shared.weights[own];
      local.logarithms += shared.logarithms[own];
      float exponents[8];
      exponents_of(local.words[r], scores.squares ? scores.predict : scores.assign, exponents);
      CPCDR_UNROLL
      for (int e = 0; e < kOwnColumns; e++) {
        const float power = power_of_two(exponents[e]);
        local.target[e] = fused(scores.squares ? weight * power : weight, power, local.target[e]);
      }
    }
    if (ends) {
      const Sums& sums = shared.rows[thread];
      nearest[of_features] = best_column(scores, row, sums.best);
      /* -sum q log q, where q = weight * 2^exponent and the q of a row sum up to 1. */
      if (of_features < limit && sums.assigned > 0) {
        local.entropy += static_cast<double>((log2f(sums.assigned) - sums.exponents * shared.weights[thread]) * kLog2);
      }
    }
    if (first + kTogether < end) return;
    const float share = 1 / static_cast<float>(end - begin);
    float offsets[kOwnColumns], factors[kOwnColumns];
    read_factors(thread, offsets, factors);
    CPCDR_UNROLL
    for (int e = 0; e < kOwnColumns; e++) local.target[e] *= factors[e] * share;
    write_four(shared.targets[half(thread)] + column(thread), local.target, 1);
    write_four(shared.targets[half(thread)] + column(thread) + 4, local.target + 4, 1);
  }

  /* Answers the loss of the thread's scores, which become gradients. */
  CPCDR_SHARED float differentiate(int32_t begin, int32_t end, int turns, int thread, const Shared& shared,
                                   Local& local) const {
    const int count = columns(thread);
    if (column(thread) >= scores.stride) return 0;
    float target[kOwnColumns], exponents[kOwnColumns]; /* sums of predict * score */
    CPCDR_UNROLL
    for (int e = 0; e < kOwnColumns; e++) {
      const int own = column(thread) + e;
      target[e] = (shared.targets[0][own] + shared.targets[1][own]) * kGradientScale<Kept>;
      exponents[e] = 0;
    }
    for (int turn = 0; turn < turns; turn++) {
      const int32_t first = begin + turn * kTogether;
      if (turns > 1) read(first, end, thread, local);
      const float* const of_rows = turns > 1 ? logarithms + first : shared.logarithms;
      if (count == kOwnColumns) write_rows(first, end, thread, kOwnColumns, of_rows, target, local, exponents);
      else write_rows(first, end, thread, count, of_rows, target, local, exponents);
    }
    /* -target * log softmax, summed over the rows. */
    float loss = 0;
    CPCDR_UNROLL
    for (int e = 0; e < kOwnColumns; e++) loss += target[e] * (local.logarithms - exponents[e]);
    return loss * (kLog2 / kGradientScale<Kept>);
  }
  CPCDR_SHARED void write_rows(int32_t first, int32_t end, int thread, int count, const float* of_rows,
                               const float (&target)[kOwnColumns], const Local& local,
                               float (&exponents)[kOwnColumns]) const {
    Kept* to = scores_at(first, thread);
    CPCDR_UNROLL
    for (int r = 0; r < kHeld; r++, to += 2 * scores.stride) {
      const int own = 2 * r + half(thread);
      if (first + own < end) write(local.words[r], count, of_rows[own], target, exponents, to);
    }
  }
  CPCDR_SHARED void write(const Eight<Kept>& words, int count, float logarithm, const float (&target)[kOwnColumns],
                          float (&sums)[kOwnColumns], Kept* to) const {
    float exponents[8], gradients[kOwnColumns];
    exponents_of(words, scores.predict, exponents);
    CPCDR_UNROLL
    for (int e = 0; e < kOwnColumns; e++) {
      const float softmax = power_of_two(exponents[e] + (kGradientBits<Kept> - logarithm));
      gradients[e] = e < count ? softmax - target[e] : 0;
      sums[e] += exponents[e];
    }
    write_gradients(to, gradients);
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
