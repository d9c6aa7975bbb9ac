/* Arguments of a call that is fuzzed. */
#ifndef CPCDR_FUZZ_CASE_H
#define CPCDR_FUZZ_CASE_H

#include <algorithm>
#include <cstring>
#include <memory>

#include "../../include/cpcdr.h"
#include "../check.h"

namespace fuzz {

using Sizes = std::vector<int32_t>;

/* What a call gets; one argument of it may be spoilt. */
class Case {
 public:
  explicit Case(bool spoil) : spoil_(spoil), spoil_pointer_(spoil && pick(0, 2) == 0), pointer_at_(pick(0, 9)) {}

  bool sound() const { return !spoilt_; }

  float* floats(int64_t count) {
    float* const values = array<float>(count);
    const int kind = pick(0, 9);
    for (int64_t i = 0; values && i < count; i++) values[i] = draw_float(kind);
    return values;
  }
  int32_t* words(int64_t count, int low, int high) {
    int32_t* const values = array<int32_t>(count);
    for (int64_t i = 0; values && i < count; i++) values[i] = pick(low, high);
    return values;
  }
  uint8_t* bytes(int64_t count, int high = 255) {
    uint8_t* const values = array<uint8_t>(count);
    for (int64_t i = 0; values && i < count; i++) values[i] = static_cast<uint8_t>(pick(0, high));
    return values;
  }
  double* doubles(int64_t count) {
    double* const values = array<double>(count);
    for (int64_t i = 0; values && i < count; i++) values[i] = static_cast<double>(draw_float(pick(0, 9)));
    return values;
  }
  /* Sizes as they are, but for one of the first `count` where the case is to be spoilt so: none becomes larger. */
  const int32_t* sizes(Sizes values, size_t count = 64) {
    if (spoil_ && !spoil_pointer_) {
      const int32_t bad[] = {0, -1, -7, INT32_MIN};
      values[static_cast<size_t>(pick(0, static_cast<int>(std::min(count, values.size())) - 1))] = bad[pick(0, 3)];
      spoilt_ = true;
    }
    int32_t* const kept = array<int32_t>(static_cast<int64_t>(values.size()));
    if (kept) std::memcpy(kept, values.data(), values.size() * sizeof(int32_t));
    return kept;
  }
  /* A number that is passed by itself. */
  int32_t number(int32_t value) {
    if (!spoil_ || spoil_pointer_ || pick(0, 1)) return value;
    spoilt_ = true;
    const int32_t bad[] = {0, -1, -7, INT32_MIN};
    return bad[pick(0, 3)];
  }
  double setting(double value) {
    if (!spoil_ || spoil_pointer_ || pick(0, 2)) return value;
    spoilt_ = true;
    const double bad[] = {NAN, INFINITY, -INFINITY, -1, 0, 1e308};
    return bad[pick(0, 5)];
  }
  int32_t operation(int last) {
    if (!spoil_ || spoil_pointer_ || pick(0, 2)) return pick(0, last);
    spoilt_ = true;
    return pick(0, 1) ? -pick(1, 1 << 30) : pick(last + 1, 1 << 30);
  }

 private:
  static float draw_float(int kind) {
    const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-40f, 0.0f, -0.0f};
    if (kind == 0 && pick(0, 3) == 0) return odd[pick(0, 7)];
    if (kind == 1) return static_cast<float>(pick(0, 3));
    return std::normal_distribution<float>()(generator()) * (kind == 2 ? 1e6f : 1.0f);
  }
  template <typename T>
  T* array(int64_t count) {
    if (spoil_pointer_ && pointers_++ == pointer_at_) {
      spoilt_ = true;
      return nullptr;
    }
    /* One of malloc's own, so that a step past the end is seen; none of them is of size 0, which may be null. */
    held_.emplace_back(std::malloc(count > 0 ? static_cast<size_t>(count) * sizeof(T) : 1), &std::free);
    return static_cast<T*>(held_.back().get());
  }

  bool spoil_, spoil_pointer_, spoilt_ = false;
  int pointer_at_, pointers_ = 0;
  std::vector<std::unique_ptr<void, decltype(&std::free)>> held_;
};

using Entry = int32_t (*)(Case&);

}  // namespace fuzz
#endif
