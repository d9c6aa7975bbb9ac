/* The arguments of the CUDA library's cpcdr_prototype_loss. */
#ifndef CPCDR_LOSS_ARGUMENTS_H
#define CPCDR_LOSS_ARGUMENTS_H

#include "../../include/cpcdr_hot.h"
#include "score_tiles.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* The arguments of cpcdr_prototype_loss. */
struct LossArguments {
  const float *features, *prototypes;
  const int32_t* groups;
  float* result;
  int32_t* nearest;
  float *dfeatures, *dprototypes;
  const int32_t* sizes;
  float epsilon, temperature;

  int n() const { return sizes[0]; }
  int k() const { return sizes[1]; }
  int d() const { return sizes[2]; }
  int group_count() const { return sizes[3]; }
  int iterations() const { return sizes[4]; }
  Rows feature_rows() const { return {features, nullptr, n(), d()}; }
  Rows prototype_rows() const { return {prototypes, nullptr, k(), d()}; }
};

inline const char* fault_of(const LossArguments& all) {
  if (!all.features || !all.prototypes || !all.groups || !all.result || !all.nearest || !all.dfeatures ||
      !all.dprototypes || !all.sizes) {
    return "prototype_loss: null pointer";
  }
  if (all.n() < 1 || all.k() < 1 || all.d() < 1 || all.group_count() < 0 || all.iterations() < 0 || all.sizes[5] < 0) {
    return "prototype_loss: a size is too small";
  }
  if (!(all.epsilon > 0) || !(all.temperature > 0)) return "prototype_loss: epsilon and temperature must be above 0";
  return nullptr;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
