/*
 * What the register tile (tile.h) multiplies: float32, or bfloat16 by pairs, whose products are summed in float32.
 *
 * kDepth factors that follow each other in a sum lie together in memory and are one step of a tile: a step reads kDepth
 * factors of a row of A by one broadcast, and kDepth rows of B interleaved, element (k, column) beside (k + 1, column).
 */
#ifndef CPCDR_FACTORS_H
#define CPCDR_FACTORS_H

#include "vec.h"

/*
 * Processors with bfloat16 have AVX-512 too, so that copies for lower levels know it not. The checks run it everywhere,
 * in plain C (CPCDR_EMULATED_BFLOAT16), since its arithmetic of indices is what they look at.
 */
#if defined(CPCDR_EMULATED_BFLOAT16) || (defined(__x86_64__) && CPCDR_ISA_LEVEL == 2)
#define CPCDR_HAS_BFLOAT16 1
#endif

namespace cpcdr {
namespace CPCDR_ISA {

/* Why a kernel cannot have factors of this cpcdr_precision; null where it can. */
inline const char* precision_problem(int precision) {
  if (precision == CPCDR_FLOAT32) return nullptr;
  if (precision != CPCDR_BFLOAT16) return "there is no such precision";
  return cpcdr_bfloat16() ? nullptr : "bfloat16 is not among this processor's instructions";
}

/* The upper half of a float32. */
struct Bfloat16 {
  uint16_t bits;
};

template <class Element>
struct Factors;

template <>
struct Factors<float> {
  static constexpr int kDepth = 1;
  static float from(float x) { return x; }
  static Vec broadcast(const float* p) { return splat(*p); }
  static Vec row(const float* p) { return load(p); }
  static Vec add_product(Vec sum, Vec a, Vec b) { return sum + a * b; }
};

template <>
struct Factors<Bfloat16> {
  static constexpr int kDepth = 2;

  /* The nearest one, the even one of two; NaN stays NaN. */
  static Bfloat16 from(float x) { return {static_cast<uint16_t>(rounded(x) >> 16)}; }

  /* Two factors as they lie in memory, and a vector of such pairs. */
  static uint32_t pair(float first, float second) { return rounded(first) >> 16 | (rounded(second) & 0xFFFF0000u); }
  static Vec pairs(Vec first, Vec second) {
    return reinterpret_cast<Vec>(((rounded(first) >> 16) & 0xFFFF) | (rounded(second) & -65536));
  }

  static Vec broadcast(const Bfloat16* p) {
    int32_t both;
    std::memcpy(&both, p, sizeof(both));
    return reinterpret_cast<Vec>(both - Words{});
  }

  static Vec row(const Bfloat16* p) {
    Vec v;
    std::memcpy(&v, p, sizeof(v));
    return v;
  }

#if defined(CPCDR_EMULATED_BFLOAT16)
  static Vec add_product(Vec sum, Vec a, Vec b) {
    const Words x = reinterpret_cast<Words>(a), y = reinterpret_cast<Words>(b), upper = -65536 - Words{};
    return sum + reinterpret_cast<Vec>(x << 16) * reinterpret_cast<Vec>(y << 16) +
           reinterpret_cast<Vec>(x & upper) * reinterpret_cast<Vec>(y & upper);
  }
#elif defined(CPCDR_HAS_BFLOAT16)
  static Vec add_product(Vec sum, Vec a, Vec b) {
    /* By name: the rest of this copy is for processors that know no bfloat16 as well. */
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
  }
#endif

 private:
  /* x rounded in its upper half; the lower one is left over. */
  static uint32_t rounded(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof(bits));
    const bool nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
    return nan ? bits | 0x400000u : bits + 0x7FFFu + (bits >> 16 & 1);
  }

  static Words rounded(Vec x) {
    const Words bits = reinterpret_cast<Words>(x);
    return (bits & 0x7FFFFFFF) > 0x7F800000 ? bits | 0x400000 : bits + 0x7FFF + (bits >> 16 & 1);
  }
};

/* `body` of a value of the elements that a precision asks for; one that precision_problem() passed. */
template <class Body>
auto with_factors(int precision, const Body& body) {
#if defined(CPCDR_HAS_BFLOAT16)
  if (precision == CPCDR_BFLOAT16) return body(Bfloat16{});
#endif
  (void)precision;
  return body(float{});
}

/* `count` factors in whole steps. */
template <class Element>
constexpr int whole_factors(int count) {
  constexpr int depth = Factors<Element>::kDepth;
  return (count + depth - 1) / depth * depth;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
