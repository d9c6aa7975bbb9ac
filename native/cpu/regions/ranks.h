/* The ranks of bits among those that are set, eight at a time. */
#ifndef CPCDR_REGIONS_RANKS_H
#define CPCDR_REGIONS_RANKS_H

#include "bit_row.h"

namespace cpcdr {
namespace CPCDR_ISA {

typedef int32_t Labels8 __attribute__((vector_size(32)));

/* Lane k of entry m: the bits of m up to and with bit k. */
struct RankTable {
  int8_t ranks[256][8];

  constexpr RankTable() : ranks() {
    for (int m = 0; m < 256; m++) {
      for (int k = 0, rank = 0; k < 8; k++) ranks[m][k] = static_cast<int8_t>(rank += m >> k & 1);
    }
  }
};

constexpr RankTable kRanks;

/* Numbers of a byte each as lanes. GCC 12 makes many instructions of __builtin_convertvector. */
template <typename Lanes>
inline void widen(const int8_t* numbers, Lanes* lanes) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL >= 1
  static_assert(sizeof(Lanes) == sizeof(__m256i), "eight lanes");
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(numbers));
  *lanes = reinterpret_cast<Lanes>(_mm256_cvtepi8_epi32(bytes));
#else
  for (size_t k = 0; k < sizeof(Lanes) / 4; k++) (*lanes)[k] = numbers[k];
#endif
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
