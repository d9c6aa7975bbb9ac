/* Which components touch, and the merging of small ones: lib/regions/merging.ts. */
#ifndef CPCDR_REGIONS_REGION_GRAPH_H
#define CPCDR_REGIONS_REGION_GRAPH_H

#include <algorithm>
#include <cmath>

#include "../buffer.h"
#include "pair_table.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Logarithms of depth are whole parts of this size. */
constexpr double kLogPart = 1.0 / (1 << 17);
constexpr int64_t kLogParts = 1 << 17;
/* How much of its jumps must lead one way for a region to stand out. */
constexpr double kOneWay = 0.3;

/* The border of two components, low < high; rises lead from low to high. */
struct Border {
  int32_t low, high, count; /* count, of pixel pairs, 0: free */
  int64_t gap, rise;

  uint64_t key() const { return static_cast<uint64_t>(low) << 32 | static_cast<uint32_t>(high); }
  void add(const Border& other) {
    count += other.count;
    gap += other.gap;
    rise += other.rise;
  }
};

using BorderTable = PairTable<Border>;

/* Which small regions stay; a jump of NaN keeps none. */
struct Keep {
  double jump, area;
};

/* Borders as each region sees them, in lists; regions take over the borders of what merges into them. */
class RegionGraph {
 public:
  /* Answers false when memory runs out. */
  bool build(BorderTable* table, int32_t count) {
    const int64_t sides = 2 * table->size();
    int64_t slots = 1024;
    while (slots < 3 * sides) slots *= 2;
    if (!first_.fill(count, -1) || !leader_.reserve(count) || !sides_.reserve(sides) || !slots_.fill(slots, -1)) return false;
    for (int32_t i = 0; i < count; i++) leader_[i] = i;
    for (const Border& border : *table) {
      if (border.count == 0) continue;
      if (!add({border.low, border.high, 0, border.count, border.gap, border.rise}) ||
          !add({border.high, border.low, 0, border.count, border.gap, -border.rise})) {
        return false;
      }
    }
    return true;
  }

  int32_t find(int32_t i) {
    while (leader_[i] != i) i = leader_[i] = leader_[leader_[i]];
    return i;
  }

  /* Merges components of less than least_area pixels, smallest first, into what is nearest; false without memory. */
  bool merge(int32_t* areas, int32_t count, double least_area, const Keep& keep) {
    Buffer<int32_t> order;
    for (int32_t i = 0; i < count; i++) {
      if (areas[i] < least_area && !order.push(i)) return false;
    }
    std::sort(order.begin(), order.begin() + order.size(),
              [=](int32_t a, int32_t b) { return areas[a] != areas[b] ? areas[a] < areas[b] : a < b; });
    for (int64_t k = 0; k < order.size(); k++) {
      const int32_t own = order[k];
      if (areas[own] >= least_area) continue;
      double least;
      const int32_t best = nearest(own, &least);
      if (best < 0) continue;
      if (least > keep.jump && areas[own] >= keep.area && stands_out(own)) continue;
      leader_[own] = best;
      areas[best] += areas[own];
      for (int32_t at = first_[own]; at >= 0; at = sides_[at].next) {
        Side side = sides_[at];
        side.owner = best;
        side.other = find(side.other);
        if (side.other != best && !add(side)) return false;
      }
    }
    return true;
  }

 private:
  struct Side {
    int32_t owner, other, next, length;
    int64_t gap, rise;
  };

  static uint64_t hash(int32_t owner, int32_t other) {
    const uint64_t mixed = (static_cast<uint64_t>(owner) << 32 | static_cast<uint32_t>(other)) * 0x9E3779B97F4A7C15u;
    return mixed ^ mixed >> 32;
  }

  /* Where the side is or belongs. */
  int64_t slot_of(int32_t owner, int32_t other) {
    const uint64_t mask = static_cast<uint64_t>(slots_.size() - 1);
    uint64_t slot = hash(owner, other) & mask;
    for (;; slot = (slot + 1) & mask) {
      const int32_t at = slots_[static_cast<int64_t>(slot)];
      if (at < 0 || (sides_[at].owner == owner && sides_[at].other == other)) return static_cast<int64_t>(slot);
    }
  }

  bool add(const Side& side) {
    if (2 * (sides_.size() + 1) > slots_.size() && !grow()) return false;
    const int64_t slot = slot_of(side.owner, side.other);
    if (slots_[slot] >= 0) {
      Side& known = sides_[slots_[slot]];
      known.length += side.length;
      known.gap += side.gap;
      known.rise += side.rise;
      return true;
    }
    const int32_t at = static_cast<int32_t>(sides_.size());
    if (!sides_.push(side)) return false;
    slots_[slot] = at;
    sides_[at].next = first_[side.owner];
    first_[side.owner] = at;
    return true;
  }

  bool grow() {
    if (sides_.size() > INT32_MAX / 2 || !slots_.fill(2 * slots_.size(), -1)) return false;
    for (int64_t at = 0; at < sides_.size(); at++) {
      slots_[slot_of(sides_[at].owner, sides_[at].other)] = static_cast<int32_t>(at);
    }
    return true;
  }

  /* The neighbour of the smallest gap, the first of equals; -1 without any. */
  int32_t nearest(int32_t own, double* least) {
    int32_t best = -1;
    *least = INFINITY;
    for (int32_t at = first_[own]; at >= 0; at = sides_[at].next) {
      const int32_t target = find(sides_[at].other);
      if (target == own) continue;
      const double cost = static_cast<double>(sides_[at].gap) * kLogPart / sides_[at].length;
      if (!(cost < *least || (cost == *least && target < best))) continue;
      best = target;
      *least = cost;
    }
    return best;
  }

  bool stands_out(int32_t own) {
    int64_t sum = 0, all = 0;
    for (int32_t at = first_[own]; at >= 0; at = sides_[at].next) {
      if (find(sides_[at].other) == own) continue;
      sum += sides_[at].rise;
      all += std::abs(sides_[at].rise);
    }
    return std::fabs(static_cast<double>(sum)) * kLogPart > kOneWay * (static_cast<double>(all) * kLogPart);
  }

  Buffer<int32_t> first_, leader_, slots_;
  Buffer<Side> sides_;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
