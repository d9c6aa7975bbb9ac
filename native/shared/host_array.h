/* Memory of the host for the length of a call. Without the C++ runtime, which the libraries do without. */
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

/*
 * Arrays that go to the device in one copy. Parts are added, then filled through at() before the next is added, which
 * may move them all; once it is sent, sent() answers where a part lies on the device.
 */
class HostParcel {
 public:
  template <typename T>
  struct Part {
    int64_t first = 0;
  };

  HostParcel() = default;
  HostParcel(const HostParcel&) = delete;
  HostParcel& operator=(const HostParcel&) = delete;
  ~HostParcel() { std::free(memory_); }

  /* There was no memory. */
  bool failed() const { return failed_; }
  void refuse() { failed_ = true; }

  template <typename T>
  Part<T> add(int64_t count) {
    constexpr int64_t kAlignment = 16;
    static_assert(alignof(T) <= kAlignment, "aligned more than parts are");
    const Part<T> part{bytes_};
    const int64_t end = bytes_ + (static_cast<int64_t>(sizeof(T)) * count + kAlignment - 1) / kAlignment * kAlignment;
    if (end > room_ && !failed_) {
      const int64_t wanted = end < 2 * room_ ? 2 * room_ : end;
      void* const larger = std::realloc(memory_, static_cast<size_t>(wanted));
      failed_ = !larger;
      if (failed_) return part;
      memory_ = static_cast<char*>(larger);
      room_ = wanted;
    }
    bytes_ = end;
    return part;
  }
  template <typename T>
  T* at(const Part<T>& part) const {
    return reinterpret_cast<T*>(memory_ + part.first);
  }

  /* Queues the copy; answers whether there was memory for it. */
  template <typename Device>
  bool send(Device& device) {
    sent_ = failed_ ? nullptr : device.template memory<char>(bytes_);
    return sent_ && (bytes_ == 0 || device.write(sent_, memory_, static_cast<size_t>(bytes_)) == 0);
  }
  template <typename T>
  T* sent(const Part<T>& part) const {
    return reinterpret_cast<T*>(sent_ + part.first);
  }

 private:
  char *memory_ = nullptr, *sent_ = nullptr;
  int64_t bytes_ = 0, room_ = 0;
  bool failed_ = false;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
