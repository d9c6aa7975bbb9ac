/* Sums over pairs of labels: open addressing in one block that doubles when it is half full. */
#ifndef CPCDR_REGIONS_PAIR_TABLE_H
#define CPCDR_REGIONS_PAIR_TABLE_H

#include <cstdint>
#include <cstdlib>

#include "../dispatch.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* How often two labels, low < high, touch. */
struct Pair {
  int32_t low, high, count; /* count 0: free */

  Pair(int32_t a, int32_t b, int32_t times) : low(a < b ? a : b), high(a < b ? b : a), count(times) {}
  uint64_t key() const { return static_cast<uint64_t>(low) << 32 | static_cast<uint32_t>(high); }
  void add(const Pair& other) { count += other.count; }
};

/* `Entry` is a Pair, or has more sums than one. */
template <typename Entry>
class PairTable {
 public:
  PairTable() = default;
  PairTable(const PairTable&) = delete;
  PairTable& operator=(const PairTable&) = delete;
  ~PairTable() { std::free(slots_); }

  Entry* begin() { return slots_; }
  Entry* end() { return slots_ + capacity_; }
  int64_t size() const { return size_; }
  /* Whether memory ran out; what was added after that is lost. */
  bool failed() const { return failed_; }

  void add(const Entry& pair) {
    if (2 * (size_ + 1) > capacity_ && !grow()) return;
    insert(pair);
  }

  /* Moves all pairs to the front. */
  void compact() {
    int64_t kept = 0;
    for (int64_t i = 0; i < capacity_; i++) {
      if (slots_[i].count) slots_[kept++] = slots_[i];
    }
  }

 private:
  void insert(const Entry& pair) {
    const uint64_t mask = static_cast<uint64_t>(capacity_ - 1);
    uint64_t slot = pair.key() * 0x9E3779B97F4A7C15u;
    slot = (slot ^ slot >> 32) & mask;
    while (slots_[slot].count && slots_[slot].key() != pair.key()) slot = (slot + 1) & mask;
    if (slots_[slot].count == 0) {
      slots_[slot] = pair;
      size_++;
    } else {
      slots_[slot].add(pair);
    }
  }

  bool grow() {
    Entry* const old = slots_;
    const int64_t old_capacity = capacity_;
    capacity_ = old_capacity ? 2 * old_capacity : 1024;
    slots_ = static_cast<Entry*>(std::calloc(static_cast<size_t>(capacity_), sizeof(Entry)));
    if (!slots_) {
      slots_ = old;
      capacity_ = old_capacity;
      failed_ = true;
      return false;
    }
    size_ = 0;
    for (int64_t i = 0; i < old_capacity; i++) {
      if (old[i].count) insert(old[i]);
    }
    std::free(old);
    return true;
  }

  Entry* slots_ = nullptr;
  int64_t capacity_ = 0, size_ = 0;
  bool failed_ = false;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
