/* Prefix sums in the memory of a block. */
#ifndef CPCDR_SCAN_H
#define CPCDR_SCAN_H

#include "launch.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kChunk = 256;

/* Sums of `kChunk` numbers up to each, in 8 phases after the first. */
struct ChunkScan {
  int32_t sums[2][kChunk];

  CPCDR_SHARED void step(int k, int thread) {
    const int32_t* from = sums[k % 2];
    const int distance = 1 << k;
    sums[(k + 1) % 2][thread] = from[thread] + (thread >= distance ? from[thread - distance] : 0);
  }
  /* After 8 steps. */
  CPCDR_SHARED int32_t upto(int thread) const { return sums[0][thread]; }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
