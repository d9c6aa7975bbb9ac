/* Rows sorted by group on the device, and what the prototype loss asks of its arguments before it begins. */
#ifndef CPCDR_GROUP_ORDER_H
#define CPCDR_GROUP_ORDER_H

#include <cmath>

#include "../half.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Keys to sort by: groups, and group_count for rows of none; counts of a block's rows. */
struct GroupKeys {
  static constexpr int kThreads = 256;
  typedef Nothing Local;
  struct Shared {
    int32_t beyond, counted;
  };

  const int32_t* groups;
  int32_t *keys, *rows;      /* [n] */
  int32_t *beyond, *counted; /* [blocks] rows of groups that are none; rows below `limit` of a group */
  int64_t n, limit;
  int32_t group_count;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    if (p == 0) {
      if (where.thread == 0) shared.beyond = shared.counted = 0;
      return true;
    }
    if (p == 1) {
      const int64_t i = where.index(kThreads);
      if (i >= n) return true;
      const int32_t group = groups[i];
      keys[i] = group < 0 || group > group_count ? group_count : group;
      rows[i] = static_cast<int32_t>(i);
      if (group >= group_count) atomic_add(&shared.beyond, int32_t{1});
      if (group >= 0 && i < limit) atomic_add(&shared.counted, int32_t{1});
      return true;
    }
    if (where.thread == 0) {
      beyond[where.block] = shared.beyond;
      counted[where.block] = shared.counted;
    }
    return false;
  }
};

/* bounds[g] = the first sorted row whose key is g or above; a thread for each row and one more. */
struct GroupBounds {
  static constexpr int kThreads = 256;
  typedef Nothing Shared;
  typedef Nothing Local;

  const int32_t* keys; /* [n] sorted */
  int32_t* bounds;     /* [group_count + 1] */
  int64_t n;
  int32_t group_count;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t i = where.index(kThreads);
    if (i > n) return false;
    const int32_t first = i == 0 ? 0 : keys[i - 1] + 1, last = i == n ? group_count : keys[i];
    for (int32_t g = first; g <= last; g++) bounds[g] = static_cast<int32_t>(i);
    return false;
  }
};

/* Rows of one depth: features, or prototypes. */
struct RowSet {
  const float* rows;
  int64_t count;
};

/*
 * The longest row of each block of 32 of two sets, one after the other; infinity where one is not finite. A warp takes
 * four rows at once.
 */
struct LongestRows {
  static constexpr int kThreads = 256, kResident = 4, kTogether = 4, kRows = kThreads / kWarp * kTogether;
  typedef Nothing Local;
  struct Shared {
    float squares[kRows][kWarp + 1]; /* the end keeps threads that sum up rows in different banks */
    float rows[kRows];
  };

  RowSet sets[2];
  float* longest; /* [blocks of either set] squares */
  int depth;

  int64_t blocks(int set) const { return blocks_for(sets[set].count, kRows); }

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    const int thread = where.thread;
    if (p == 0) {
      const int first = thread / kWarp * kTogether, lane = thread % kWarp;
      const int32_t ahead = static_cast<int32_t>(blocks_for(sets[0].count, kRows)), block = where.block;
      float sums[kTogether] = {0, 0, 0, 0};
      if (block < ahead) add_squares(sets[0], int64_t{block} * kRows + first, lane, sums);
      else add_squares(sets[1], int64_t{block - ahead} * kRows + first, lane, sums);
      CPCDR_UNROLL
      for (int r = 0; r < kTogether; r++) shared.squares[first + r][lane] = sums[r];
      return true;
    }
    if (p == 1) {
      if (thread >= kRows) return true;
      float sum = 0;
      for (int i = 0; i < kWarp; i++) sum += shared.squares[thread][i];
      shared.rows[thread] = sum < INFINITY ? sum : INFINITY;
      return true;
    }
    if (thread != 0) return false;
    float most = 0;
    for (int r = 0; r < kRows; r++) most = larger(most, shared.rows[r]);
    longest[where.block] = most;
    return false;
  }

  CPCDR_SHARED void add_squares(const RowSet& set, int64_t first, int lane, float (&sums)[kTogether]) const {
    constexpr int kEach = sizeof(Words) / sizeof(float);
    const bool whole = depth % kEach == 0 && reinterpret_cast<uintptr_t>(set.rows) % sizeof(Words) == 0;
    for (int c = whole ? lane * kEach : lane; c < depth; c += whole ? kWarp * kEach : kWarp) {
      CPCDR_UNROLL
      for (int r = 0; r < kTogether; r++) {
        if (first + r >= set.count) continue;
        const float* const from = set.rows + (first + r) * depth + c;
        if (whole) {
          const Words words = read_words(from);
          CPCDR_UNROLL
          for (int e = 0; e < kEach; e++) sums[r] = add_square(float_of_bits(words.at[e]), sums[r]);
        } else {
          sums[r] = add_square(*from, sums[r]);
        }
      }
    }
  }
  CPCDR_SHARED static float add_square(float value, float sum) { return sum + value * value; }
};

/* What the host must know before it goes on. */
struct LossFacts {
  int32_t beyond, counted, present, largest; /* largest: rows of the largest group */
  float feature_square, prototype_square;    /* of the longest rows */
};

struct GatherFacts {
  static constexpr int kThreads = 1024;
  typedef Nothing Local;
  struct Shared {
    LossFacts facts[kThreads];
  };

  const int32_t *beyond, *counted, *bounds;
  const float *features, *prototypes; /* squares of blocks */
  int64_t key_blocks, feature_blocks, prototype_blocks;
  int32_t group_count;
  LossFacts* out;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    const int thread = where.thread;
    if (p == 0) {
      LossFacts own{0, 0, 0, 0, 0, 0};
      for (int64_t i = thread; i < key_blocks; i += kThreads) {
        own.beyond += beyond[i];
        own.counted += counted[i];
      }
      for (int64_t i = thread; i < group_count; i += kThreads) own.largest = larger(own.largest, bounds[i + 1] - bounds[i]);
      for (int64_t i = thread; i < feature_blocks; i += kThreads) own.feature_square = larger(own.feature_square, features[i]);
      for (int64_t i = thread; i < prototype_blocks; i += kThreads) {
        own.prototype_square = larger(own.prototype_square, prototypes[i]);
      }
      shared.facts[thread] = own;
      return true;
    }
    const int half = kThreads >> p;
    if (thread < half) {
      LossFacts& own = shared.facts[thread];
      const LossFacts& other = shared.facts[thread + half];
      own.beyond += other.beyond;
      own.counted += other.counted;
      own.largest = larger(own.largest, other.largest);
      own.feature_square = larger(own.feature_square, other.feature_square);
      own.prototype_square = larger(own.prototype_square, other.prototype_square);
    }
    if (half > 1) return true;
    if (thread == 0) {
      *out = shared.facts[0];
      out->present = bounds[group_count];
    }
    return false;
  }
};

/* Rows by group, in the device's memory. */
struct GroupOrder {
  int32_t *order, *bounds; /* [n], those of no group last; [group_count + 1] */
  LossFacts facts;
};

/* The facts of a call; answers whether there was memory. Waits for the device. */
template <typename Device>
bool order_groups_on(Device& device, const float* features, const float* prototypes, const int32_t* groups,
                     const int32_t* sizes, GroupOrder& out) {
  const int64_t n = sizes[0], k = sizes[1];
  const int depth = sizes[2];
  const int32_t group_count = sizes[3];
  const int64_t key_blocks = blocks_for(n, GroupKeys::kThreads);
  LongestRows longest{{{features, n}, {prototypes, k}}, nullptr, depth};
  const int64_t feature_blocks = longest.blocks(0), prototype_blocks = longest.blocks(1);
  int32_t* const keys = device.template memory<int32_t>(2 * n);
  int32_t* const rows = device.template memory<int32_t>(n);
  int32_t* const counts = device.template memory<int32_t>(2 * key_blocks);
  float* const squares = device.template memory<float>(feature_blocks + prototype_blocks);
  LossFacts* const facts = device.template memory<LossFacts>(1);
  out.order = device.template memory<int32_t>(n);
  out.bounds = device.template memory<int32_t>(int64_t{group_count} + 1);
  if (!keys || !rows || !counts || !squares || !facts || !out.order || !out.bounds) return false;
  device.launch(key_blocks, GroupKeys{groups, keys, rows, counts, counts + key_blocks, n, sizes[5], group_count});
  int bits = 1;
  while (group_count >> bits) bits++;
  if (!device.sort(keys, keys + n, rows, out.order, n, bits)) return false;
  device.launch(blocks_for(n + 1, GroupBounds::kThreads), GroupBounds{keys + n, out.bounds, n, group_count});
  longest.longest = squares;
  device.launch(feature_blocks + prototype_blocks, longest);
  device.launch(1, GatherFacts{counts, counts + key_blocks, out.bounds, squares, squares + feature_blocks, key_blocks,
                               feature_blocks, prototype_blocks, group_count, facts});
  return device.read(&out.facts, facts, sizeof(LossFacts)) == 0;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
