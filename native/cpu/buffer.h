/* An array that grows, of plain values; memory that runs out is a flag, since nothing here throws. */
#ifndef CPCDR_BUFFER_H
#define CPCDR_BUFFER_H

#include <cstdint>
#include <cstdlib>

#include "dispatch.h"

namespace cpcdr {
namespace CPCDR_ISA {

template <typename T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { std::free(values_); }

  T* begin() { return values_; }
  T& operator[](int64_t i) { return values_[i]; }
  int64_t size() const { return size_; }

  /* Makes room for so many; answers false, with what was there kept, when there is none. */
  bool reserve(int64_t count) {
    if (count <= capacity_) return true;
    const int64_t wanted = count + count / 2 + 16;
    void* grown = std::realloc(values_, static_cast<size_t>(wanted) * sizeof(T));
    if (!grown) return false;
    values_ = static_cast<T*>(grown);
    capacity_ = wanted;
    return true;
  }

  /* So many equal values in place of what was there. */
  bool fill(int64_t count, const T& value) {
    if (!reserve(count)) return false;
    for (int64_t i = 0; i < count; i++) values_[i] = value;
    size_ = count;
    return true;
  }

  bool push(const T& value) {
    if (!reserve(size_ + 1)) return false;
    values_[size_++] = value;
    return true;
  }

 private:
  T* values_ = nullptr;
  int64_t size_ = 0, capacity_ = 0;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
