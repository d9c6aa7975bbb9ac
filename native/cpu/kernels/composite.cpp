/* Many pastes into many images in one call: images are spread over threads, each thread has one canvas. */
#include "../rounding.h"

#include "../dispatch.h"

#include "../system.h"
#include "../thread_pool.h"
#include "../mix/view.h"

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
    if (const char* fault = fault_of(fields, count, height, width, mixed, previous)) {
      return fail(CPCDR_INVALID_ARGUMENT, fault);
    }
    const Paste paste(fields);
    previous = paste.mixed;
    samples = std::max(samples, samples_of(paste.scale));
  }
  for (int m = 0; m < mixed; m++) {
    const double behind = views[int64_t{m} * CPCDR_VIEW_FIELDS];
    if (!(behind >= 0 && behind < count)) return fail(CPCDR_INVALID_ARGUMENT, "composite: a view of no source");
  }
  const int64_t pixels = int64_t{height} * width;
  const int64_t blocks = blocks_of(height, width);
  const bool depth_test = sizes[5] != 0;
  float* const extremes = workspace(3, depth_test ? static_cast<size_t>(2 * blocks * count) : 1);
  if (!extremes) return fail(CPCDR_OUT_OF_MEMORY, "composite: no memory for extremes of disparities");
  const auto source_at = [=](int s) {
    Layer layer;
    static_cast<MixSource&>(layer) = {static_cast<const uint8_t*>(sources[3 * s]),
                                      static_cast<const float*>(sources[3 * s + 1]),
                                      static_cast<const int32_t*>(sources[3 * s + 2]), region_offsets[s]};
    layer.least = depth_test ? extremes + 2 * blocks * s : nullptr;
    layer.most = depth_test ? layer.least + blocks : nullptr;
    return layer;
  };
  parallel_for(depth_test ? count : 0, 1, [=](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; s++) {
      float* const least = extremes + 2 * blocks * s;
      extremes_of_blocks(static_cast<const float*>(sources[3 * s + 1]), height, width, least, least + blocks);
    }
  });
  /* Results are mostly new memory, whose first touches would cost more than what is written. */
  const size_t all = static_cast<size_t>(mixed) * static_cast<size_t>(pixels);
  prefer_large_pages(images, 3 * all * sizeof(float));
  prefer_large_pages(copy_ids, all * sizeof(int32_t));
  prefer_large_pages(region_ids, all * sizeof(int32_t));
  const bool streams = 5 * all * sizeof(float) >= kStreamedBytes;
  /* How many copies each image has, once that is known, and before that 0. */
  int32_t* const counts = reinterpret_cast<int32_t*>(workspace(2, 2 * static_cast<size_t>(mixed) + 1));
  if (!counts) return fail(CPCDR_OUT_OF_MEMORY, "composite: no memory for the numbers of copies");
  int32_t* const missing = counts + mixed; /* what is still to be added to the numbers of an image's copies */
  std::fill_n(counts, 2 * mixed, 0);
  int32_t failed = 0;
  /* Images are begun in order, whoever comes. */
  int64_t begun = 0;
  parallel_for(mixed, 1, [&](int64_t begin, int64_t end) {
    Arena needed;
    Canvas(needed, height, width, samples);
    View(needed, height, width, streams);
    float* const memory = workspace(1, static_cast<size_t>(needed.floats()));
    if (!memory) return __atomic_store_n(&failed, 1, __ATOMIC_RELAXED);
    prefer_large_pages(memory, static_cast<size_t>(needed.floats()) * sizeof(float));
    Arena arena(memory);
    Canvas canvas(arena, height, width, samples);
    View view(arena, height, width, streams);
    canvas.depth_test = depth_test;
    canvas.ground_distance = sizes[6] != 0;
    for (int64_t i = begin; i < end; i++) {
      const int64_t m = __atomic_fetch_add(&begun, 1, __ATOMIC_RELAXED);
      const double* fields = views + m * CPCDR_VIEW_FIELDS;
      view.begin(fields);
      canvas.begin(source_at(static_cast<int>(fields[0])), seen_by(fields, height, width));
      int32_t copies = 1;
      for (int p = 0; p < paste_count; p++) {
        const double* const numbers = pastes + int64_t{p} * CPCDR_PASTE_FIELDS;
        if (static_cast<int>(numbers[0]) != m) continue;
        const Paste paste(numbers);
        shown[p] = canvas.paste(paste, source_at(paste.source));
        copies += shown[p] > 0;
      }
      __atomic_store_n(counts + m, copies, __ATOMIC_RELAXED);
      view.show_colours(canvas, images + 3 * m * pixels);
      /* Copies are numbered over the batch; where an earlier image has not got so far, the rest is added below. */
      int32_t first = 0;
      for (int64_t e = 0; e < m && first >= 0; e++) {
        const int32_t before = __atomic_load_n(counts + e, __ATOMIC_RELAXED);
        first = before > 0 ? first + before : -1;
      }
      missing[m] = first < 0;
      view.show_ids(canvas, std::max(0, first), Ids{copy_ids, region_ids}.at(m * pixels));
    }
  });
  if (failed) return fail(CPCDR_OUT_OF_MEMORY, "composite: no memory for a canvas");
  int32_t next = 0;
  for (int m = 0, p = 0; m < mixed; m++) {
    for (; p < paste_count && pastes[int64_t{p} * CPCDR_PASTE_FIELDS] == m; p++) {
      shown[p] = shown[p] > 0 ? next + shown[p] : -1;
    }
    missing[m] *= next;
    next += counts[m];
  }
  parallel_for(mixed, 1, [=](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; m++) {
      if (missing[m] == 0) continue;
      int32_t* const ids = copy_ids + m * pixels;
      for (int64_t i = 0; i < pixels; i++) ids[i] += missing[m];
    }
  });
  return CPCDR_OK;
}
