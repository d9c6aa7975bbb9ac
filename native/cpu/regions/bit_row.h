/*
 * A row of a map as bits, 64 pixels a word: which pixels take part, which begin a run of pixels that are
 * joined along the row, and how many runs come before each word, so that the run of any pixel is found by
 * counting bits.
 */
#ifndef CPCDR_REGIONS_BIT_ROW_H
#define CPCDR_REGIONS_BIT_ROW_H

#include <cstdint>
#include <cstring>

#include "../vec.h"

#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
/* Nodes and parts are taken sixteen at a time. */
#define CPCDR_SIXTEEN_NODES
#endif

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kWordPixels = 64;

struct BitRow {
  uint64_t* inside; /* [words] pixels that are no background */
  uint64_t* starts; /* [words] first pixels of runs */
  int32_t* before;  /* [words] runs of the strip that begin before the word */

  /* Pixels that are joined to their left neighbour. */
  uint64_t links(int word) const { return inside[word] & ~starts[word]; }

  int32_t run_of(int word, int bit) const {
    return before[word] + __builtin_popcountll(starts[word] << (kWordPixels - 1 - bit)) - 1;
  }
};

/* The bits of neighbours at one pixel to the left or right; the word beyond the row counts as 0. */
inline uint64_t from_left(uint64_t bits, uint64_t word_before) { return bits << 1 | word_before >> 63; }
inline uint64_t from_right(uint64_t bits, uint64_t word_after) { return bits >> 1 | word_after << 63; }

/* 64 bytes of 0 or 1 to bits: the product moves bit 0 of byte k to bit 56 + k. */
inline uint64_t pack_bits(const uint8_t* bytes) {
  uint64_t bits = 0;
  for (int group = 0; group < 8; group++) {
    uint64_t eight;
    std::memcpy(&eight, bytes + 8 * group, 8);
    bits |= eight * 0x0102040810204080u >> 56 << (8 * group);
  }
  return bits;
}

/* Bit k is test(k), for k below count; the rest is 0. */
template <typename Test>
inline uint64_t test_bits(int count, const Test& test) {
  alignas(64) uint8_t bytes[kWordPixels];
  if (count == kWordPixels) {
    for (int k = 0; k < kWordPixels; k++) bytes[k] = test(k);
  } else {
    std::memset(bytes, 0, sizeof bytes);
    for (int k = 0; k < count; k++) bytes[k] = test(k);
  }
  return pack_bits(bytes);
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
