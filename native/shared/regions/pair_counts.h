/*
 * How often pairs of labels occur, counted by any number of threads: open addressing in a table of a power of two of
 * slots. What it holds in the end does not depend on the order of additions, only where does; the pairs are sorted
 * afterwards, by a bitonic network whose steps within 1024 neighbours take place in the memory of a block.
 */
#ifndef CPCDR_PAIR_COUNTS_H
#define CPCDR_PAIR_COUNTS_H

#include "../launch.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* What the host reads back when all is counted. */
struct PairState {
  int32_t pairs;    /* different ones */
  int32_t overflow; /* 1: the table is too small, counts are wrong */
  int32_t faulty;   /* 1: a label is out of range */
  int32_t gathered; /* pairs that GatherPairs moved */
};

struct PairCounts {
  uint64_t* keys;  /* [slots] low << 32 | high, 0 (which no pair is) for free */
  int32_t* counts; /* [slots] */
  int64_t slots;
  int64_t longest; /* probes before the table counts as too small */
  PairState* state;

  CPCDR_SHARED void add(int32_t a, int32_t b, int32_t count) const {
    const uint64_t key = static_cast<uint64_t>(smaller(a, b)) << 32 | static_cast<uint32_t>(larger(a, b));
    const uint64_t mixed = key * 0x9E3779B97F4A7C15u, mask = static_cast<uint64_t>(slots - 1);
    uint64_t slot = (mixed ^ mixed >> 32) & mask;
    for (int64_t probe = 0; probe < longest; probe++, slot = (slot + 1) & mask) {
      const uint64_t found = atomic_claim(keys + slot, 0, key);
      if (found == 0) atomic_add(&state->pairs, 1);
      if (found != 0 && found != key) continue;
      atomic_add(counts + slot, count);
      return;
    }
    store_relaxed(&state->overflow, 1);
  }
};

/* Moves pairs to the front of an array that is filled up with keys beyond all pairs. */
struct GatherPairs {
  static constexpr int kThreads = 256;
  typedef Nothing Shared;
  typedef Nothing Local;

  PairCounts table;
  uint64_t* keys; /* all ~0 before */
  int32_t* counts;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t slot = where.index(kThreads);
    if (slot >= table.slots || table.keys[slot] == 0) return false;
    const int32_t at = atomic_add(&table.state->gathered, 1);
    keys[at] = table.keys[slot];
    counts[at] = table.counts[slot];
    return false;
  }
};

/* Puts elements i and i ^ distance in the order that the span of the network asks for. */
CPCDR_SHARED void order_pair(uint64_t* keys, int32_t* counts, int64_t i, int64_t other, bool ascending) {
  if ((keys[i] > keys[other]) != ascending) return;
  const uint64_t key = keys[i];
  const int32_t count = counts[i];
  keys[i] = keys[other];
  counts[i] = counts[other];
  keys[other] = key;
  counts[other] = count;
}

/* The k-th of the numbers that have a 0 where `distance` has its bit. */
CPCDR_SHARED int64_t lower_partner(int64_t k, int64_t distance) {
  return (k & (distance - 1)) | (k & ~(distance - 1)) << 1;
}

constexpr int kSortedTogether = 1024;

/* One step over the whole array: a thread for each two elements. */
struct SortStep {
  static constexpr int kThreads = 256;
  typedef Nothing Shared;
  typedef Nothing Local;

  uint64_t* keys;
  int32_t* counts;
  int64_t size, span, distance;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t k = where.index(kThreads);
    if (k >= size / 2) return false;
    const int64_t i = lower_partner(k, distance);
    order_pair(keys, counts, i, i + distance, (i & span) == 0);
    return false;
  }
};

/* All steps of spans first_span..last_span whose distance is below 1024: a block for each 1024 elements. */
struct SortTogether {
  static constexpr int kThreads = kSortedTogether / 2;
  struct Shared {
    uint64_t keys[kSortedTogether];
    int32_t counts[kSortedTogether];
  };
  struct Local {
    int64_t span, distance;
  };

  uint64_t* keys;
  int32_t* counts;
  int64_t first_span, last_span;

  CPCDR_SHARED void begin_span(Local& local, int64_t span) const {
    local.span = span;
    local.distance = smaller<int64_t>(span, kSortedTogether) / 2;
  }

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local& local) const {
    const int64_t base = int64_t{where.block} * kSortedTogether;
    if (p == 0) {
      for (int half = where.thread; half < kSortedTogether; half += kThreads) {
        shared.keys[half] = keys[base + half];
        shared.counts[half] = counts[base + half];
      }
      begin_span(local, first_span);
      return true;
    }
    if (local.span > last_span) {
      for (int half = where.thread; half < kSortedTogether; half += kThreads) {
        keys[base + half] = shared.keys[half];
        counts[base + half] = shared.counts[half];
      }
      return false;
    }
    const int64_t i = lower_partner(where.thread, local.distance);
    order_pair(shared.keys, shared.counts, i, i + local.distance, ((base + i) & local.span) == 0);
    local.distance /= 2;
    if (local.distance == 0) begin_span(local, 2 * local.span);
    return true;
  }
};

/* Sorts `size` pairs, a power of two from 1024 on, by their keys. */
template <typename Device>
void sort_pairs(Device& device, uint64_t* keys, int32_t* counts, int64_t size) {
  const int64_t blocks = size / kSortedTogether;
  device.launch(blocks, SortTogether{keys, counts, 2, kSortedTogether});
  for (int64_t span = 2 * kSortedTogether; span <= size; span *= 2) {
    for (int64_t distance = span / 2; distance >= kSortedTogether; distance /= 2) {
      device.launch(blocks_for(size / 2, SortStep::kThreads), SortStep{keys, counts, size, span, distance});
    }
    device.launch(blocks, SortTogether{keys, counts, span, span});
  }
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
