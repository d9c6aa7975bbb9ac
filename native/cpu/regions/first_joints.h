/*
 * Runs take the parts of runs above them, a word at a time, where AVX-512 is. Of a run's joints to the row above the
 * first tells its part; those after it can only say that two parts are one.
 */
#ifndef CPCDR_REGIONS_FIRST_JOINTS_H
#define CPCDR_REGIONS_FIRST_JOINTS_H

#include "label_writer.h"

namespace cpcdr {
namespace CPCDR_ISA {

#ifdef CPCDR_SIXTEEN_NODES

/* Fewer joints in a word are sooner taken one after the other. */
constexpr int kFewJoints = 10;

/* Bits, and what comes after each of them up to the next start of a run. */
inline uint64_t fill_runs(uint64_t bits, uint64_t starts) {
  uint64_t open = ~starts;
  for (int step = 1; step < kWordPixels; step *= 2) {
    bits |= open & bits << step;
    open &= open << step;
  }
  return bits;
}

/* take_first_joints() where these are `own` joints of runs that begin in the word. */
CPCDR_APART uint64_t hand_on_parts(int32_t* nodes, const BitRow& above, const BitRow& here, int word, uint64_t joints,
                                   uint64_t own) {
  const uint64_t starts = here.starts[word], upper = above.starts[word];
  const uint64_t filled = fill_runs(own, starts), firsts = own & ~(filled << 1 & ~starts);
  for (int k = 0; k < kWordPixels; k += 16) {
    const __mmask16 lanes = static_cast<__mmask16>(firsts >> k);
    const uint64_t passed = (uint64_t{1} << k) - 1;
    const unsigned begun = starts >> k & 0xffff;
    /* Bit r: whether run r of the sixteen pixels has its first joint here. The one that goes on from before may not. */
    const unsigned joined = _pext_u32(static_cast<unsigned>(filled >> k), begun >> 1 | 0x8000);
    const unsigned earlier = k > 0 ? static_cast<unsigned>(filled >> (k - 1) & ~begun & 1) : 0;
    const __mmask16 runs = static_cast<__mmask16>(joined & ~earlier);
    const int32_t before = above.before[word] + __builtin_popcountll(upper & passed);
    const __m512i parts = nodes_of_sixteen(nodes, before, upper >> k & 0xffff, lanes);
    int32_t* const first = nodes + here.before[word] + __builtin_popcountll(starts & passed) - 1 + (begun & 1);
    _mm512_mask_storeu_epi32(first, runs, _mm512_maskz_expand_epi32(runs, _mm512_maskz_compress_epi32(lanes, parts)));
  }
  return joints & ~firsts;
}

/*
 * `joints` are pixels of a whole word that are joined to the row above. A run that begins in the word, none of which
 * has a part yet, takes that of the run above its first joint. Answers the joints that are left.
 */
CPCDR_APART uint64_t take_first_joints(int32_t* nodes, const BitRow& above, const BitRow& here, int word, uint64_t joints) {
  const uint64_t starts = here.starts[word];
  /* The run that goes on from the word before may have its part. */
  const uint64_t own = starts ? joints & ~uint64_t{0} << __builtin_ctzll(starts) : 0;
  if (__builtin_popcountll(own) < kFewJoints) return joints;
  return hand_on_parts(nodes, above, here, word, joints, own);
}

#else

inline uint64_t take_first_joints(int32_t*, const BitRow&, const BitRow&, int, uint64_t joints) { return joints; }

#endif

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
