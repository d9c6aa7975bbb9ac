/* cc3d's side of labelling.ts; cc3d.hpp comes from a clone of its repository. */
#include "cc3d.hpp"

namespace {

/* Labels an image without background, and answers how many components it has. */
template <typename T>
int64_t label(T* values, int32_t height, int32_t width, uint32_t* labels) {
  const int64_t pixels = int64_t{height} * width;
  const size_t most = std::min<size_t>(cc3d::estimate_provisional_label_count(values, width, pixels), pixels);
  size_t count = 0;
  cc3d::connected_components2d_8<T, uint32_t>(values, width, height, most, labels, count);
  return static_cast<int64_t>(count);
}

}  // namespace

extern "C" int64_t label_bytes(uint8_t* values, int32_t height, int32_t width, uint32_t* labels) {
  return label(values, height, width, labels);
}

extern "C" int64_t label_floats(float* values, int32_t height, int32_t width, uint32_t* labels) {
  return label(values, height, width, labels);
}
