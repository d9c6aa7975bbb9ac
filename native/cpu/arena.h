/* Memory of a call that several arrays share. */
#ifndef CPCDR_ARENA_H
#define CPCDR_ARENA_H

#include <cstdint>

#include "dispatch.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Deals out arrays from front to back, each at a whole cache line of it; without memory it only counts. */
class Arena {
 public:
  explicit Arena(float* memory = nullptr) : memory_(memory) {}

  template <typename T>
  T* array(int64_t count) {
    const int64_t begin = floats_;
    floats_ += (count * static_cast<int64_t>(sizeof(T)) + kLine - 1) / kLine * kLine / 4;
    return memory_ ? reinterpret_cast<T*>(memory_ + begin) : nullptr;
  }
  /* Dealt out so far. */
  int64_t floats() const { return floats_; }

 private:
  static constexpr int64_t kLine = 64;

  float* memory_;
  int64_t floats_ = 0;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
