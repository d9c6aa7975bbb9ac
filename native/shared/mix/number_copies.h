/* The numbers of copies, known once all pastes have passed. */
#ifndef CPCDR_NUMBER_COPIES_H
#define CPCDR_NUMBER_COPIES_H

#include "composition.h"
#include "../scan.h"

namespace cpcdr {
namespace CPCDR_ISA {

/*
 * One block. Copies are numbered over the batch: each image's background, then its pastes that show. shown [pastes]
 * holds 0 or 1 before, and the number or -1 afterwards.
 */
struct NumberCopies {
  static constexpr int kThreads = kChunk;
  typedef Nothing Local;
  typedef ChunkScan Shared;

  const PlannedPaste* pastes;
  int32_t* shown;       /* [pastes] */
  int32_t* backgrounds; /* [mixed] */
  int count, mixed;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    const int64_t each = blocks_for(count, kThreads);
    const int64_t begin = smaller<int64_t>(count, where.thread * each), end = smaller<int64_t>(count, begin + each);
    if (p > 0 && p <= 8) {
      shared.step(p - 1, where.thread);
      return true;
    }
    if (p == 0) {
      int32_t own = 0;
      for (int64_t k = begin; k < end; k++) own += shown[k];
      shared.sums[0][where.thread] = own;
      return true;
    }
    int32_t before = where.thread > 0 ? shared.upto(where.thread - 1) : 0;
    int previous = begin < end && begin > 0 ? image_of(begin - 1) : -1;
    for (int64_t k = begin; k < end; k++) {
      const int image = image_of(k);
      number_backgrounds(previous, image, before);
      const int32_t own = shown[k];
      shown[k] = own ? before + image + 1 : -1;
      before += own;
      previous = image;
    }
    /* Images behind the last paste. */
    if (where.thread == kThreads - 1) number_backgrounds(count > 0 ? image_of(count - 1) : -1, mixed - 1, before);
    return false;
  }

  CPCDR_SHARED int image_of(int64_t paste) const { return pastes[paste].place.mixed; }

  /* Of images behind the first, up to the last, with so many pastes that show before them. */
  CPCDR_SHARED void number_backgrounds(int first, int last, int32_t before) const {
    for (int image = first + 1; image <= last; image++) backgrounds[image] = before + image;
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
