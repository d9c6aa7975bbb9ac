/* What the CUDA library's cpcdr_composite does: read the plan, check it, copy it to the device, launch. */
#ifndef CPCDR_COMPOSITE_CALL_H
#define CPCDR_COMPOSITE_CALL_H

#include "host_array.h"
#include "view_tiles.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* The arguments of cpcdr_composite. */
struct CompositeArguments {
  const void* const* sources;
  const int32_t* region_offsets;
  const double *pastes, *views;
  float* images;
  int32_t *copy_ids, *region_ids, *shown;
  const int32_t* sizes;

  int source_count() const { return sizes[0]; }
  int height() const { return sizes[1]; }
  int width() const { return sizes[2]; }
  int mixed() const { return sizes[3]; }
  int paste_count() const { return sizes[4]; }
  const double* paste(int p) const { return pastes + int64_t{p} * CPCDR_PASTE_FIELDS; }
  const double* view(int m) const { return views + int64_t{m} * CPCDR_VIEW_FIELDS; }
};

/* Says what is wrong, or null. */
inline const char* fault_of(const CompositeArguments& all) {
  if (!all.sources || !all.region_offsets || !all.views || !all.images || !all.copy_ids || !all.region_ids ||
      !all.sizes || (all.paste_count() > 0 && (!all.pastes || !all.shown))) {
    return "composite: null pointer";
  }
  if (all.source_count() < 1 || all.height() < 1 || all.width() < 1 || all.mixed() < 0 || all.paste_count() < 0) {
    return "composite: a size is too small";
  }
  if (int64_t{all.height()} * all.width() > INT32_MAX / 3) return "composite: an image is too large";
  for (int p = 0, previous = 0; p < all.paste_count(); p++) {
    const Paste paste(all.paste(p));
    if (const char* fault =
            fault_of(paste, all.source_count(), all.height(), all.width(), all.mixed(), previous)) {
      return fault;
    }
    previous = paste.mixed;
  }
  for (int m = 0; m < all.mixed(); m++) {
    const double behind = all.view(m)[0];
    if (!(behind >= 0 && behind < all.source_count())) return "composite: a view of no source";
  }
  return nullptr;
}

/*
 * The mean grey before every contrast step of `count` items, in as many rounds as contrast has places in the order of
 * steps. plan(item) answers the item's steps, pixels(item) how many it has, both on the host.
 */
template <typename Device, typename Items, typename Plan, typename Pixels>
int32_t mean_greys_on(Device& device, const Items& items, int count, float* greys, const Plan& plan,
                      const Pixels& pixels) {
  for (int step = 0; step < CPCDR_COLOUR_STEPS; step++) {
    int64_t job_count = 0, owners = 0;
    for (int i = 0; i < count; i++) {
      if (plan(i).kinds[step] != CPCDR_CONTRAST || pixels(i) == 0) continue;
      job_count += blocks_for(pixels(i), kGreyPixels);
      owners++;
    }
    if (job_count == 0) continue;
    HostArray<GreyJob> jobs(job_count);
    HostArray<int32_t> firsts(owners + 1);
    double* const sums = device.template memory<double>(job_count);
    if (jobs.failed() || firsts.failed() || !sums) return device.fail(CPCDR_OUT_OF_MEMORY, "composite: no memory");
    int32_t job = 0, owner = 0;
    for (int32_t i = 0; i < count; i++) {
      if (plan(i).kinds[step] != CPCDR_CONTRAST || pixels(i) == 0) continue;
      firsts[owner++] = job;
      for (int64_t first = 0; first < pixels(i); first += kGreyPixels) jobs[job++] = {i, static_cast<int32_t>(first)};
    }
    firsts[owner] = job;
    const GreyJob* const planned = copy_to(device, jobs);
    const int32_t* const bounds = copy_to(device, firsts);
    if (!planned || !bounds) return device.fail(CPCDR_OUT_OF_MEMORY, "composite: no memory for the means of colours");
    device.launch(job_count, AddGreys<Items>{items, planned, greys, sums, step});
    device.launch(blocks_for(owners, MeanGreys<Items>::kThreads),
                  MeanGreys<Items>{items, planned, sums, bounds, greys, step, owner});
  }
  return CPCDR_OK;
}

/* cpcdr_composite */
template <typename Device>
int32_t composite_on(Device& device, const CompositeArguments& all) {
  if (const char* fault = fault_of(all)) return device.fail(CPCDR_INVALID_ARGUMENT, fault);
  const int mixed = all.mixed(), count = all.paste_count(), height = all.height(), width = all.width();
  if (mixed == 0) return CPCDR_OK;
  HostArray<MixSource> sources(all.source_count());
  HostArray<PlannedPaste> pastes(count);
  HostArray<PlannedView> views(mixed);
  HostArray<int32_t> firsts(mixed + 1), behind(mixed);
  HostArray<Box> reaches(mixed);
  if (sources.failed() || pastes.failed() || views.failed() || firsts.failed() || behind.failed() || reaches.failed()) {
    return device.fail(CPCDR_OUT_OF_MEMORY, "composite: no memory for the plan");
  }
  for (int s = 0; s < all.source_count(); s++) {
    sources[s] = {static_cast<const uint8_t*>(all.sources[3 * s]), static_cast<const float*>(all.sources[3 * s + 1]),
                  static_cast<const int32_t*>(all.sources[3 * s + 2]), all.region_offsets[s]};
  }
  for (int p = 0; p < count; p++) {
    pastes[p] = {Paste(all.paste(p)), ColourSteps::from(all.paste(p) + 13)};
  }
  for (int m = 0, p = 0; m <= mixed; m++) {
    while (p < count && pastes[p].place.mixed < m) p++;
    firsts[m] = p;
    if (m == mixed) break;
    views[m] = PlannedView::from(all.view(m));
    behind[m] = static_cast<int32_t>(all.view(m)[0]);
    reaches[m] = reach_of(seen_by(all.view(m), height, width), height, width);
  }
  const int64_t pixels = int64_t{height} * width;
  Composition plan{copy_to(device, sources), copy_to(device, pastes), copy_to(device, firsts), copy_to(device, behind),
                   copy_to(device, reaches), all.shown, nullptr, height, width, mixed, all.sizes[5] != 0,
                   all.sizes[6] != 0};
  const PlannedView* const planned_views = copy_to(device, views);
  float* const paste_greys = device.template memory<float>(int64_t{CPCDR_COLOUR_STEPS} * count);
  float* const view_greys = device.template memory<float>(int64_t{CPCDR_COLOUR_STEPS} * mixed);
  float* const colours = device.template memory<float>(3 * pixels * mixed);
  int32_t* const copies = device.template memory<int32_t>(pixels * mixed);
  int32_t* const regions = device.template memory<int32_t>(pixels * mixed);
  int32_t* const backgrounds = device.template memory<int32_t>(mixed);
  if (!plan.sources || !plan.pastes || !plan.first_pastes || !plan.behind || !plan.reaches || !planned_views ||
      !paste_greys || !view_greys || !colours || !copies || !regions || !backgrounds) {
    return device.fail(CPCDR_OUT_OF_MEMORY, "composite: no memory for a canvas");
  }
  plan.greys = paste_greys;
  if (count > 0) {
    device.zero(all.shown, sizeof(int32_t) * static_cast<size_t>(count));
    const ComposeTile find{plan, nullptr, nullptr, nullptr};
    device.launch(mixed * find.tiles(), find);
  }
  const auto window_pixels = [&](int p) -> int64_t {
    const Box window = pastes[p].place.window(height, width);
    return window.empty() ? 0 : int64_t{window.height()} * window.width();
  };
  if (const int32_t status = mean_greys_on(
          device, PasteWindows{plan}, count, paste_greys, [&](int p) -> const ColourSteps& { return pastes[p].steps; },
          window_pixels)) {
    return status;
  }
  const ComposeTile compose{plan, colours, copies, regions};
  device.launch(mixed * compose.tiles(), compose);
  device.launch(1, NumberCopies{plan.pastes, plan.first_pastes, all.shown, backgrounds, count, mixed});
  const Views shown_views{colours, planned_views, height, width};
  if (const int32_t status = mean_greys_on(
          device, shown_views, mixed, view_greys, [&](int m) -> const ColourSteps& { return views[m].steps; },
          [=](int) { return pixels; })) {
    return status;
  }
  const ViewTile view{shown_views, view_greys, copies, regions, all.shown, backgrounds, all.images, all.copy_ids,
                      all.region_ids};
  device.launch(mixed * view.tiles(), view);
  return CPCDR_OK;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
