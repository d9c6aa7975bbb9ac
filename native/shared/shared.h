/*
 * What every header of shared/ begins with: code that the CPU library, the CUDA library and the checks of
 * native/test compile alike. On the CPU it lives in the namespace of the instruction set (cpu/dispatch.h).
 */
#ifndef CPCDR_SHARED_H
#define CPCDR_SHARED_H

#include <cstdint>

#if defined(__CUDACC__)
#define CPCDR_SHARED __host__ __device__ inline
#else
#define CPCDR_SHARED inline
#endif

#ifndef CPCDR_ISA
#define CPCDR_ISA shared
#endif

#endif
