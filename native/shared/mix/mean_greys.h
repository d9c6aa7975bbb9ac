/*
 * Mean greys of items before their contrast steps: the means that change_pixel() wants. An item's k-th contrast step
 * waits for its steps before alone, so that the k-th of all items are found in one round; mostly there is one.
 */
#ifndef CPCDR_MEAN_GREYS_H
#define CPCDR_MEAN_GREYS_H

#include "../host_array.h"
#include "pixel.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* An item with a step of a round: each of its jobs, but the last, has `each` pixels. */
struct GreyOwner {
  int32_t item, step, first_job, end_job, each;
};
/* A stretch of an owner's pixels whose grey one block adds up. */
struct GreyJob {
  int32_t owner, first;
};
constexpr int kGreyThreads = 256;
/* Samples of a thread of a job: so few that blocks are many, so many that a block is worth its launch. */
constexpr int kGreySamples = 8;

/*
 * An Items has steps(item), pixels(item), of(item), whose colour(pixel, rgb) is that before all steps, wanted(item):
 * the mean grey of an item which is not is 0, and kAtOnce, how many pixels a thread has under way.
 */
template <typename Items>
struct AddGreys {
  static constexpr int kThreads = kGreyThreads, kResident = 4, kAtOnce = Items::kAtOnce;
  typedef Nothing Local;
  struct Shared {
    double sums[kThreads];
  };

  Items items;
  const GreyOwner* owners;
  const GreyJob* jobs; /* from the round's first on */
  const float* greys;  /* [items, CPCDR_COLOUR_STEPS] of earlier rounds */
  double* sums;        /* as jobs */

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    if (p == 0) {
      const GreyJob job = jobs[where.block];
      const GreyOwner owner = owners[job.owner];
      /* All threads alike: a block without pixels has nothing to add up. */
      if (!items.wanted(owner.item)) {
        if (where.thread == 0) sums[where.block] = 0;
        return false;
      }
      shared.sums[where.thread] = add(owner, job.first, where.thread);
      return true;
    }
    const int half = kThreads >> p;
    if (where.thread < half) shared.sums[where.thread] += shared.sums[where.thread + half];
    if (half > 1) return true;
    if (where.thread == 0) sums[where.block] = shared.sums[0];
    return false;
  }

  CPCDR_SHARED double add(const GreyOwner& owner, int first, int thread) const {
    const auto colours = items.of(owner.item);
    const HeldSteps held(items.steps(owner.item), greys + CPCDR_COLOUR_STEPS * int64_t{owner.item});
    const int pixels = items.pixels(owner.item), end = pixels - first < owner.each ? pixels : first + owner.each;
    double sum = 0;
    for (int i = first + thread; i < end; i += kAtOnce * kThreads) {
      float rgb[kAtOnce][3];
      CPCDR_UNROLL
      for (int k = 0; k < kAtOnce; k++) colours.colour(smaller(i + k * kThreads, end - 1), rgb[k]);
      change_pixels(rgb, held, owner.step);
      CPCDR_UNROLL
      for (int k = 0; k < kAtOnce; k++) sum += i + k * kThreads < end ? static_cast<double>(grey_of(rgb[k])) : 0;
    }
    return sum;
  }
};

/* A block for each owner of the round. */
template <typename Items>
struct MeanGreys {
  static constexpr int kThreads = kWarp;
  typedef Nothing Local;
  struct Shared {
    double sums[kThreads];
  };

  Items items;
  const GreyOwner* owners; /* from the round's first on */
  const double* sums;      /* of all jobs */
  float* greys;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    const GreyOwner owner = owners[where.block];
    if (p == 0) {
      double sum = 0;
      for (int32_t job = owner.first_job + where.thread; job < owner.end_job; job += kThreads) sum += sums[job];
      shared.sums[where.thread] = sum;
      return true;
    }
    const int half = kThreads >> p;
    if (where.thread < half) shared.sums[where.thread] += shared.sums[where.thread + half];
    if (half > 1) return true;
    if (where.thread == 0) {
      greys[CPCDR_COLOUR_STEPS * int64_t{owner.item} + owner.step] =
          static_cast<float>(shared.sums[0] / items.pixels(owner.item));
    }
    return false;
  }
};

/* What rounds are planned by: the pixels of an item, how many each job has, and its contrast steps as bits. */
struct GreyItem {
  int32_t pixels, each;
  uint32_t contrasts;

  /* Each of `pixels` is the mean of so many samples. */
  GreyItem(const ColourSteps& steps, int32_t pixels, int32_t samples)
      : pixels(pixels), each(larger(kGreySamples / samples, 1) * kGreyThreads), contrasts(0) {
    if (pixels == 0) return;
    for (int s = 0; s < CPCDR_COLOUR_STEPS; s++) contrasts |= uint32_t{steps.kind(s) == CPCDR_CONTRAST} << s;
  }
  int32_t jobs() const { return pixels / each + (pixels % each != 0); }
};

/* The rounds of some items, planned on the host. */
class GreyRounds {
 public:
  /* item(i) answers a GreyItem. Without memory the parcel fails, see HostParcel. */
  template <typename Item>
  void plan(HostParcel& parcel, int count, const Item& item) {
    HostArray<GreyItem> items(count);
    if (items.failed()) return parcel.refuse();
    int64_t owners[CPCDR_COLOUR_STEPS] = {}, jobs[CPCDR_COLOUR_STEPS] = {};
    for (int i = 0; i < count; i++) {
      items[i] = item(i);
      const int rounds = count_bits(items[i].contrasts);
      for (int round = 0; round < rounds; round++) {
        owners[round]++;
        jobs[round] += items[i].jobs();
      }
      rounds_ = larger(rounds_, rounds);
    }
    for (int round = 0; round < rounds_; round++) {
      first_owners_[round + 1] = first_owners_[round] + owners[round];
      first_jobs_[round + 1] = first_jobs_[round] + jobs[round];
    }
    if (first_jobs_[rounds_] > INT32_MAX) return parcel.refuse();
    owners_ = parcel.add<GreyOwner>(first_owners_[rounds_]);
    jobs_ = parcel.add<GreyJob>(first_jobs_[rounds_]);
    if (parcel.failed()) return;
    GreyOwner* owner_at = parcel.at(owners_);
    GreyJob* job_at = parcel.at(jobs_);
    int32_t owner = 0, job = 0;
    for (int round = 0; round < rounds_; round++) {
      for (int32_t i = 0; i < count; i++) {
        uint32_t& waiting = items[i].contrasts;
        if (waiting == 0) continue;
        const int32_t first_job = job, end_job = first_job + items[i].jobs();
        for (; job < end_job; job++) job_at[job] = {owner, (job - first_job) * items[i].each};
        owner_at[owner++] = {i, lowest_bit(waiting), first_job, end_job, items[i].each};
        waiting &= waiting - 1;
      }
    }
  }

  /* Queues what fills greys [items, CPCDR_COLOUR_STEPS], from the parcel on the device. Answers whether it could. */
  template <typename Device, typename Items>
  bool run(Device& device, const HostParcel& parcel, const Items& items, float* greys) const {
    if (rounds_ == 0) return true;
    const GreyOwner* const owners = parcel.sent(owners_);
    const GreyJob* const jobs = parcel.sent(jobs_);
    double* const sums = device.template memory<double>(first_jobs_[rounds_]);
    if (!sums) return false;
    for (int round = 0; round < rounds_; round++) {
      const int64_t owner = first_owners_[round], job = first_jobs_[round];
      device.launch(first_jobs_[round + 1] - job, AddGreys<Items>{items, owners, jobs + job, greys, sums + job});
      device.launch(first_owners_[round + 1] - owner, MeanGreys<Items>{items, owners + owner, sums, greys});
    }
    return true;
  }

 private:
  int rounds_ = 0;
  int64_t first_owners_[CPCDR_COLOUR_STEPS + 1] = {}, first_jobs_[CPCDR_COLOUR_STEPS + 1] = {};
  HostParcel::Part<GreyOwner> owners_;
  HostParcel::Part<GreyJob> jobs_;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
