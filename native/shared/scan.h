/* Prefix sums in the memory of a block. */
#ifndef CPCDR_SCAN_H
#define CPCDR_SCAN_H

#include "launch.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int kChunk = 256;

/* Sums of 2^steps numbers up to each, in as many phases after the first as there are steps. */
template <int steps>
struct BlockScan {
  static constexpr int kCount = 1 << steps;
  int32_t sums[2][kCount];

  CPCDR_SHARED void step(int k, int thread) {
    const int32_t* from = sums[k % 2];
    const int distance = 1 << k;
    sums[(k + 1) % 2][thread] = from[thread] + (thread >= distance ? from[thread - distance] : 0);
  }
  /* After all steps. */
  CPCDR_SHARED int32_t upto(int thread) const { return sums[steps % 2][thread]; }
};

typedef BlockScan<8> ChunkScan;

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
