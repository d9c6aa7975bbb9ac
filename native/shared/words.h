/* Reads, writes and copies of several words at once. */
#ifndef CPCDR_WORDS_H
#define CPCDR_WORDS_H

#include <cstring>

#include "shared.h"

#if defined(CPCDR_EMULATED)
#include "../test/late_copies.h"
#endif

namespace cpcdr {
namespace CPCDR_ISA {

struct alignas(8) WordPair {
  uint32_t at[2];
};
struct alignas(16) Words {
  uint32_t at[4];
};

CPCDR_SHARED WordPair read_word_pair(const void* from) {
#if defined(__CUDA_ARCH__)
  const uint2 words = *static_cast<const uint2*>(from);
  return {{words.x, words.y}};
#else
  WordPair words;
  memcpy(&words, from, sizeof words);
  return words;
#endif
}

CPCDR_SHARED Words read_words(const void* from) {
#if defined(__CUDA_ARCH__)
  const uint4 words = *static_cast<const uint4*>(from);
  return {{words.x, words.y, words.z, words.w}};
#else
  Words words;
  memcpy(&words, from, sizeof words);
  return words;
#endif
}

CPCDR_SHARED void write_words(void* to, const Words& words) {
#if defined(__CUDA_ARCH__)
  *static_cast<uint4*>(to) = make_uint4(words.at[0], words.at[1], words.at[2], words.at[3]);
#else
  memcpy(to, &words, sizeof words);
#endif
}

/* Has what is around an address brought to the cache. */
CPCDR_SHARED void prefetch(const void* at) {
#if defined(__CUDA_ARCH__)
  asm volatile("prefetch.global.L2 [%0];" ::"l"(at));
#else
  (void)at;
#endif
}

/*
 * Begins to copy to memory of the block, 16 bytes or 4; zeros unless there is something to copy. end_copies() ends a
 * batch, and wait_copies<kLeft>() waits until at most so many of the thread's batches are under way. Where a device
 * cannot copy while it computes all is there at once.
 */
CPCDR_SHARED void copy_words(void* to, const void* from, bool there) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  const uint32_t at = static_cast<uint32_t>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(there ? 16 : 0) : "memory");
#elif defined(CPCDR_EMULATED)
  late_copies->copy(to, from, sizeof(Words), there);
#else
  write_words(to, there ? read_words(from) : Words{{0, 0, 0, 0}});
#endif
}

CPCDR_SHARED void copy_word(void* to, const void* from, bool there) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  const uint32_t at = static_cast<uint32_t>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(at), "l"(from), "r"(there ? 4 : 0) : "memory");
#elif defined(CPCDR_EMULATED)
  late_copies->copy(to, from, sizeof(uint32_t), there);
#else
  *static_cast<uint32_t*>(to) = there ? *static_cast<const uint32_t*>(from) : 0;
#endif
}

CPCDR_SHARED void end_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#elif defined(CPCDR_EMULATED)
  late_copies->end();
#endif
}

template <int kLeft>
CPCDR_SHARED void wait_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(kLeft) : "memory");
#elif defined(CPCDR_EMULATED)
  late_copies->wait(kLeft);
#endif
}

/* Two numbers of 16 bits as they lie in memory. */
CPCDR_SHARED uint32_t pair_of(uint16_t low, uint16_t high) { return low | static_cast<uint32_t>(high) << 16; }

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
