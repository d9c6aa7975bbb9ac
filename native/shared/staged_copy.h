/*
 * Copies between a device and memory that it cannot reach itself, through buffers that it can: threads copy pieces
 * between memory and buffers while others are under way. One thread alone copies, and faults pages in, at a fraction of
 * a bus's speed.
 *
 * A Lane is what one thread works with; it has two buffers of kStagedPiece bytes. What answers false has failed.
 *   begin()                     on the thread, before anything else
 *   fetch(k, from, bytes)       queues a copy from the device to buffer k
 *   send(k, to, bytes)          queues a copy from buffer k to the device
 *   wait(k)                     until what was queued of buffer k last is done
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

/* What is copied; a piece of it too. No bytes: nothing. */
struct StagedRange {
  char *host, *device;
  size_t bytes;
};

enum StagedWay { kStagedUp, kStagedDown };

template <typename Lane>
class StagedCopy {
 public:
  static constexpr int kMostLanes = 8;

  StagedCopy(StagedWay way, const StagedRange* ranges, int count) : way_(way), ranges_(ranges), count_(count) {}

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

  static void* work(void* worker) {
    static_cast<Worker*>(worker)->all->copy(*static_cast<Worker*>(worker)->lane);
    return nullptr;
  }

  void copy(Lane& lane) {
    if (!lane.begin()) fail();
    if (way_ == kStagedUp) copy_up(lane);
    else copy_down(lane);
  }

  void copy_down(Lane& lane) {
    StagedRange before = {nullptr, nullptr, 0};
    for (int k = 0;; k ^= 1) {
      const StagedRange piece = next();
      if (piece.bytes && !lane.fetch(k, piece.device, piece.bytes)) fail();
      if (before.bytes) {
        if (!lane.wait(k ^ 1)) fail();
        if (!failed()) std::memcpy(before.host, lane.buffer(k ^ 1), before.bytes);
      }
      if (!piece.bytes) return;
      before = piece;
    }
  }

  void copy_up(Lane& lane) {
    bool sent[2] = {false, false};
    for (int k = 0;; k ^= 1) {
      const StagedRange piece = next();
      if (!piece.bytes) break;
      if (sent[k] && !lane.wait(k)) fail();
      std::memcpy(lane.buffer(k), piece.host, piece.bytes);
      sent[k] = lane.send(k, piece.device, piece.bytes);
      if (!sent[k]) fail();
    }
    for (int k = 0; k < 2; k++) {
      if (sent[k] && !lane.wait(k)) fail();
    }
  }

  /* The next piece that no thread has taken. */
  StagedRange next() {
    const StagedRange none = {nullptr, nullptr, 0};
    if (failed()) return none;
    size_t piece = __atomic_fetch_add(&taken_, size_t{1}, __ATOMIC_RELAXED);
    for (int i = 0; i < count_; i++) {
      const StagedRange& range = ranges_[i];
      const size_t pieces = (range.bytes + kStagedPiece - 1) / kStagedPiece;
      if (piece >= pieces) {
        piece -= pieces;
        continue;
      }
      const size_t at = piece * kStagedPiece, rest = range.bytes - at;
      return {range.host + at, range.device + at, rest < kStagedPiece ? rest : kStagedPiece};
    }
    return none;
  }

  bool failed() const { return __atomic_load_n(&failed_, __ATOMIC_RELAXED); }
  void fail() { __atomic_store_n(&failed_, true, __ATOMIC_RELAXED); }

  StagedWay way_;
  const StagedRange* ranges_;
  int count_;
  size_t taken_ = 0;
  bool failed_ = false;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
