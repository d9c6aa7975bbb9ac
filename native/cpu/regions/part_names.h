/* What labelling.h does to every run or part of a strip, as many at a time as a register holds. */
#ifndef CPCDR_REGIONS_PART_NAMES_H
#define CPCDR_REGIONS_PART_NAMES_H

#include "node_lanes.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Numbers below 0 become `next` and what follows it; answers the number after the last. */
CPCDR_APART int32_t number_new(int32_t* numbers, int32_t count, int32_t next) {
  int32_t k = 0;
  for (; k + kLanes <= count; k += kLanes) {
    const Words old = load(numbers + k);
    const unsigned fresh = sign_bits(old);
    store(numbers + k, count_on(old, fresh, next));
    next += __builtin_popcount(fresh);
  }
  for (; k < count; k++) {
    const int32_t number = numbers[k];
    numbers[k] = number < 0 ? next : number;
    next += number < 0;
  }
  return next;
}

/*
 * Parts point to parts before them or, if they lead, to themselves. Afterwards all point to those that lead, with
 * `base` added; answers how many do.
 */
CPCDR_APART int32_t point_to_leaders(int32_t* parts, int32_t count, int32_t base) {
  int32_t k = 0, leading = 0;
  for (; k + kLanes <= count; k += kLanes) {
    const Words old = load(parts + k), own = kLane + k;
    const unsigned leads = same_lanes(old, own);
    store(parts + k, old == own ? own + base : old);
    leading += __builtin_popcount(leads);
    for (unsigned bits = leads ^ kAllBits; bits; bits &= bits - 1) {
      int32_t* const part = parts + k + __builtin_ctz(bits);
      *part = parts[*part];
    }
  }
  for (; k < count; k++) {
    const bool leads = parts[k] == k;
    parts[k] = leads ? base + k : parts[parts[k]];
    leading += leads;
  }
  return leading;
}

/* Parts [first, first + count) that point to themselves become ~next and what follows it. */
CPCDR_APART void name_leaders(int32_t* parts, int32_t first, int32_t count, int32_t next) {
  int32_t k = first;
  const int32_t end = first + count;
  for (; k + kLanes <= end; k += kLanes) {
    const Words old = load(parts + k);
    const unsigned leads = same_lanes(old, kLane + k);
    store(parts + k, ~count_on(~old, leads, next));
    next += __builtin_popcount(leads);
  }
  for (; k < end; k++) {
    const bool leads = parts[k] == k;
    if (leads) parts[k] = ~next;
    next += leads;
  }
}

/* Parts [first, first + count) without a name take that of the part that they point to. */
CPCDR_APART void take_names(int32_t* parts, int32_t first, int32_t count) {
  int32_t k = first;
  const int32_t end = first + count;
  for (; k + kLanes <= end; k += kLanes) {
    for (unsigned bits = sign_bits(load(parts + k)) ^ kAllBits; bits; bits &= bits - 1) {
      int32_t* const part = parts + k + __builtin_ctz(bits);
      *part = parts[*part];
    }
  }
  for (; k < end; k++) {
    if (parts[k] >= 0) parts[k] = parts[parts[k]];
  }
}

/* Nodes become the names of their parts. */
CPCDR_APART void name_nodes(int32_t* nodes, int32_t count, const int32_t* names) {
  int32_t k = 0;
#ifdef CPCDR_SIXTEEN_NODES
  for (; k + 16 <= count; k += 16) {
    const __m512i parts = _mm512_loadu_si512(nodes + k);
    _mm512_storeu_si512(nodes + k, _mm512_mask_i32gather_epi32(parts, 0xFFFF, parts, names, 4));
  }
#endif
  for (; k < count; k++) nodes[k] = names[nodes[k]];
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
