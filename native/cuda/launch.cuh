/* Runs a kernel of native/shared on the device: phases with barriers between them. */
#ifndef CPCDR_CUDA_LAUNCH_CUH
#define CPCDR_CUDA_LAUNCH_CUH

#include <type_traits>

#include "handle.h"

namespace cpcdr {

/* Blocks that are to fit on a multiprocessor at once: kernel's kResident, else one. */
template <typename Kernel, typename = void>
struct Resident {
  static constexpr int kBlocks = 1;
};
template <typename Kernel>
struct Resident<Kernel, std::enable_if_t<(Kernel::kResident > 0)>> {
  static constexpr int kBlocks = Kernel::kResident;
};

/* How many phases each of its blocks has: kernel's kPhases, else it is asked after each of them. */
template <typename Kernel, typename = void>
struct Phases {
  static constexpr int kCount = 0;
};
template <typename Kernel>
struct Phases<Kernel, std::enable_if_t<(Kernel::kPhases > 0)>> {
  static constexpr int kCount = Kernel::kPhases;
};

/* Memory of a block beyond what a kernel may have unasked. */
template <typename Kernel>
constexpr int kAskedBytes = sizeof(typename Kernel::Shared) > 48 << 10 ? sizeof(typename Kernel::Shared) : 0;

template <typename Kernel>
__device__ typename Kernel::Shared& block_memory() {
  typedef typename Kernel::Shared Shared;
  if constexpr (kAskedBytes<Kernel> > 0) {
    extern __shared__ uint4 asked[];
    return *reinterpret_cast<Shared*>(asked);
  } else {
    __shared__ Shared memory;
    return memory;
  }
}

template <typename Kernel>
__global__ void __launch_bounds__(Kernel::kThreads, Resident<Kernel>::kBlocks) run_phases(const Kernel kernel) {
  typename Kernel::Shared& memory = block_memory<Kernel>();
  typename Kernel::Local local;
  /* The remainder is what it was, and tells the compiler that dividing it rounds down. */
  const shared::Where where{static_cast<int32_t>(blockIdx.x), static_cast<int>(threadIdx.x % Kernel::kThreads)};
  if constexpr (Phases<Kernel>::kCount > 0) {
    /* One after the other, so that no phase makes ready what another needs. */
#pragma unroll
    for (int p = 0; p < Phases<Kernel>::kCount; p++) {
      if (p > 0) __syncthreads();
      kernel.phase(p, where, memory, local);
    }
  } else {
    for (int p = 0; kernel.phase(p, where, memory, local); p++) __syncthreads();
  }
}

template <typename Kernel>
int32_t CudaDevice::launch(int64_t blocks, const Kernel& kernel) {
  static_assert(Kernel::kThreads * Resident<Kernel>::kBlocks <= 1024, "more than a multiprocessor of 7.5 holds");
  if (status_ || blocks == 0) return status_;
  if (blocks > INT32_MAX) {
    status_ = cpcdr::fail(CPCDR_INVALID_ARGUMENT, "the call needs more than 2^31 - 1 blocks");
    return status_;
  }
  constexpr int kAsked = kAskedBytes<Kernel>;
  if (kAsked > 0 && note(cudaFuncSetAttribute(run_phases<Kernel>, cudaFuncAttributeMaxDynamicSharedMemorySize, kAsked),
                         "Cannot ask for the memory of a block")) {
    return status_;
  }
  begin_trace();
  run_phases<<<static_cast<unsigned>(blocks), Kernel::kThreads, kAsked, handle_->stream>>>(kernel);
  note(cudaGetLastError(), "Cannot launch a kernel");
  end_trace(__PRETTY_FUNCTION__, blocks);
  return status_;
}

}  // namespace cpcdr
#endif
