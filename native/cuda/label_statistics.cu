/* What components are like, and which touch, on the device: shared/regions/label_measures.h has the launches. */
#include "../shared/regions/label_measures.h"
#include "launch.cuh"

using namespace cpcdr;

extern "C" int32_t cpcdr_label_statistics(const int32_t* labels, const float* values, const float* points,
                                          int32_t* boxes, double* means, int32_t* borders, int32_t* border_count,
                                          const int32_t* sizes) {
  return on_used_handle([=](CudaDevice& device) {
    return shared::label_statistics_on(device, labels, values, points, boxes, means, borders, border_count, sizes);
  });
}
