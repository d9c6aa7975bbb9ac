/*
 * A device that runs the kernels of native/shared on the CPU: blocks in random order on three threads at once,
 * threads of a block in random order between any two barriers, memory of blocks, of threads and scratch filled with
 * rubbish first and ending where it ends, copies arriving at once or late (late_copies.h), so that the sanitizers see
 * what a GPU would not tell.
 */
#ifndef CPCDR_EMULATOR_H
#define CPCDR_EMULATOR_H

/* Before all that it runs. */
#define CPCDR_EMULATED

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>

#include "../include/cpcdr_hot.h"
#include "../shared/launch.h"
#include "check.h"
#include "late_copies.h"

class Emulator {
 public:
  template <typename Kernel>
  int32_t launch(int64_t blocks, const Kernel& kernel) {
    if (blocks > INT32_MAX) stop("more blocks than a launch may have");
    std::vector<int64_t> order(static_cast<size_t>(blocks));
    for (size_t i = 0; i < order.size(); i++) order[i] = static_cast<int64_t>(i);
    std::shuffle(order.begin(), order.end(), generator());
    const uint32_t seed = static_cast<uint32_t>(generator()());
    std::atomic<size_t> next{0};
    const auto work = [&](uint32_t own) {
      std::mt19937 random(seed + own);
      for (size_t k = next++; k < order.size(); k = next++) run_block(kernel, order[k], random);
    };
    std::vector<std::thread> threads;
    if (blocks > 1) {
      for (uint32_t own = 1; own < 3; own++) threads.emplace_back(work, own);
    }
    work(0);
    for (std::thread& thread : threads) thread.join();
    return CPCDR_OK;
  }

  template <typename T>
  T* memory(int64_t count) {
    const size_t bytes = sizeof(T) * static_cast<size_t>(count);
    scratch_.emplace_back(static_cast<char*>(std::malloc(bytes + 1)), std::free);
    std::memset(scratch_.back().get(), 0xA5, bytes);
    bytes_ += bytes;
    return reinterpret_cast<T*>(scratch_.back().get());
  }
  int32_t zero(void* memory, size_t bytes) {
    std::memset(memory, 0, bytes);
    return CPCDR_OK;
  }
  int32_t fill_ones(void* memory, size_t bytes) {
    std::memset(memory, 255, bytes);
    return CPCDR_OK;
  }
  int32_t read(void* to, const void* from, size_t bytes) {
    std::memcpy(to, from, bytes);
    return CPCDR_OK;
  }
  int32_t write(void* to, const void* from, size_t bytes) { return read(to, from, bytes); }
  bool sort(const int32_t* keys, int32_t* sorted, const int32_t* values, int32_t* sorted_values, int64_t count,
            int bits) {
    std::vector<int32_t> order(static_cast<size_t>(count));
    for (size_t i = 0; i < order.size(); i++) order[i] = static_cast<int32_t>(i);
    const uint32_t mask = bits < 32 ? (1u << bits) - 1 : ~0u;
    const auto key = [&](int32_t i) { return static_cast<uint32_t>(keys[i]) & mask; };
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return key(a) < key(b); });
    for (size_t i = 0; i < order.size(); i++) {
      sorted[i] = keys[order[i]];
      sorted_values[i] = values[order[i]];
    }
    return true;
  }
  int32_t fail(int32_t status, const char* message) {
    error_ = message;
    return status;
  }
  bool tensor_cores() const { return tensor_cores_; }
  void use_tensor_cores() { tensor_cores_ = true; }

  const char* error() const { return error_; }
  /* Scratch of all calls so far. */
  size_t bytes() const { return bytes_; }

 private:
  template <typename Kernel>
  static void run_block(const Kernel& kernel, int64_t block, std::mt19937& random) {
    typedef typename Kernel::Shared Shared;
    std::unique_ptr<char, void (*)(void*)> memory(static_cast<char*>(std::malloc(sizeof(Shared))), std::free);
    std::memset(memory.get(), 0xA5, sizeof(Shared));
    Shared& shared = *reinterpret_cast<Shared*>(memory.get());
    std::vector<typename Kernel::Local> locals(Kernel::kThreads);
    std::memset(static_cast<void*>(locals.data()), 0xA5, sizeof(typename Kernel::Local) * locals.size());
    std::vector<LateCopies> copies(Kernel::kThreads, LateCopies(random() % 2));
    for (int p = 0;; p++) {
      /* i -> first + step * i, step odd: a different order of a power of two of threads every time. */
      static_assert((Kernel::kThreads & (Kernel::kThreads - 1)) == 0, "a power of two");
      const uint32_t first = static_cast<uint32_t>(random()), step = static_cast<uint32_t>(random()) | 1;
      int going_on = 0;
      for (uint32_t i = 0; i < Kernel::kThreads; i++) {
        const int thread = static_cast<int>((first + step * i) % Kernel::kThreads);
        late_copies = &copies[static_cast<size_t>(thread)];
        going_on += kernel.phase(p, {static_cast<int32_t>(block), thread}, shared, locals[static_cast<size_t>(thread)]);
      }
      if (going_on == 0) return expect_phases<Kernel>(p + 1);
      if (going_on != Kernel::kThreads) stop("threads of a block disagree on its last phase");
    }
  }

  /* Of a kernel that counts its phases a device asks nothing after each. */
  template <typename Kernel>
  static auto expect_phases(int phases) -> decltype(Kernel::kPhases, void()) {
    if (phases != Kernel::kPhases) stop("a block has not as many phases as its kernel counts");
  }
  template <typename Kernel>
  static void expect_phases(...) {}

  static void stop(const char* message) {
    std::printf("FAILED emulator: %s\n", message);
    std::exit(1);
  }

  std::vector<std::unique_ptr<char, void (*)(void*)>> scratch_;
  const char* error_ = "";
  bool tensor_cores_ = false;
  size_t bytes_ = 0;
};

#endif
