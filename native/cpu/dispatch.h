/*
 * Run-time dispatch between instruction sets. Every file in kernels/ is compiled three times, with
 * CPCDR_ISA_LEVEL 0 (baseline x86-64), 1 (AVX2 + FMA) and 2 (AVX-512). Code that depends on the level
 * lives in `namespace cpcdr::CPCDR_ISA`, so that no inline function of one level is linked into another.
 *
 * To add a kernel: declare it in include/cpcdr.h, then write in kernels/<family>.cpp
 *
 *     CPCDR_KERNEL(cpcdr_name, (const float* x, float* y, int32_t n), (x, y, n)) {
 *       ... return CPCDR_OK;
 *     }
 *
 * The baseline copy becomes the exported function, which forwards to the copy for this machine.
 */
#ifndef CPCDR_DISPATCH_H
#define CPCDR_DISPATCH_H

#include "../include/cpcdr.h"

#ifndef CPCDR_ISA_LEVEL
#define CPCDR_ISA_LEVEL 0
#endif

#if CPCDR_ISA_LEVEL == 2
#define CPCDR_ISA avx512
#elif CPCDR_ISA_LEVEL == 1
#define CPCDR_ISA avx2
#else
#define CPCDR_ISA baseline
#endif

namespace cpcdr {
/* The level this machine runs: 0, 1 or 2. Detected once, lowered by CPCDR_ISA in the environment. */
int isa_level();
/* Keeps the message for cpcdr_last_error() and answers the status. */
int32_t fail(int32_t status, const char* message);
}  // namespace cpcdr

#define CPCDR_JOIN_(a, b) a##_##b
#define CPCDR_JOIN(a, b) CPCDR_JOIN_(a, b)

/* Before a loop none of whose steps reads what another one writes, which compilers cannot see of many pointers. */
#if defined(__clang__)
#define CPCDR_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define CPCDR_INDEPENDENT _Pragma("GCC ivdep")
#endif

#if defined(CPCDR_SINGLE_ISA)
#define CPCDR_KERNEL(name, parameters, arguments) extern "C" CPCDR_API int32_t name parameters
#elif CPCDR_ISA_LEVEL == 0 && defined(__x86_64__)
#define CPCDR_KERNEL(name, parameters, arguments)                   \
  extern "C" int32_t CPCDR_JOIN(name, avx2) parameters;             \
  extern "C" int32_t CPCDR_JOIN(name, avx512) parameters;           \
  static int32_t CPCDR_JOIN(name, baseline) parameters;             \
  extern "C" CPCDR_API int32_t name parameters {                    \
    switch (cpcdr::isa_level()) {                                   \
      case 2: return CPCDR_JOIN(name, avx512) arguments;            \
      case 1: return CPCDR_JOIN(name, avx2) arguments;              \
      default: return CPCDR_JOIN(name, baseline) arguments;         \
    }                                                               \
  }                                                                 \
  static int32_t CPCDR_JOIN(name, baseline) parameters
#elif CPCDR_ISA_LEVEL == 0
#define CPCDR_KERNEL(name, parameters, arguments) extern "C" CPCDR_API int32_t name parameters
#else
#define CPCDR_KERNEL(name, parameters, arguments) \
  extern "C" int32_t CPCDR_JOIN(name, CPCDR_ISA) parameters
#endif

#endif
