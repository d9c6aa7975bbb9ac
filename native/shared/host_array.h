/* An array of the host for the length of a call. Without the C++ runtime, which the libraries do without. */
#ifndef CPCDR_HOST_ARRAY_H
#define CPCDR_HOST_ARRAY_H

#include <cstdint>
#include <cstdlib>

#include "shared.h"

namespace cpcdr {
namespace CPCDR_ISA {

template <typename T>
class HostArray {
 public:
  explicit HostArray(int64_t count)
      : count_(count), items_(static_cast<T*>(std::malloc(sizeof(T) * static_cast<size_t>(count > 0 ? count : 1)))) {}
  HostArray(const HostArray&) = delete;
  HostArray& operator=(const HostArray&) = delete;
  ~HostArray() { std::free(items_); }

  bool failed() const { return !items_; }
  T& operator[](int64_t i) { return items_[i]; }
  const T& operator[](int64_t i) const { return items_[i]; }
  T* data() { return items_; }
  const T* data() const { return items_; }
  int64_t count() const { return count_; }
  size_t bytes() const { return sizeof(T) * static_cast<size_t>(count_); }

 private:
  int64_t count_;
  T* items_;
};

/* A copy in the device's scratch, null when there is none. */
template <typename Device, typename T>
T* copy_to(Device& device, const HostArray<T>& from) {
  T* const to = from.failed() ? nullptr : device.template memory<T>(from.count());
  return to && device.write(to, from.data(), from.bytes()) == 0 ? to : nullptr;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
