/* Connected components of maps and of surfaces: see ../labelling.h. */
#include "../dispatch.h"

#include "../../shared/regions/rules.h"
#include "../regions/labelling.h"

namespace cpcdr {
namespace CPCDR_ISA {

inline uint64_t rule_bits(const EqualRule& rule, int64_t i, int64_t step, int count) {
  const float* const at = rule.values + i;
  if (count == kWordPixels) return equal_bits(at - step, at);
  return test_bits(count, [=](int k) { return at[k - step] == at[k]; });
}

inline uint64_t rule_bits(const JumpRule& rule, int64_t i, int64_t step, int count) {
  const float* const at = rule.values + i;
  if (count == kWordPixels) return near_bits(at - step, at, rule.max_jump);
  return test_bits(count, [&](int k) { return rule.joins(i + k - step, i + k); });
}

/* |a - b| <= jump of bytes. */
struct ByteRule {
  const uint8_t* values;
  uint8_t jump;

  ByteRule at(int64_t offset) const { return {values + offset, jump}; }
};

inline uint64_t rule_bits(const ByteRule& rule, int64_t i, int64_t step, int count) {
  const uint8_t *const here = rule.values + i, *const there = here - step;
  if (count == kWordPixels) return near_bits(there, here, rule.jump);
  const int jump = rule.jump;
  return test_bits(count, [=](int k) { return (here[k] > there[k] ? here[k] - there[k] : there[k] - here[k]) <= jump; });
}

namespace {

/* Reads batch, height, width, connectivity. */
int32_t read_shape(const int32_t* sizes, MapShape* shape) {
  if (sizes[0] < 0 || sizes[1] < 0 || sizes[2] < 0) return fail(CPCDR_INVALID_ARGUMENT, "label: negative size");
  if (sizes[3] != 4 && sizes[3] != 8) return fail(CPCDR_INVALID_ARGUMENT, "label: connectivity is not 4 or 8");
  *shape = {sizes[1], sizes[2], sizes[3] == 8};
  if (shape->pixels() > INT32_MAX) return fail(CPCDR_INVALID_ARGUMENT, "label: more than 2^31 - 1 pixels a map");
  return CPCDR_OK;
}

/* What a map without pixels has to say. */
int32_t answer_empty(int batch, int32_t* counts) {
  std::fill_n(counts, batch, 0);
  return CPCDR_OK;
}

template <typename Rule, typename Value>
int32_t label(const int32_t* sizes, const MapShape& shape, const Rule& rule, const Value* values, Value background,
              int32_t* labels, int32_t* counts) {
  if (sizes[0] == 0 || shape.pixels() == 0) return answer_empty(sizes[0], counts);
  return label_maps(sizes[0], shape, counts, [&](int64_t b) {
    const int64_t offset = b * shape.pixels();
    LabelledMap<Rule, Value> map{};
    map.shape = shape;
    map.rule = rule.at(offset);
    map.values = values ? values + offset : nullptr;
    map.background = background;
    map.labels = labels + offset;
    return map;
  });
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_label,
             (const float* maps, int32_t* labels, int32_t* counts, const int32_t* sizes, double max_jump,
              float background),
             (maps, labels, counts, sizes, max_jump, background)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!maps || !labels || !counts || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "label: null pointer");
  if (!(max_jump >= 0)) return fail(CPCDR_INVALID_ARGUMENT, "label: the largest jump is below 0");
  MapShape shape;
  if (const int32_t status = read_shape(sizes, &shape)) return status;
  const float* values = sizes[4] ? maps : nullptr;
  if (max_jump == 0) return label(sizes, shape, EqualRule{maps}, values, background, labels, counts);
  return label(sizes, shape, JumpRule{maps, max_jump}, values, background, labels, counts);
}

CPCDR_KERNEL(cpcdr_label_bytes,
             (const uint8_t* maps, int32_t* labels, int32_t* counts, const int32_t* sizes, double max_jump,
              double background),
             (maps, labels, counts, sizes, max_jump, background)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!maps || !labels || !counts || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "label: null pointer");
  if (!(max_jump >= 0)) return fail(CPCDR_INVALID_ARGUMENT, "label: the largest jump is below 0");
  MapShape shape;
  if (const int32_t status = read_shape(sizes, &shape)) return status;
  const uint8_t wanted = background >= 0 && background <= 255 ? static_cast<uint8_t>(background) : 0;
  const uint8_t* const values = sizes[4] && static_cast<double>(wanted) == background ? maps : nullptr;
  const uint8_t jump = max_jump < 255 ? static_cast<uint8_t>(max_jump) : 255;
  return label(sizes, shape, ByteRule{maps, jump}, values, wanted, labels, counts);
}

CPCDR_KERNEL(cpcdr_label_surfaces,
             (const float* points, const float* normals, const float* heights, const uint8_t* kinds, int32_t* labels,
              int32_t* counts, const int32_t* sizes, double kerb, double max_jump, double min_cosine,
              double crease_cosine),
             (points, normals, heights, kinds, labels, counts, sizes, kerb, max_jump, min_cosine, crease_cosine)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!points || !normals || !heights || !kinds || !labels || !counts || !sizes) {
    return fail(CPCDR_INVALID_ARGUMENT, "label_surfaces: null pointer");
  }
  MapShape shape;
  if (const int32_t status = read_shape(sizes, &shape)) return status;
  const SurfaceRule rule{points, normals, heights, kinds, {kerb, max_jump, min_cosine, crease_cosine}};
  return label<SurfaceRule, float>(sizes, shape, rule, nullptr, 0, labels, counts);
}
