/* What labelling.h does to every run or part of a strip, sixteen at a time where AVX-512 is. */
#ifndef CPCDR_REGIONS_PART_NAMES_H
#define CPCDR_REGIONS_PART_NAMES_H

#include "bit_row.h"

namespace cpcdr {
namespace CPCDR_ISA {

#ifdef CPCDR_SIXTEEN_NODES
inline __m512i sixteen_from(int32_t first) {
  return reinterpret_cast<__m512i>(kLane + first);
}
#endif

/* Numbers below 0 become `next` and what follows it; answers the number after the last. */
CPCDR_APART int32_t number_new(int32_t* numbers, int32_t count, int32_t next) {
  int32_t k = 0;
#ifdef CPCDR_SIXTEEN_NODES
  for (; k + 16 <= count; k += 16) {
    const __m512i old = _mm512_loadu_si512(numbers + k);
    const __mmask16 fresh = _mm512_movepi32_mask(old);
    _mm512_storeu_si512(numbers + k, _mm512_mask_expand_epi32(old, fresh, sixteen_from(next)));
    next += __builtin_popcount(fresh);
  }
#endif
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
#ifdef CPCDR_SIXTEEN_NODES
  for (; k + 16 <= count; k += 16) {
    const __m512i own = sixteen_from(k), old = _mm512_loadu_si512(parts + k);
    const unsigned led = _mm512_cmpneq_epi32_mask(old, own);
    _mm512_mask_storeu_epi32(parts + k, static_cast<__mmask16>(~led), _mm512_add_epi32(own, _mm512_set1_epi32(base)));
    leading += 16 - __builtin_popcount(led);
    for (unsigned bits = led; bits; bits &= bits - 1) {
      int32_t* const part = parts + k + __builtin_ctz(bits);
      *part = parts[*part];
    }
  }
#endif
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
#ifdef CPCDR_SIXTEEN_NODES
  for (; k + 16 <= end; k += 16) {
    const __m512i old = _mm512_loadu_si512(parts + k);
    const __mmask16 leads = _mm512_cmpeq_epi32_mask(old, sixteen_from(k));
    const __m512i names = _mm512_xor_si512(sixteen_from(next), _mm512_set1_epi32(-1));
    _mm512_storeu_si512(parts + k, _mm512_mask_expand_epi32(old, leads, names));
    next += __builtin_popcount(leads);
  }
#endif
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
#ifdef CPCDR_SIXTEEN_NODES
  for (; k + 16 <= end; k += 16) {
    unsigned bits = static_cast<__mmask16>(~_mm512_movepi32_mask(_mm512_loadu_si512(parts + k)));
    for (; bits; bits &= bits - 1) {
      int32_t* const part = parts + k + __builtin_ctz(bits);
      *part = parts[*part];
    }
  }
#endif
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
