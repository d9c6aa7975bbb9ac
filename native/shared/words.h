/* Reads and writes of several words at once, and bits as they are. */
#ifndef CPCDR_WORDS_H
#define CPCDR_WORDS_H

#include <cstring>

#include "shared.h"

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

/* Two numbers of 16 bits as they lie in memory. */
CPCDR_SHARED uint32_t pair_of(uint16_t low, uint16_t high) { return low | static_cast<uint32_t>(high) << 16; }

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
