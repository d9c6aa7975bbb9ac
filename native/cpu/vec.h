/* Vectors of the current instruction set, as GCC and Clang vector types. */
#ifndef CPCDR_VEC_H
#define CPCDR_VEC_H

#include <cstdint>
#include <cstring>

#include "dispatch.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Of functions with long loops: copies of them at every place that calls them would fill the library. */
#define CPCDR_APART inline __attribute__((noinline))

namespace cpcdr {
namespace CPCDR_ISA {

#if CPCDR_ISA_LEVEL == 2
constexpr int kLanes = 16;
#elif CPCDR_ISA_LEVEL == 1
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Vec __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t Words __attribute__((vector_size(kLanes * sizeof(int32_t))));

inline Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

inline void store(float* p, Vec v) { std::memcpy(p, &v, sizeof(v)); }

inline Words load(const int32_t* p) {
  Words v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

inline void store(int32_t* p, Words v) { std::memcpy(p, &v, sizeof(v)); }

/* x in every lane; x - 0 is x for every x, -0 and NaN among them, so that no arithmetic is left of it. */
inline Vec splat(float x) { return x - Vec{}; }

/* 0, 1, 2 ... */
#if CPCDR_ISA_LEVEL == 2
constexpr Words kLane{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#elif CPCDR_ISA_LEVEL == 1
constexpr Words kLane{0, 1, 2, 3, 4, 5, 6, 7};
#else
constexpr Words kLane{0, 1, 2, 3};
#endif

/* Bit k: whether lane k is below 0. */
inline unsigned sign_bits(Words v) {
#if defined(__x86_64__) && CPCDR_ISA_LEVEL == 2
  return _mm512_movepi32_mask(reinterpret_cast<__m512i>(v));
#elif defined(__x86_64__) && CPCDR_ISA_LEVEL == 1
  return static_cast<unsigned>(_mm256_movemask_ps(reinterpret_cast<__m256>(v)));
#elif defined(__x86_64__)
  return static_cast<unsigned>(_mm_movemask_ps(reinterpret_cast<__m128>(v)));
#else
  const Words bits = (v < 0) & (1 << kLane);
  int all = 0;
  for (int k = 0; k < kLanes; k++) all |= bits[k];
  return static_cast<unsigned>(all);
#endif
}
constexpr unsigned kAllBits = (1u << kLanes) - 1;

/* Numbers in whole vectors. */
constexpr int64_t whole_lanes(int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
