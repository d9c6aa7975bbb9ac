/* Runs a kernel of native/shared on the device: phases with barriers between them. */
#ifndef CPCDR_CUDA_LAUNCH_CUH
#define CPCDR_CUDA_LAUNCH_CUH

#include "handle.h"

namespace cpcdr {

/* The kernel's kResident, or 0, which leaves it to the compiler. */
template <typename Kernel>
constexpr int resident_blocks(decltype(Kernel::kResident)*) {
  return Kernel::kResident;
}
template <typename Kernel>
constexpr int resident_blocks(...) {
  return 0;
}

template <typename Kernel>
constexpr int resident = resident_blocks<Kernel>(nullptr);

template <typename Kernel>
__global__ void __launch_bounds__(Kernel::kThreads, resident<Kernel>) run_phases(const Kernel kernel) {
  __shared__ typename Kernel::Shared memory;
  typename Kernel::Local local;
  const shared::Where where{static_cast<int32_t>(blockIdx.x), static_cast<int>(threadIdx.x)};
  for (int p = 0; kernel.phase(p, where, memory, local); p++) __syncthreads();
}

template <typename Kernel>
int32_t CudaDevice::launch(int64_t blocks, const Kernel& kernel) {
  static_assert(Kernel::kThreads * resident<Kernel> <= 1024, "more than a multiprocessor of 7.5 holds");
  if (status_ || blocks == 0) return status_;
  if (blocks > INT32_MAX) {
    status_ = cpcdr::fail(CPCDR_INVALID_ARGUMENT, "the call needs more than 2^31 - 1 blocks");
    return status_;
  }
  run_phases<<<static_cast<unsigned>(blocks), Kernel::kThreads, 0, handle_->stream>>>(kernel);
  return note(cudaGetLastError(), "Cannot launch a kernel");
}

}  // namespace cpcdr
#endif
