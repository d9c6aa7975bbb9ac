/* Stores past the caches, for results that are larger than these: they displace nothing that is read again. */
#ifndef CPCDR_STREAM_H
#define CPCDR_STREAM_H

#include <algorithm>

#include "vec.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Results of so many bytes are thought to be larger than the caches. Checks set it lower. */
#if defined(CPCDR_STREAMED_BYTES)
constexpr size_t kStreamedBytes = CPCDR_STREAMED_BYTES;
#else
constexpr size_t kStreamedBytes = size_t{32} << 20;
#endif

/* Copies `count` values of 4 bytes. They are seen by other threads after stream_end(). */
template <typename T>
inline void stream(const T* __restrict from, int64_t count, T* __restrict to) {
  static_assert(sizeof(T) == 4, "values of 4 bytes");
  int64_t i = 0;
#if defined(__x86_64__)
  constexpr int64_t kBytes = kLanes * 4;
  i = std::min(count, (-reinterpret_cast<intptr_t>(to) & (kBytes - 1)) / 4);
  std::copy_n(from, i, to);
  for (; i + kLanes <= count; i += kLanes) {
#if CPCDR_ISA_LEVEL == 2
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_loadu_si512(from + i));
#elif CPCDR_ISA_LEVEL == 1
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
#else
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i), _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
#endif
  }
#endif
  std::copy_n(from + i, count - i, to + i);
}

inline void stream_end() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
