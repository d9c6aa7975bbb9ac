/* From the labels of runs to the labels of pixels, in place. */
#ifndef CPCDR_REGIONS_LABEL_WRITER_H
#define CPCDR_REGIONS_LABEL_WRITER_H

#include <algorithm>

#include "ranks.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Lane k becomes values[index[k]], counted modulo 8. */
inline void take_lanes(const Labels8& values, const Labels8& index, Labels8* taken) {
#if defined(__clang__)
  for (int k = 0; k < 8; k++) (*taken)[k] = values[index[k] & 7];
#else
  *taken = __builtin_shuffle(values, index);
#endif
}

/* Eight pixels at `out`: their bits, and how many runs begin before them. ~nodes[r] is the label of run r. */
inline void write_eight(const int32_t* nodes, int32_t before, unsigned starts, unsigned inside, int32_t* out) {
  /* The eight runs that can occur begin with the one that goes on here or begins with the first pixel. */
  const int32_t skipped = before == 0 ? 1 : static_cast<int32_t>(starts & 1);
  Labels8 runs, lanes;
  std::memcpy(&runs, nodes + before - 1 + skipped, sizeof runs);
  widen(kRanks.ranks[starts], &lanes);
  const Labels8 bit = {1, 2, 4, 8, 16, 32, 64, 128};
  const Labels8 shown = (static_cast<int32_t>(inside) & bit) != 0;
  Labels8 own;
  take_lanes(runs, lanes - skipped, &own);
  const Labels8 labels = ~(own & shown);
  std::memcpy(out, &labels, sizeof labels);
}

#ifdef CPCDR_SIXTEEN_NODES
/* The nodes of sixteen pixels, 0 where `inside` has no bit. */
inline __m512i nodes_of_sixteen(const int32_t* nodes, int32_t before, unsigned starts, unsigned inside) {
  const int32_t skipped = before == 0 ? 1 : static_cast<int32_t>(starts & 1);
  uint64_t low, high;
  std::memcpy(&low, kRanks.ranks[starts & 255], sizeof low);
  std::memcpy(&high, kRanks.ranks[starts >> 8], sizeof high);
  high += static_cast<uint64_t>(__builtin_popcount(starts & 255)) * 0x0101010101010101u;
  const __m128i ranks = _mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low));
  const __m512i lanes = _mm512_sub_epi32(_mm512_maskz_cvtepi8_epi32(0xFFFF, ranks), _mm512_set1_epi32(skipped));
  const __m512i runs = _mm512_loadu_si512(nodes + before - 1 + skipped);
  return _mm512_maskz_permutexvar_epi32(static_cast<__mmask16>(inside), lanes, runs);
}

inline void write_sixteen(const int32_t* nodes, int32_t before, unsigned starts, unsigned inside, int32_t* out) {
  const __m512i shown = nodes_of_sixteen(nodes, before, starts, inside);
  _mm512_storeu_si512(out, _mm512_xor_si512(shown, _mm512_set1_epi32(-1)));
}
#endif

/*
 * Writes a row, last pixels first, since the nodes of earlier runs lie in memory that earlier pixels take.
 * Background becomes -1.
 */
CPCDR_APART void write_labels(const int32_t* nodes, const BitRow& row, int width, int32_t* out) {
  for (int w = (width - 1) / kWordPixels; w >= 0; w--) {
    const int n = std::min(kWordPixels, width - w * kWordPixels);
    int32_t* pixels = out + w * kWordPixels;
    const uint64_t starts = row.starts[w], inside = row.inside[w];
    if (n == kWordPixels && starts == 0 && (inside == 0 || ~inside == 0)) {
      std::fill_n(pixels, kWordPixels, inside ? ~nodes[row.before[w] - 1] : -1);
      continue;
    }
    int k = n;
#ifdef CPCDR_SIXTEEN_NODES
    if (n == kWordPixels) {
      for (k -= 16; k >= 0; k -= 16) {
        const int32_t before = row.before[w] + __builtin_popcountll(starts & ((uint64_t{1} << k) - 1));
        write_sixteen(nodes, before, starts >> k & 0xffff, inside >> k & 0xffff, pixels + k);
      }
      continue;
    }
#endif
    for (; k % 8; k--) pixels[k - 1] = inside >> (k - 1) & 1 ? ~nodes[row.run_of(w, k - 1)] : -1;
    for (k -= 8; k >= 0; k -= 8) {
      const int32_t before = row.before[w] + __builtin_popcountll(starts & ((uint64_t{1} << k) - 1));
      write_eight(nodes, before, starts >> k & 255, inside >> k & 255, pixels + k);
    }
  }
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
