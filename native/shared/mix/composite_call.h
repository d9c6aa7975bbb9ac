/* What the CUDA library's cpcdr_composite does: read the plan, check it, copy it to the device, launch. */
#ifndef CPCDR_COMPOSITE_CALL_H
#define CPCDR_COMPOSITE_CALL_H

#include "compose_tiles.h"
#include "mean_greys.h"
#include "number_copies.h"
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
    if (const char* fault =
            fault_of(all.paste(p), all.source_count(), all.height(), all.width(), all.mixed(), previous)) {
      return fault;
    }
    previous = Paste(all.paste(p)).mixed;
  }
  for (int m = 0; m < all.mixed(); m++) {
    const double behind = all.view(m)[0];
    if (!(behind >= 0 && behind < all.source_count())) return "composite: a view of no source";
  }
  return nullptr;
}

/* What goes to the device in two parcels: the means are planned while it finds what shows. */
struct CompositePlan {
  HostParcel parcel, greys_parcel;
  HostParcel::Part<MixSource> sources;
  HostParcel::Part<PlannedView> views;
  HostParcel::Part<PlannedImage> images;
  HostParcel::Part<PlannedPaste> pastes;
  GreyRounds paste_greys, view_greys;
  int64_t along_count = 0, mark_count = 0;

  /* Without memory the parcel has failed. */
  explicit CompositePlan(const CompositeArguments& all) {
    const int mixed = all.mixed(), count = all.paste_count(), height = all.height(), width = all.width();
    sources = parcel.add<MixSource>(all.source_count());
    views = parcel.add<PlannedView>(mixed);
    images = parcel.add<PlannedImage>(mixed);
    pastes = parcel.add<PlannedPaste>(count); /* the largest last: nothing moves it */
    if (parcel.failed()) return;
    for (int s = 0; s < all.source_count(); s++) {
      parcel.at(sources)[s] = {static_cast<const uint8_t*>(all.sources[3 * s]),
                               static_cast<const float*>(all.sources[3 * s + 1]),
                               static_cast<const int32_t*>(all.sources[3 * s + 2]), all.region_offsets[s]};
    }
    for (int m = 0, p = 0; m < mixed; m++) {
      const double* const view = all.view(m);
      const int first = p;
      while (p < count && static_cast<int>(all.paste(p)[0]) == m) p++;
      parcel.at(views)[m] = PlannedView::from(view);
      parcel.at(images)[m] = {reach_of(seen_by(view, height, width), height, width),
                              parcel.at(sources)[static_cast<int>(view[0])], first, p};
    }
    for (int p = 0; p < count; p++) {
      const Paste paste(all.paste(p));
      parcel.at(pastes)[p] = {paste, ColourSteps::from(paste.colour), along_count, mark_count};
      const Box window = paste.window(height, width);
      if (!window.empty()) along_count += window.height() + window.width();
      mark_count += mark_words(paste.place().within(parcel.at(images)[paste.mixed].reach));
    }
  }

  /* The same for the other parcel. */
  void plan_greys(const CompositeArguments& all) {
    const int height = all.height(), width = all.width();
    paste_greys.plan(greys_parcel, all.paste_count(), [&](int p) -> GreyItem {
      const PlannedPaste& paste = parcel.at(pastes)[p];
      const Box window = paste.place.window(height, width);
      const int along = samples_of(paste.place.scale);
      return {paste.steps, window.empty() ? 0 : window.height() * window.width(), along * along};
    });
    if (greys_parcel.failed()) return;
    view_greys.plan(greys_parcel, all.mixed(), [&](int m) -> GreyItem {
      return {parcel.at(views)[m].steps, height * width, 1};
    });
  }
};

/* cpcdr_composite */
template <typename Device>
int32_t composite_on(Device& device, const CompositeArguments& all) {
  if (const char* fault = fault_of(all)) return device.fail(CPCDR_INVALID_ARGUMENT, fault);
  const int mixed = all.mixed(), count = all.paste_count(), height = all.height(), width = all.width();
  if (mixed == 0) return CPCDR_OK;
  CompositePlan plan(all);
  if (plan.parcel.failed() || !plan.parcel.send(device)) {
    return device.fail(CPCDR_OUT_OF_MEMORY, "composite: no memory for the plan");
  }
  const HostParcel& parcel = plan.parcel;
  const PlannedView* const planned_views = parcel.sent(plan.views);
  const int64_t pixels = int64_t{height} * width;
  float* const paste_greys = device.template memory<float>(int64_t{CPCDR_COLOUR_STEPS} * count);
  float* const view_greys = device.template memory<float>(int64_t{CPCDR_COLOUR_STEPS} * mixed);
  Along* const alongs = device.template memory<Along>(plan.along_count);
  PlacedPaste* const placed = device.template memory<PlacedPaste>(count);
  Box* const places = device.template memory<Box>(count);
  uint32_t* const marks = device.template memory<uint32_t>(plan.mark_count);
  Seen* const seen = device.template memory<Seen>(int64_t{mixed} * (height + width));
  CanvasColour* const colours = device.template memory<CanvasColour>(pixels * mixed + width + 1);
  int32_t* const copies = device.template memory<int32_t>(pixels * mixed);
  int32_t* const regions = device.template memory<int32_t>(pixels * mixed);
  int32_t* const backgrounds = device.template memory<int32_t>(mixed);
  if (!paste_greys || !view_greys || !alongs || !placed || !places || !marks || !seen || !colours || !copies ||
      !regions || !backgrounds) {
    return device.fail(CPCDR_OUT_OF_MEMORY, "composite: no memory for a canvas");
  }
  const char* const no_means = "composite: no memory for the means of colours";
  const Composition composition{parcel.sent(plan.sources),
                                parcel.sent(plan.pastes),
                                parcel.sent(plan.images),
                                all.shown,
                                alongs,
                                placed,
                                places,
                                marks,
                                paste_greys,
                                height,
                                width,
                                all.sizes[5] != 0,
                                all.sizes[6] != 0};
  device.launch(int64_t{count} + mixed, PlaceAll{composition, planned_views, seen, count});
  const FindTile find{composition, copies, regions};
  device.launch(mixed * find.tiles(), find);
  HostParcel& means = plan.greys_parcel;
  plan.plan_greys(all);
  if (means.failed() || !means.send(device) ||
      !plan.paste_greys.run(device, means, PasteWindows{composition}, paste_greys)) {
    return device.fail(CPCDR_OUT_OF_MEMORY, no_means);
  }
  const DrawTile draw{composition, colours};
  device.launch(mixed * draw.tiles(), draw);
  device.launch(1, NumberCopies{composition.pastes, all.shown, backgrounds, count, mixed});
  const Views views{colours, planned_views, seen, height, width};
  if (!plan.view_greys.run(device, means, views, view_greys)) return device.fail(CPCDR_OUT_OF_MEMORY, no_means);
  const ViewTile view{views,       view_greys, copies,       regions,       all.shown,
                      backgrounds, all.images, all.copy_ids, all.region_ids};
  device.launch(mixed * view.tiles(), view);
  return CPCDR_OK;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
