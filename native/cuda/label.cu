/* Connected components on the device: shared/regions/label_call.h has the launches. */
#include "../shared/regions/label_call.h"
#include "launch.cuh"

using namespace cpcdr;

extern "C" int32_t cpcdr_label(const float* maps, int32_t* labels, int32_t* counts, const int32_t* sizes,
                               double max_jump, float background) {
  return on_used_handle([=](CudaDevice& device) {
    return shared::label_maps_on(device, maps, labels, counts, sizes, max_jump, background);
  });
}

extern "C" int32_t cpcdr_label_surfaces(const float* points, const float* normals, const float* heights,
                                        const uint8_t* kinds, int32_t* labels, int32_t* counts, const int32_t* sizes,
                                        double kerb, double max_jump, double min_cosine, double crease_cosine) {
  return on_used_handle([=](CudaDevice& device) {
    const shared::SurfaceRule rule{points, normals, heights, kinds, {kerb, max_jump, min_cosine, crease_cosine}};
    return shared::label_surfaces_on(device, rule, labels, counts, sizes);
  });
}
