/* Compositing on the device: shared/mix/composite_call.h has the launches. */
#include "../shared/mix/composite_call.h"
#include "launch.cuh"

using namespace cpcdr;

extern "C" int32_t cpcdr_composite(const void* const* sources, const int32_t* region_offsets, const double* pastes,
                                   const double* views, float* images, int32_t* copy_ids, int32_t* region_ids,
                                   int32_t* shown, const int32_t* sizes) {
  return on_used_handle([=](CudaDevice& device) {
    return shared::composite_on(
        device, {sources, region_offsets, pastes, views, images, copy_ids, region_ids, shown, sizes});
  });
}
