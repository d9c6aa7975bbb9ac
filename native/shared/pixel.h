/* Colour augmentation of one pixel in 0..1: lib/mix/colour.ts is the definition, cpu/mix/colour.h does whole images. */
#ifndef CPCDR_PIXEL_H
#define CPCDR_PIXEL_H

#include "../include/cpcdr_hot.h"
#include "launch.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* CPCDR_COLOUR_STEPS steps in order. */
struct ColourSteps {
  int kinds[CPCDR_COLOUR_STEPS];
  float amounts[CPCDR_COLOUR_STEPS];

  /* From pairs of doubles of the host. */
  static ColourSteps from(const double* pairs) {
    ColourSteps steps;
    for (int s = 0; s < CPCDR_COLOUR_STEPS; s++) {
      steps.kinds[s] = static_cast<int>(pairs[2 * s]);
      steps.amounts[s] = static_cast<float>(pairs[2 * s + 1]);
    }
    return steps;
  }
};

CPCDR_SHARED float between_0_and_1(float value) { return value < 0 ? 0 : value > 1 ? 1 : value; }

/* ITU-R 601 grey. */
CPCDR_SHARED float grey_of(const float* pixel) { return 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2]; }

/* Moves every channel from `grey` by the factor. */
CPCDR_SHARED void stretch_pixel(float* pixel, float grey, float factor) {
  for (int c = 0; c < 3; c++) pixel[c] = between_0_and_1(grey + (pixel[c] - grey) * factor);
}

/* Turns the hue by a share of the circle, in HSV. */
CPCDR_SHARED void turn_pixel(float* pixel, float turn) {
  if (turn == 0) return;
  const float r = pixel[0], g = pixel[1], b = pixel[2];
  const float value = larger(r, larger(g, b)), chroma = value - smaller(r, smaller(g, b));
  const float inverse = 1 / (chroma == 0 ? 1.0f : chroma);
  const float from_green = value == g ? 2 + (b - r) * inverse : 4 + (r - g) * inverse;
  const float hue = (value == r ? (g - b) * inverse : from_green) + 6 * turn;
  for (int c = 0; c < 3; c++) {
    /* k = (5, 3, 1)[c] + hue, modulo 6. */
    const float shifted = static_cast<float>(5 - 2 * c) + hue;
    const float k = shifted - 6 * floorf(shifted * (1.0f / 6));
    pixel[c] = value - chroma * larger(0.0f, smaller(smaller(k, 4 - k), 1.0f));
  }
}

/* The first `count` steps; greys [CPCDR_COLOUR_STEPS] holds the mean grey of all pixels before each contrast step. */
CPCDR_SHARED void change_pixel(float* pixel, const ColourSteps& steps, const float* greys, int count) {
  for (int s = 0; s < count; s++) {
    switch (steps.kinds[s]) {
      case CPCDR_BRIGHTEN: stretch_pixel(pixel, 0, steps.amounts[s]); break;
      case CPCDR_CONTRAST: stretch_pixel(pixel, greys[s], steps.amounts[s]); break;
      case CPCDR_SATURATE: stretch_pixel(pixel, grey_of(pixel), steps.amounts[s]); break;
      case CPCDR_HUE: turn_pixel(pixel, steps.amounts[s]); break;
    }
  }
}

/* A stretch of an item's pixels whose grey one block adds up. */
struct GreyJob {
  int32_t item, first;
};
constexpr int kGreyPixels = 4096;

/*
 * The mean grey of items before their contrast step `step`. An Items has steps(item), pixels(item), colour(item, pixel,
 * rgb), the pixel before all steps, and wanted(item): that of an item which is not is 0.
 */
template <typename Items>
struct AddGreys {
  static constexpr int kThreads = 256;
  typedef Nothing Local;
  struct Shared {
    double sums[kThreads];
  };

  Items items;
  const GreyJob* jobs;
  const float* greys; /* [items, CPCDR_COLOUR_STEPS] of earlier steps */
  double* sums;       /* [jobs] */
  int step;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    if (p == 0) {
      const GreyJob job = jobs[where.block];
      const int end = items.wanted(job.item) ? smaller(items.pixels(job.item), job.first + kGreyPixels) : 0;
      double sum = 0;
      for (int i = job.first + where.thread; i < end; i += kThreads) {
        float rgb[3];
        items.colour(job.item, i, rgb);
        change_pixel(rgb, items.steps(job.item), greys + CPCDR_COLOUR_STEPS * job.item, step);
        sum += static_cast<double>(grey_of(rgb));
      }
      shared.sums[where.thread] = sum;
      return true;
    }
    const int half = kThreads >> p;
    if (where.thread < half) shared.sums[where.thread] += shared.sums[where.thread + half];
    if (half > 1) return true;
    if (where.thread == 0) sums[where.block] = shared.sums[0];
    return false;
  }
};

/* A thread for each item that has the step: jobs [first_jobs[k], first_jobs[k + 1]) are those of the k-th. */
template <typename Items>
struct MeanGreys {
  static constexpr int kThreads = 256;
  typedef Nothing Local;
  typedef Nothing Shared;

  Items items;
  const GreyJob* jobs;
  const double* sums;
  const int32_t* first_jobs;
  float* greys;
  int step, count;

  CPCDR_SHARED bool phase(int, const Where& where, Shared&, Local&) const {
    const int64_t k = where.index(kThreads);
    if (k >= count) return false;
    double sum = 0;
    for (int32_t job = first_jobs[k]; job < first_jobs[k + 1]; job++) sum += sums[job];
    const int item = jobs[first_jobs[k]].item;
    greys[CPCDR_COLOUR_STEPS * item + step] = static_cast<float>(sum / items.pixels(item));
    return false;
  }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
