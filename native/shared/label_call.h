/* What the CUDA library's cpcdr_label and cpcdr_label_surfaces do: read sizes, check them, launch. */
#ifndef CPCDR_LABEL_CALL_H
#define CPCDR_LABEL_CALL_H

#include "../include/cpcdr_hot.h"
#include "label_names.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Pixels of a batch are counted in 31 bits, rows as whole words of 32. */
constexpr int64_t kMostNodes = INT32_MAX;

template <typename Device, typename Rule>
int32_t call_label(Device& device, const int32_t* sizes, const Rule& rule, bool bounded, float background,
                   int32_t* labels, int32_t* counts) {
  if (sizes[0] < 0 || sizes[1] < 0 || sizes[2] < 0) return device.fail(CPCDR_INVALID_ARGUMENT, "label: negative size");
  if (sizes[3] != 4 && sizes[3] != 8) {
    return device.fail(CPCDR_INVALID_ARGUMENT, "label: connectivity is not 4 or 8");
  }
  const LabelShape shape{sizes[0], sizes[1], sizes[2], sizes[3] == 8};
  if (shape.pixels() > INT32_MAX) {
    return device.fail(CPCDR_INVALID_ARGUMENT, "label: more than 2^31 - 1 pixels a map");
  }
  if (shape.batch == 0) return CPCDR_OK;
  if (shape.pixels() == 0) return device.zero(counts, sizeof(int32_t) * static_cast<size_t>(shape.batch));
  if (shape.nodes() > kMostNodes / shape.batch) {
    return device.fail(CPCDR_INVALID_ARGUMENT, "label: more than 2^31 - 1 pixels a batch, rows filled up to 32");
  }
  return label_on(device, LabelMaps<Rule>{shape, rule, bounded, background}, labels, counts);
}

/* cpcdr_label */
template <typename Device>
int32_t label_maps_on(Device& device, const float* maps, int32_t* labels, int32_t* counts, const int32_t* sizes,
                      double max_jump, float background) {
  if (!maps || !labels || !counts || !sizes) return device.fail(CPCDR_INVALID_ARGUMENT, "label: null pointer");
  if (!(max_jump >= 0)) return device.fail(CPCDR_INVALID_ARGUMENT, "label: the largest jump is below 0");
  const bool bounded = sizes[4] != 0;
  if (max_jump == 0) return call_label(device, sizes, EqualRule{maps}, bounded, background, labels, counts);
  return call_label(device, sizes, JumpRule{maps, max_jump}, bounded, background, labels, counts);
}

/* cpcdr_label_surfaces */
template <typename Device>
int32_t label_surfaces_on(Device& device, const SurfaceRule& rule, int32_t* labels, int32_t* counts,
                          const int32_t* sizes) {
  if (!rule.points || !rule.normals || !rule.heights || !rule.kinds || !labels || !counts || !sizes) {
    return device.fail(CPCDR_INVALID_ARGUMENT, "label_surfaces: null pointer");
  }
  return call_label(device, sizes, rule, false, 0, labels, counts);
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
