/* From the labels of runs to the labels of pixels, in place. */
#ifndef CPCDR_REGIONS_LABEL_WRITER_H
#define CPCDR_REGIONS_LABEL_WRITER_H

#include <algorithm>

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

/* Eight pixels at `out`: their bits, and how many runs begin before them. ~nodes[r] is the label of run r. */
inline void write_eight(const int32_t* nodes, int32_t before, unsigned starts, unsigned inside, int32_t* out) {
  typedef int8_t Ranks8 __attribute__((vector_size(8)));
  /* The eight runs that can occur begin with the one that goes on here or begins with the first pixel. */
  const int32_t skipped = before == 0 ? 1 : static_cast<int32_t>(starts & 1);
  Labels8 runs;
  Ranks8 ranks;
  std::memcpy(&runs, nodes + before - 1 + skipped, sizeof runs);
  std::memcpy(&ranks, kRanks.ranks[starts], sizeof ranks);
  const Labels8 lanes = __builtin_convertvector(ranks, Labels8) - skipped;
  const Labels8 bit = {1, 2, 4, 8, 16, 32, 64, 128};
  const Labels8 shown = (static_cast<int32_t>(inside) & bit) != 0;
  const Labels8 labels = ~(__builtin_shuffle(runs, lanes) & shown);
  std::memcpy(out, &labels, sizeof labels);
}

#if CPCDR_ISA_LEVEL == 2
typedef int32_t Labels16 __attribute__((vector_size(64)));

/* The same of sixteen. */
inline void write_sixteen(const int32_t* nodes, int32_t before, unsigned starts, unsigned inside, int32_t* out) {
  typedef int8_t Ranks16 __attribute__((vector_size(16)));
  const int32_t skipped = before == 0 ? 1 : static_cast<int32_t>(starts & 1);
  uint64_t halves[2];
  std::memcpy(halves, kRanks.ranks[starts & 255], 8);
  std::memcpy(halves + 1, kRanks.ranks[starts >> 8], 8);
  halves[1] += static_cast<uint64_t>(__builtin_popcount(starts & 255)) * 0x0101010101010101u;
  Labels16 runs;
  Ranks16 ranks;
  std::memcpy(&runs, nodes + before - 1 + skipped, sizeof runs);
  std::memcpy(&ranks, halves, sizeof ranks);
  const Labels16 lanes = __builtin_convertvector(ranks, Labels16) - skipped;
  const Labels16 bit = {1,      1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                        1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
  const Labels16 shown = (static_cast<int32_t>(inside) & bit) != 0;
  const Labels16 labels = ~(__builtin_shuffle(runs, lanes) & shown);
  std::memcpy(out, &labels, sizeof labels);
}
#endif

/*
 * Writes a row, last pixels first, since the nodes of earlier runs lie in memory that earlier pixels take.
 * Background becomes -1.
 */
inline void write_labels(const int32_t* nodes, const BitRow& row, int width, int32_t* out) {
  for (int w = (width - 1) / kWordPixels; w >= 0; w--) {
    const int n = std::min(kWordPixels, width - w * kWordPixels);
    int32_t* pixels = out + w * kWordPixels;
    const uint64_t starts = row.starts[w], inside = row.inside[w];
    if (n == kWordPixels && starts == 0 && (inside == 0 || ~inside == 0)) {
      std::fill_n(pixels, kWordPixels, inside ? ~nodes[row.before[w] - 1] : -1);
      continue;
    }
    int k = n;
#if CPCDR_ISA_LEVEL == 2
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
