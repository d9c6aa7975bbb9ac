/*
 * Union-find that any number of threads may work on at once. A node points to an earlier node of its set, or to
 * itself; links only ever move to earlier nodes, so that the root of a set is its first pixel whatever the order in
 * which pairs are united, and reading an old link costs a step but no correctness. Node i lies at `nodes + i`.
 */
#ifndef CPCDR_UNION_FIND_H
#define CPCDR_UNION_FIND_H

#include "../launch.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Nodes in the memory of a block: those 32 apart lie in different banks. */
struct SpreadNodes {
  int32_t* nodes;

  CPCDR_SHARED static constexpr int room(int count) { return count + count / 32; }
  CPCDR_SHARED int32_t* operator+(int32_t i) const { return nodes + i + (i >> 5); }
};

template <typename Nodes>
CPCDR_SHARED int32_t find_first(const Nodes& nodes, int32_t i) {
  for (int32_t next = load_relaxed(nodes + i); next != i; next = load_relaxed(nodes + i)) i = next;
  return i;
}

/* Both at once, as each step waits for memory. */
template <typename Nodes>
CPCDR_SHARED void find_first(const Nodes& nodes, int32_t& a, int32_t& b) {
  int32_t next_a = load_relaxed(nodes + a), next_b = load_relaxed(nodes + b);
  while (next_a != a || next_b != b) {
    a = next_a;
    b = next_b;
    next_a = load_relaxed(nodes + a);
    next_b = load_relaxed(nodes + b);
  }
}

/* Answers the root that is one no longer, or -1 where the two were united already. */
template <typename Nodes>
CPCDR_SHARED int32_t unite_nodes(const Nodes& nodes, int32_t a, int32_t b) {
  for (;;) {
    find_first(nodes, a, b);
    if (a == b) return -1;
    const int32_t first = smaller(a, b), other = larger(a, b);
    const int32_t before = atomic_min(nodes + other, first);
    if (before == other) return other;
    /* Another thread was quicker: what it linked `other` to is still to be united with `first`. */
    a = before;
    b = first;
  }
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
