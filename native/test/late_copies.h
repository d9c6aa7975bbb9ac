/*
 * What copies of shared/words.h do below the emulator: they are there at once, or as late as the thread's waits allow,
 * as it is drawn for each block. A kernel must be right both ways.
 */
#ifndef CPCDR_LATE_COPIES_H
#define CPCDR_LATE_COPIES_H

#include <cstring>
#include <vector>

/* Of one thread of a block. */
class LateCopies {
 public:
  explicit LateCopies(bool late) : late_(late) {}

  void copy(void* to, const void* from, size_t bytes, bool there) {
    const Copy one{to, from, bytes, there};
    if (late_) open_.push_back(one);
    else run(one);
  }
  /* What was copied since the last is a batch. */
  void end() {
    if (late_) batches_.push_back(std::move(open_));
    open_.clear();
  }
  void wait(size_t left) {
    for (; batches_.size() > left; batches_.erase(batches_.begin())) {
      for (const Copy& one : batches_.front()) run(one);
    }
  }

 private:
  struct Copy {
    void* to;
    const void* from;
    size_t bytes;
    bool there;
  };
  static void run(const Copy& one) {
    if (one.there) std::memcpy(one.to, one.from, one.bytes);
    else std::memset(one.to, 0, one.bytes);
  }

  bool late_;
  std::vector<Copy> open_;
  std::vector<std::vector<Copy>> batches_;
};

/* Of the thread that runs. */
inline thread_local LateCopies* late_copies = nullptr;

#endif
