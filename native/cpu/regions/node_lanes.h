/* Nodes or parts side by side, as many as a register holds. */
#ifndef CPCDR_REGIONS_NODE_LANES_H
#define CPCDR_REGIONS_NODE_LANES_H

#include "ranks.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Bit k: whether lane k of both is the same. */
inline unsigned same_lanes(Words a, Words b) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  return _mm512_cmpeq_epi32_mask(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b));
#else
  return sign_bits(a == b);
#endif
}

/* Lanes that have a bit become `next` and what follows it, the others stay. */
inline Words count_on(Words nodes, unsigned bits, int32_t next) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  const __m512i numbers = reinterpret_cast<__m512i>(kLane + next);
  return reinterpret_cast<Words>(_mm512_mask_expand_epi32(reinterpret_cast<__m512i>(nodes),
                                                          static_cast<__mmask16>(bits), numbers));
#else
  const Words counted = (static_cast<int32_t>(bits) & (1 << kLane)) != 0;
  Words ranks;
  widen(kRanks.ranks[bits], &ranks);
  return counted ? ranks + (next - 1) : nodes;
#endif
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
