/* CudaDevice::sort(), by the radix sort that comes with CUDA. */
/* CUB includes <iostream> and does not use it; its initialisation would need the C++ library, which is not linked. */
#define _GLIBCXX_IOSTREAM 1
#define CCCL_DISABLE_NVTX
#define NVTX_DISABLE
#include <cub/device/device_radix_sort.cuh>

#include "handle.h"

namespace cpcdr {

bool CudaDevice::sort(const int32_t* keys, int32_t* sorted, const int32_t* values, int32_t* sorted_values,
                      int64_t count, int bits) {
  if (status_) return false;
  const auto run = [&](void* scratch, size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(scratch, bytes, reinterpret_cast<const uint32_t*>(keys),
                                           reinterpret_cast<uint32_t*>(sorted), values, sorted_values,
                                           static_cast<int32_t>(count), 0, bits, handle_->stream);
  };
  size_t bytes = 0;
  if (note(run(nullptr, bytes), "Cannot plan a sort")) return false;
  char* const scratch = memory<char>(static_cast<int64_t>(bytes));
  if (!scratch) return false;
  begin_trace();
  note(run(scratch, bytes), "Cannot sort");
  end_trace("sort", 0);
  return status_ == CPCDR_OK;
}

}  // namespace cpcdr
