/*
 * How kernels of the CUDA library are written, so that the CPU can run the very same code (test/emulator.h).
 *
 * A kernel is a plain struct of its arguments with kThreads, the types Shared (memory of a block) and Local (of a
 * thread), both without a value at first, and phase(p, where, shared, local): what a thread does between two barriers. All threads of
 * a block answer alike whether another phase follows. Nothing may be assumed of the order of threads and blocks.
 * A kernel that waits for memory most of the time says with kResident how many blocks a multiprocessor is to hold at
 * once, for which the compiler saves registers; together at most 1024 threads.
 *
 * A sequence of launches is a template over a device, which has
 *   launch(blocks, kernel)             queues a kernel for `blocks` blocks; nothing for 0
 *   memory<T>(count)                   scratch for this call, null when there is none
 *   zero(memory, bytes)                queued
 *   read(to, from, bytes)              copies from the device; done on return
 *   write(to, from, bytes)             queues a copy to the device, of memory that may be changed on return and is
 *                                      not page-locked
 *   fill_ones(memory, bytes)           queued; every byte becomes 255
 *   fail(status, message)              answers the status
 *   sort(keys, sorted, values, sorted_values, count, bits)   queues a stable sort by the lowest bits of keys; answers
 *                                      whether there was memory for it
 *   tensor_cores()                     whether factors may be rounded to TF32
 */
#ifndef CPCDR_LAUNCH_H
#define CPCDR_LAUNCH_H

#include <cstddef>

#include "shared.h"

#if defined(__CUDA_ARCH__)
#define CPCDR_UNROLL _Pragma("unroll")
#else
#define CPCDR_UNROLL
#endif

namespace cpcdr {
namespace CPCDR_ISA {

/* Where a thread stands. */
struct Where {
  int32_t block;
  int thread;

  /* The thread among those of all blocks. */
  CPCDR_SHARED int64_t index(int block_threads) const { return int64_t{block} * block_threads + thread; }
};

/* What a kernel that keeps nothing between phases has as Shared or Local. */
struct Nothing {};

constexpr int kWarp = 32;

CPCDR_SHARED int64_t blocks_for(int64_t count, int64_t each) { return (count + each - 1) / each; }

/* Of numbers from 0 to 2^31 - 1: many times as fast on a GPU as dividing 64 bits. */
CPCDR_SHARED int32_t quotient(int64_t a, int64_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) / static_cast<uint32_t>(b));
}
CPCDR_SHARED int32_t remainder(int64_t a, int64_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) % static_cast<uint32_t>(b));
}


template <typename T>
CPCDR_SHARED T smaller(T a, T b) {
  return b < a ? b : a;
}
template <typename T>
CPCDR_SHARED T larger(T a, T b) {
  return a < b ? b : a;
}

/* a * b + c; rounded once on a GPU. */
CPCDR_SHARED float fused(float a, float b, float c) {
#if defined(__CUDA_ARCH__)
  return __fmaf_rn(a, b, c);
#else
  return a * b + c;
#endif
}

/* Reads and writes that other threads may race with; each is one access. */
CPCDR_SHARED int32_t load_relaxed(const int32_t* at) {
#if defined(__CUDA_ARCH__)
  return *static_cast<const volatile int32_t*>(at);
#else
  return __atomic_load_n(at, __ATOMIC_RELAXED);
#endif
}

CPCDR_SHARED void store_relaxed(int32_t* at, int32_t value) {
#if defined(__CUDA_ARCH__)
  *static_cast<volatile int32_t*>(at) = value;
#else
  __atomic_store_n(at, value, __ATOMIC_RELAXED);
#endif
}

#if !defined(__CUDA_ARCH__)
/* *at = change(*at), atomically; answers what was there. */
template <typename T, typename Change>
inline T exchange(T* at, const Change& change) {
  T old, fresh;
  __atomic_load(at, &old, __ATOMIC_RELAXED);
  do fresh = change(old);
  while (!__atomic_compare_exchange(at, &old, &fresh, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return old;
}
#endif

/* Each answers what was there before. */
template <typename T>
CPCDR_SHARED T atomic_add(T* at, T value) {
#if defined(__CUDA_ARCH__)
  return atomicAdd(at, value);
#else
  return exchange(at, [=](T old) { return old + value; });
#endif
}

CPCDR_SHARED int32_t atomic_min(int32_t* at, int32_t value) {
#if defined(__CUDA_ARCH__)
  return atomicMin(at, value);
#else
  return exchange(at, [=](int32_t old) { return smaller(old, value); });
#endif
}

CPCDR_SHARED int32_t atomic_max(int32_t* at, int32_t value) {
#if defined(__CUDA_ARCH__)
  return atomicMax(at, value);
#else
  return exchange(at, [=](int32_t old) { return larger(old, value); });
#endif
}

CPCDR_SHARED uint32_t atomic_and(uint32_t* at, uint32_t value) {
#if defined(__CUDA_ARCH__)
  return atomicAnd(at, value);
#else
  return exchange(at, [=](uint32_t old) { return old & value; });
#endif
}

/* *at = value where *at == expected. */
CPCDR_SHARED uint64_t atomic_claim(uint64_t* at, uint64_t expected, uint64_t value) {
#if defined(__CUDA_ARCH__)
  typedef unsigned long long Word;
  return atomicCAS(reinterpret_cast<Word*>(at), static_cast<Word>(expected), static_cast<Word>(value));
#else
  return exchange(at, [=](uint64_t old) { return old == expected ? value : old; });
#endif
}

/*
 * Bit `bit` of *word becomes `value`. All 32 threads of a warp call it at once for the 32 bits of one word, thread
 * 32 * w + k for bit k.
 */
CPCDR_SHARED void write_bit(uint32_t* word, int bit, bool value) {
#if defined(__CUDA_ARCH__)
  const uint32_t all = __ballot_sync(~0u, value);
  if (bit == 0) *word = all;
#else
  *word = value ? *word | uint32_t{1} << bit : *word & ~(uint32_t{1} << bit);
#endif
}

/* The same for four words next to each other, the first at a multiple of 16 bytes. */
CPCDR_SHARED void write_bits(uint32_t (&words)[4], int bit, const bool (&values)[4]) {
#if defined(__CUDA_ARCH__)
  const uint4 all = make_uint4(__ballot_sync(~0u, values[0]), __ballot_sync(~0u, values[1]),
                               __ballot_sync(~0u, values[2]), __ballot_sync(~0u, values[3]));
  if (bit == 0) *reinterpret_cast<uint4*>(words) = all;
#else
  for (int k = 0; k < 4; k++) write_bit(words + k, bit, values[k]);
#endif
}

CPCDR_SHARED int lowest_bit(uint32_t word) {
#if defined(__CUDA_ARCH__)
  return __ffs(static_cast<int>(word)) - 1;
#else
  return __builtin_ctz(word);
#endif
}

CPCDR_SHARED int lowest_bit(uint64_t word) {
#if defined(__CUDA_ARCH__)
  return __ffsll(static_cast<long long>(word)) - 1;
#else
  return __builtin_ctzll(word);
#endif
}

CPCDR_SHARED int highest_bit(uint32_t word) {
#if defined(__CUDA_ARCH__)
  return 31 - __clz(static_cast<int>(word));
#else
  return 31 - __builtin_clz(word);
#endif
}

CPCDR_SHARED int count_bits(uint32_t word) {
#if defined(__CUDA_ARCH__)
  return __popc(word);
#else
  return __builtin_popcount(word);
#endif
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
