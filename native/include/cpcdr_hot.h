/*
 * cpcdr_hot.h: the hot kernels, the part of the ABI that the CPU and the CUDA library have in common.
 *
 * Tensors are dense and live where the library computes: in the process's memory for the CPU library, in the
 * device's for the CUDA library. What plans a call lives in the process's memory for both, since it is read and
 * checked before anything runs: `sizes`, and of cpcdr_composite also `sources` (the array of pointers),
 * `region_offsets`, `pastes` and `views`. The CUDA library runs a call on the handle that its thread uses
 * (cpcdr_cuda_use) and may return before the device is done.
 */
#ifndef CPCDR_HOT_H
#define CPCDR_HOT_H

#include <stdint.h>

#if defined(_WIN32)
#define CPCDR_API __declspec(dllexport)
#else
#define CPCDR_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum cpcdr_status {
  CPCDR_OK = 0,
  CPCDR_INVALID_ARGUMENT = 1,
  CPCDR_OUT_OF_MEMORY = 2,
  /* Of the CUDA library alone. */
  CPCDR_NO_DRIVER = 3,
  CPCDR_OLD_DRIVER = 4,
  CPCDR_NO_DEVICE = 5,
  CPCDR_DEVICE_FAILED = 6,
};

/* Message of the last failure on this thread, "" if there was none. Valid until the next call. */
CPCDR_API const char* cpcdr_last_error(void);
CPCDR_API int64_t cpcdr_workspace_bytes(void);

/* ---- connected components: cpu/kernels/label.cpp, cuda/label.cu ---- */

/*
 * labels [batch, height, width] of maps of that shape: neighbours join when |a - b| <= max_jump or a == b; labels
 * count from 0 in raster order of first pixels, map by map, and counts [batch] says how many there are. Pixels
 * that equal `background` get -1 and join nothing. NaN joins nothing.
 * sizes: batch, height, width, connectivity (4 or 8), has background (0 or 1).
 */
CPCDR_API int32_t cpcdr_label(const float* maps, int32_t* labels, int32_t* counts, const int32_t* sizes,
                              double max_jump, float background);
/*
 * The same by the relative 3-D rule (shared/regions/rules.h): points and normals [batch, height, width, 3], heights and
 * kinds (0 thing, 1 ground, 2 sky, 3 raised ground) [batch, height, width]. sizes: batch, height, width, connectivity.
 */
CPCDR_API int32_t cpcdr_label_surfaces(const float* points, const float* normals, const float* heights,
                                       const uint8_t* kinds, int32_t* labels, int32_t* counts, const int32_t* sizes,
                                       double kerb, double max_jump, double min_cosine, double crease_cosine);

/*
 * What the components of one map of labels [height, width] (below 0: background) are like: boxes [count, 5] area,
 * top, left, bottom, right (the last two exclusive; all 0 without pixels), means [count, 4] of values and of points
 * x, y, z. values [height, width] and points [height, width, 3] may be null, their means are 0 then.
 * borders [capacity, 3] gets low label, high label and the number of 4-neighbour pixel pairs that they share, in
 * order of labels; border_count their number. More than capacity are counted but not written. Both may be null.
 * sizes: height, width, count, capacity.
 */
CPCDR_API int32_t cpcdr_label_statistics(const int32_t* labels, const float* values, const float* points,
                                         int32_t* boxes, double* means, int32_t* borders, int32_t* border_count,
                                         const int32_t* sizes);

/* ---- compositing: cpu/kernels/composite.cpp, cuda/composite.cu ---- */

/*
 * Colours are changed in up to CPCDR_COLOUR_STEPS steps, each a pair of doubles (cpcdr_colour_step, amount).
 */
enum cpcdr_colour_step {
  CPCDR_COLOUR_NONE = 0,
  CPCDR_BRIGHTEN = 1, /* times amount */
  CPCDR_CONTRAST = 2, /* distance to the mean grey of all pixels times amount */
  CPCDR_SATURATE = 3, /* distance to the pixel's own grey times amount */
  CPCDR_HUE = 4,      /* turned by amount, a share of the circle */
};
#define CPCDR_COLOUR_STEPS 5
/* Doubles of one paste: mixed image (ascending), source, region (-1: any), top, left, bottom, right of the piece,
   top, left, height, width of its place, scale, flip, then colour steps. */
#define CPCDR_PASTE_FIELDS 23
/* Doubles of one mixed image: source behind, scaleX, shiftX, scaleY, shiftY (canvas x = scaleX * x + shiftX),
   deviation of the blur (0: none), then colour steps. */
#define CPCDR_VIEW_FIELDS 16

/*
 * Pastes pieces of sources onto others in order, nearer pixels win, and shows the results through views:
 * lib/mix/canvas.ts and view.ts are the definition. sources [3 * sources]: rgb uint8 [H,W,3], disparity float
 * [H,W], region ids int32 [H,W] of each. region_offsets [sources] is added to ids. images [mixed,H,W,3], copy_ids
 * and region_ids [mixed,H,W] and shown [pastes] come out. Copies are numbered over the batch: each image's
 * background, then its pastes of which any pixel won that the view samples, or one beside those, which softened
 * edges reach; shown is the number of each paste, -1 where it has none.
 * sizes: sources, height, width, mixed, pastes, depth test, ground distance (disparity grows with scale).
 */
CPCDR_API int32_t cpcdr_composite(const void* const* sources, const int32_t* region_offsets, const double* pastes,
                                  const double* views, float* images, int32_t* copy_ids, int32_t* region_ids,
                                  int32_t* shown, const int32_t* sizes);

/* ---- similarity and the prototype loss: cpu/kernels/prototype_loss.cpp, cuda/prototype_loss.cu ---- */

/* out [n, k]: dot products of the rows of a [n, d] and b [k, d], or cosines (0 for a row of zeros).
   sizes: n, k, d, cosine. */
CPCDR_API int32_t cpcdr_similarity(const float* a, const float* b, float* out, const int32_t* sizes);
/*
 * lib/pretrain/prototype_loss.ts from features [n, d] and prototypes [k, d] on, with gradients. groups [n] holds
 * the group 0..group_count-1 of each row, -1 where it takes no part. result [2] gets the loss and the relative
 * entropy over the first rows_of_first rows, nearest [n] the most similar prototype, and the gradients of the
 * loss go to dfeatures [n, d] and dprototypes [k, d]. Keeps one [n, k] matrix while it runs.
 * sizes: n, k, d, group_count, iterations, rows_of_first.
 */
CPCDR_API int32_t cpcdr_prototype_loss(const float* features, const float* prototypes, const int32_t* groups,
                                       float* result, int32_t* nearest, float* dfeatures, float* dprototypes,
                                       const int32_t* sizes, float epsilon, float temperature);

#ifdef __cplusplus
}
#endif
#endif
