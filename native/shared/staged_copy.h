/*
 * Copies from a device into memory that it cannot write itself: pieces come into buffers that it can, while threads
 * copy the pieces before to where they belong. One thread copies and faults pages in at a fraction of a bus's speed.
 *
 * A Lane is what one thread works with; it has two buffers of kStagedPiece bytes:
 *   begin()                      on the thread, before anything else; false when it fails
 *   start(k, from, bytes)        queues a copy to buffer k; false when it fails
 *   wait(k)                      until what start(k) queued is there; false when it failed
 *   buffer(k)
 */
#ifndef CPCDR_STAGED_COPY_H
#define CPCDR_STAGED_COPY_H

#include <pthread.h>

#include <cstddef>
#include <cstring>

#include "shared.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr size_t kStagedPiece = size_t{1} << 21;

template <typename Lane>
class StagedCopy {
 public:
  static constexpr int kMostLanes = 8;

  StagedCopy(void* to, const void* from, size_t bytes)
      : to_(static_cast<char*>(to)), from_(static_cast<const char*>(from)), bytes_(bytes) {}

  /* Done on return; false when a lane failed, which is the end of all. Threads that cannot be had are done without. */
  bool run(Lane* lanes, int count) {
    Worker workers[kMostLanes];
    for (int i = 1; i < count && i < kMostLanes; i++) {
      workers[i] = {this, lanes + i, {}, false};
      workers[i].runs = pthread_create(&workers[i].thread, nullptr, work, &workers[i]) == 0;
    }
    copy(lanes[0]);
    for (int i = 1; i < count && i < kMostLanes; i++) {
      if (workers[i].runs) pthread_join(workers[i].thread, nullptr);
    }
    return !failed();
  }

 private:
  struct Worker {
    StagedCopy* all;
    Lane* lane;
    pthread_t thread;
    bool runs;
  };
  /* A piece under way; no bytes: none. */
  struct Piece {
    size_t at, bytes;
  };

  static void* work(void* worker) {
    static_cast<Worker*>(worker)->all->copy(*static_cast<Worker*>(worker)->lane);
    return nullptr;
  }

  void copy(Lane& lane) {
    if (!lane.begin()) fail();
    Piece before = {0, 0};
    for (int k = 0;; k ^= 1) {
      const Piece piece = next();
      if (piece.bytes && !lane.start(k, from_ + piece.at, piece.bytes)) fail();
      if (before.bytes) {
        if (!lane.wait(k ^ 1)) fail();
        if (!failed()) std::memcpy(to_ + before.at, lane.buffer(k ^ 1), before.bytes);
      }
      if (!piece.bytes) return;
      before = piece;
    }
  }

  Piece next() {
    if (failed()) return {0, 0};
    const size_t at = __atomic_fetch_add(&next_, kStagedPiece, __ATOMIC_RELAXED);
    if (at >= bytes_) return {0, 0};
    return {at, bytes_ - at < kStagedPiece ? bytes_ - at : kStagedPiece};
  }

  bool failed() const { return __atomic_load_n(&failed_, __ATOMIC_RELAXED); }
  void fail() { __atomic_store_n(&failed_, true, __ATOMIC_RELAXED); }

  char* to_;
  const char* from_;
  size_t bytes_, next_ = 0;
  bool failed_ = false;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
