/* What the CUDA library's cpcdr_label and cpcdr_label_surfaces do: read sizes, check them, launch. */
#ifndef CPCDR_LABEL_CALL_H
#define CPCDR_LABEL_CALL_H

#include "../../include/cpcdr_hot.h"
#include "label_names.h"
#include "label_seams.h"
#include "label_tiles.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Pixels of a batch are counted in 31 bits, rows as whole words of 32. */
constexpr int64_t kMostNodes = INT32_MAX;

/* All launches for one batch that has pixels. */
template <typename Device, typename Maps>
int32_t label_on(Device& device, const Maps& maps, int32_t* labels, int32_t* counts) {
  const LabelShape& shape = maps.shape;
  const LabelNodes all{shape,
                       device.template memory<uint16_t>(shape.all_tiles() * kTilePixels),
                       device.template memory<uint32_t>(shape.all_tiles() * kRootWords),
                       device.template memory<uint32_t>(shape.all_words()),
                       device.template memory<int32_t>(32 * shape.all_words()),
                       device.template memory<TileSeams>(shape.all_tiles())};
  RootWord* const words = device.template memory<RootWord>(shape.all_words());
  if (!all.locals || !all.tile_roots || !all.roots || !all.nodes || !all.seams || !words) {
    return device.fail(CPCDR_OUT_OF_MEMORY, "label: no memory for the components of tiles");
  }
  device.launch(shape.all_tiles(), LabelTile<Maps>{maps, all});
  device.launch(blocks_for(LabelSeams::threads_of(shape), LabelSeams::kThreads), LabelSeams{all});
  device.launch(CountRoots::blocks_of(shape), CountRoots{all, words, counts});
  device.launch(shape.all_tiles(), WriteLabels{all, words, labels});
  return CPCDR_OK;
}

template <bool kBounded, typename Device, typename Rule>
int32_t call_label(Device& device, const int32_t* sizes, const Rule& rule, float background, int32_t* labels,
                   int32_t* counts) {
  if (sizes[0] < 0 || sizes[1] < 0 || sizes[2] < 0) return device.fail(CPCDR_INVALID_ARGUMENT, "label: negative size");
  if (sizes[3] != 4 && sizes[3] != 8) {
    return device.fail(CPCDR_INVALID_ARGUMENT, "label: connectivity is not 4 or 8");
  }
  const int64_t pixels = int64_t{sizes[1]} * sizes[2];
  if (pixels > INT32_MAX) return device.fail(CPCDR_INVALID_ARGUMENT, "label: more than 2^31 - 1 pixels a map");
  if (sizes[0] == 0) return CPCDR_OK;
  if (pixels == 0) return device.zero(counts, sizeof(int32_t) * static_cast<size_t>(sizes[0]));
  const LabelShape shape = LabelShape::of(sizes[0], sizes[1], sizes[2], sizes[3] == 8);
  if (shape.nodes() > kMostNodes / shape.batch) {
    return device.fail(CPCDR_INVALID_ARGUMENT, "label: more than 2^31 - 1 pixels a batch, rows filled up to 32");
  }
  return label_on(device, LabelMaps<Rule, kBounded>{shape, rule, background}, labels, counts);
}

/* cpcdr_label */
template <typename Device>
int32_t label_maps_on(Device& device, const float* maps, int32_t* labels, int32_t* counts, const int32_t* sizes,
                      double max_jump, float background) {
  if (!maps || !labels || !counts || !sizes) return device.fail(CPCDR_INVALID_ARGUMENT, "label: null pointer");
  if (!(max_jump >= 0)) return device.fail(CPCDR_INVALID_ARGUMENT, "label: the largest jump is below 0");
  const bool bounded = sizes[4] != 0;
  const auto call = [&](const auto& rule) {
    return bounded ? call_label<true>(device, sizes, rule, background, labels, counts)
                   : call_label<false>(device, sizes, rule, background, labels, counts);
  };
  return max_jump == 0 ? call(EqualRule{maps}) : call(JumpRule{maps, max_jump});
}

/* cpcdr_label_surfaces */
template <typename Device>
int32_t label_surfaces_on(Device& device, const SurfaceRule& rule, int32_t* labels, int32_t* counts,
                          const int32_t* sizes) {
  if (!rule.points || !rule.normals || !rule.heights || !rule.kinds || !labels || !counts || !sizes) {
    return device.fail(CPCDR_INVALID_ARGUMENT, "label_surfaces: null pointer");
  }
  return call_label<false>(device, sizes, rule, 0, labels, counts);
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
