/* Many pastes into many images in one call: images are spread over threads, each thread has one canvas. */
#include "../dispatch.h"

#include "../canvas.h"
#include "../large_pages.h"
#include "../math.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

/* ImageNet's mean and deviation of red, green and blue in 0..1. */
constexpr float kMean[] = {0.485f, 0.456f, 0.406f}, kDeviation[] = {0.229f, 0.224f, 0.225f};

/* Gaussian of 5 taps along rows and then along columns, borders repeated; `scratch` is as large as the image. */
void blur(float* pixels, float* scratch, int height, int width, float deviation) {
  float taps[5], sum = 0;
  for (int k = 0; k < 5; k++) {
    const float distance = static_cast<float>(k - 2);
    sum += taps[k] = fast_exp(-distance * distance / (2 * deviation * deviation));
  }
  for (float& tap : taps) tap /= sum;
  const int64_t stride = 3 * int64_t{width};
  for (int y = 0; y < height; y++) {
    const float* from = pixels + y * stride;
    float* to = scratch + y * stride;
    for (int x = 0; x < width; x++) {
      if (x == 2 && width > 4) {
        for (int64_t i = 6; i < stride - 6; i++) {
          to[i] = taps[0] * from[i - 6] + taps[1] * from[i - 3] + taps[2] * from[i] + taps[3] * from[i + 3] +
                  taps[4] * from[i + 6];
        }
        x = width - 2;
      }
      for (int c = 0; c < 3; c++) {
        float value = 0;
        for (int k = -2; k <= 2; k++) value += taps[k + 2] * from[3 * std::min(width - 1, std::max(0, x + k)) + c];
        to[3 * x + c] = value;
      }
    }
  }
  for (int y = 0; y < height; y++) {
    const float* rows[5];
    for (int k = -2; k <= 2; k++) rows[k + 2] = scratch + std::min(height - 1, std::max(0, y + k)) * stride;
    float* to = pixels + y * stride;
    for (int64_t i = 0; i < stride; i++) {
      to[i] = taps[0] * rows[0][i] + taps[1] * rows[1][i] + taps[2] * rows[2][i] + taps[3] * rows[3][i] +
              taps[4] * rows[4][i];
    }
  }
}

void normalise(float* pixels, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    for (int c = 0; c < 3; c++) pixels[3 * i + c] = (pixels[3 * i + c] - kMean[c]) * (1 / kDeviation[c]);
  }
}

/* Whether the whole numbers of a paste are so small that sums of a few are none too large; NaN is not. */
bool has_sane_numbers(const double* fields) {
  constexpr double kMost = 1 << 28;
  bool sane = true;
  for (int i = 0; i < 11; i++) sane &= fields[i] >= -kMost && fields[i] <= kMost;
  return sane;
}

/* What a view, CPCDR_VIEW_FIELDS doubles, shows of a canvas. */
void render(const Canvas& canvas, const double* view, float* pixels, int32_t* copies, int32_t* regions) {
  const int height = canvas.height, width = canvas.width;
  for (int x = 0; x < width; x++) {
    const double position = multiply_add(view[1], x, view[2]);
    linear_taps(position, width, 1, canvas.taps + 2 * x);
    canvas.columns[x] = nearest_index(position, width);
  }
  for (int y = 0; y < height; y++) {
    const double position = multiply_add(view[3], y, view[4]);
    Tap rows[2];
    linear_taps(position, height, 1, rows);
    const float* top = canvas.colours + 3 * int64_t{rows[0].index} * width;
    const float* bottom = canvas.colours + 3 * int64_t{rows[1].index} * width;
    float* const line = canvas.line;
    for (int i = 0; i < 3 * width; i++) line[i] = top[i] * rows[0].weight + bottom[i] * rows[1].weight;
    const int64_t from = int64_t{nearest_index(position, height)} * width, to = int64_t{y} * width;
    for (int x = 0; x < width; x++) {
      const Tap &left = canvas.taps[2 * x], &right = canvas.taps[2 * x + 1];
      for (int c = 0; c < 3; c++) {
        pixels[3 * (to + x) + c] = line[3 * left.index + c] * left.weight + line[3 * right.index + c] * right.weight;
      }
      copies[to + x] = canvas.copies[from + canvas.columns[x]];
      regions[to + x] = canvas.regions[from + canvas.columns[x]];
    }
  }
  const int64_t count = int64_t{height} * width;
  change_colours(pixels, count, view + 6);
  if (view[5] > 0) blur(pixels, canvas.window, height, width, static_cast<float>(view[5]));
  normalise(pixels, count);
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_composite,
             (const void* const* sources, const int32_t* region_offsets, const double* pastes, const double* views,
              float* images, int32_t* copy_ids, int32_t* region_ids, int32_t* shown, const int32_t* sizes),
             (sources, region_offsets, pastes, views, images, copy_ids, region_ids, shown, sizes)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!sources || !region_offsets || !views || !images || !copy_ids || !region_ids || !sizes) {
    return fail(CPCDR_INVALID_ARGUMENT, "composite: null pointer");
  }
  if (sizes[4] > 0 && (!pastes || !shown)) return fail(CPCDR_INVALID_ARGUMENT, "composite: null pointer");
  const int count = sizes[0], height = sizes[1], width = sizes[2], mixed = sizes[3], paste_count = sizes[4];
  if (count < 1 || height < 1 || width < 1 || mixed < 0 || paste_count < 0) {
    return fail(CPCDR_INVALID_ARGUMENT, "composite: a size is too small");
  }
  for (int s = 0; s < 3 * count; s++) {
    if (!sources[s]) return fail(CPCDR_INVALID_ARGUMENT, "composite: null pointer");
  }
  int samples = 1;
  for (int p = 0, previous = 0; p < paste_count; p++) {
    const double* const fields = pastes + int64_t{p} * CPCDR_PASTE_FIELDS;
    if (!has_sane_numbers(fields)) return fail(CPCDR_INVALID_ARGUMENT, "composite: a number of a paste is too large");
    const Paste paste(fields);
    if (const char* fault = fault_of(paste, count, height, width, mixed, previous)) {
      return fail(CPCDR_INVALID_ARGUMENT, fault);
    }
    previous = paste.mixed;
    samples = std::max(samples, samples_of(paste.scale));
  }
  for (int m = 0; m < mixed; m++) {
    const double behind = views[int64_t{m} * CPCDR_VIEW_FIELDS];
    if (!(behind >= 0 && behind < count)) return fail(CPCDR_INVALID_ARGUMENT, "composite: a view of no source");
  }
  const int64_t pixels = int64_t{height} * width;
  const auto source_at = [=](int s) {
    return MixSource{static_cast<const uint8_t*>(sources[3 * s]), static_cast<const float*>(sources[3 * s + 1]),
                     static_cast<const int32_t*>(sources[3 * s + 2]), region_offsets[s]};
  };
  /* Results are mostly new memory, whose first touches would cost more than what is written. */
  const size_t all = static_cast<size_t>(mixed) * static_cast<size_t>(pixels);
  prefer_large_pages(images, 3 * all * sizeof(float));
  prefer_large_pages(copy_ids, all * sizeof(int32_t));
  prefer_large_pages(region_ids, all * sizeof(int32_t));
  int32_t failed = 0;
  parallel_for(mixed, 1, [&](int64_t begin, int64_t end) {
    Canvas canvas{};
    canvas.height = height;
    canvas.width = width;
    canvas.depth_test = sizes[5] != 0;
    canvas.ground_distance = sizes[6] != 0;
    float* memory = workspace(1, static_cast<size_t>(Canvas::floats(height, width, samples)));
    if (!memory) return __atomic_store_n(&failed, 1, __ATOMIC_RELAXED);
    canvas.place(memory);
    for (int64_t m = begin; m < end; m++) {
      const double* view = views + m * CPCDR_VIEW_FIELDS;
      canvas.begin(source_at(static_cast<int>(view[0])));
      for (int p = 0; p < paste_count; p++) {
        const Paste paste(pastes + int64_t{p} * CPCDR_PASTE_FIELDS);
        if (paste.mixed == m) shown[p] = canvas.paste(paste, source_at(paste.source), p);
      }
      render(canvas, view, images + 3 * m * pixels, copy_ids + m * pixels, region_ids + m * pixels);
    }
  });
  if (failed) return fail(CPCDR_OUT_OF_MEMORY, "composite: no memory for a canvas");
  /* Pastes that show nothing have no number, so numbers are known only now. Background m comes before image m's pastes. */
  int32_t* const backgrounds = reinterpret_cast<int32_t*>(workspace(2, static_cast<size_t>(mixed) + 1));
  if (!backgrounds) return fail(CPCDR_OUT_OF_MEMORY, "composite: no memory for the numbers of backgrounds");
  int32_t next = 0;
  for (int m = 0, p = 0; m < mixed; m++) {
    backgrounds[m] = next++;
    for (; p < paste_count && pastes[int64_t{p} * CPCDR_PASTE_FIELDS] == m; p++) shown[p] = shown[p] ? next++ : -1;
  }
  parallel_for(mixed, 1, [=](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; m++) {
      int32_t* const ids = copy_ids + m * pixels;
      const int32_t background = backgrounds[m];
      for (int64_t i = 0; i < pixels; i++) ids[i] = ids[i] < 0 ? background : shown[ids[i]];
    }
  });
  return CPCDR_OK;
}
