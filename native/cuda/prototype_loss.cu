/* Similarity and the prototype loss on the device: the launches are in shared/. */
#include "../shared/loss/prototype_loss_call.h"
#include "../shared/loss/similarity_call.h"
#include "launch.cuh"

using namespace cpcdr;

extern "C" int32_t cpcdr_similarity(const float* a, const float* b, float* out, const int32_t* sizes) {
  return on_used_handle([=](CudaDevice& device) { return shared::similarity_on(device, a, b, out, sizes); });
}

extern "C" int32_t cpcdr_prototype_loss(const float* features, const float* prototypes, const int32_t* groups,
                                        float* result, int32_t* nearest, float* dfeatures, float* dprototypes,
                                        const int32_t* sizes, float epsilon, float temperature) {
  return on_used_handle([=](CudaDevice& device) {
    return shared::prototype_loss_on(device, {features, prototypes, groups, result, nearest, dfeatures, dprototypes,
                                              sizes, epsilon, temperature});
  });
}
