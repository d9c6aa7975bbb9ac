/* What a view shows of a canvas: enlarged, recoloured, blurred, normalised (lib/mix/view.ts). */
#ifndef CPCDR_MIX_VIEW_H
#define CPCDR_MIX_VIEW_H

#include "canvas.h"
#include "../math.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* ImageNet's mean and deviation of red, green and blue in 0..1. */
constexpr float kMean[] = {0.485f, 0.456f, 0.406f}, kDeviation[] = {0.229f, 0.224f, 0.225f};

/* Takes finished rows from the top down, blurs them where that is asked, and writes them normalised. */
class RowWriter {
 public:
  static constexpr int kReach = 2, kRing = 8;

  static int64_t floats(int width) { return (kRing + 2) * 3 * row_floats(width); }

  RowWriter(float* memory, int height, int width, float deviation, float* images)
      : memory_(memory), height_(height), width_(width), images_(images), blurs_(deviation > 0) {
    if (!blurs_) return;
    float sum = 0;
    for (int k = -kReach; k <= kReach; k++) {
      const float distance = static_cast<float>(k);
      sum += taps_[k + kReach] = fast_exp(-distance * distance / (2 * deviation * deviation));
    }
    for (float& tap : taps_) tap /= sum;
  }

  void put(int y, const Planes& row) {
    if (!blurs_) return write(y, row);
    const Planes padded = ring(kRing), to = ring(y % kRing);
    blur_row(row.red, padded.red, to.red);
    blur_row(row.green, padded.green, to.green);
    blur_row(row.blue, padded.blue, to.blue);
    if (y >= kReach) write_blurred(y - kReach);
    if (y < height_ - 1) return;
    for (int last = std::max(0, height_ - kReach); last < height_; last++) write_blurred(last);
  }

 private:
  static int64_t row_floats(int width) { return whole_steps(width) + kStep; }
  Planes ring(int slot) const {
    const int64_t row = row_floats(width_);
    return Planes::in(memory_ + slot * 3 * row, row);
  }

  /* Along the row, whose ends go on. */
  CPCDR_APART void blur_row(const float* from, float* __restrict padded, float* __restrict to) const {
    std::copy_n(from, width_, padded + kReach);
    for (int k = 0; k < kReach; k++) {
      padded[k] = from[0];
      padded[width_ + kReach + k] = from[width_ - 1];
    }
    for (int x = 0; x < width_; x++) {
      to[x] = taps_[0] * padded[x] + taps_[1] * padded[x + 1] + taps_[2] * padded[x + 2] + taps_[3] * padded[x + 3] +
              taps_[4] * padded[x + 4];
    }
  }

  void write_blurred(int y) const {
    Planes rows[5];
    for (int k = -kReach; k <= kReach; k++) rows[k + kReach] = ring(std::min(height_ - 1, std::max(0, y + k)) % kRing);
    const Planes out = ring(kRing + 1);
    blur_column(rows[0].red, rows[1].red, rows[2].red, rows[3].red, rows[4].red, out.red);
    blur_column(rows[0].green, rows[1].green, rows[2].green, rows[3].green, rows[4].green, out.green);
    blur_column(rows[0].blue, rows[1].blue, rows[2].blue, rows[3].blue, rows[4].blue, out.blue);
    write(y, out);
  }

  CPCDR_APART void blur_column(const float* a, const float* b, const float* c, const float* d, const float* e,
                   float* __restrict out) const {
    for (int x = 0; x < width_; x++) {
      out[x] = taps_[0] * a[x] + taps_[1] * b[x] + taps_[2] * c[x] + taps_[3] * d[x] + taps_[4] * e[x];
    }
  }

  CPCDR_APART void write(int y, const Planes& row) const {
    const float *__restrict const red = row.red, *__restrict const green = row.green, *__restrict const blue = row.blue;
    float* __restrict const out = images_ + 3 * int64_t{y} * width_;
    for (int x = 0; x < width_; x++) {
      out[3 * x] = red[x] * (1 / kDeviation[0]) - kMean[0] / kDeviation[0];
      out[3 * x + 1] = green[x] * (1 / kDeviation[1]) - kMean[1] / kDeviation[1];
      out[3 * x + 2] = blue[x] * (1 / kDeviation[2]) - kMean[2] / kDeviation[2];
    }
  }

  float* memory_;
  int height_, width_;
  float* images_;
  bool blurs_;
  float taps_[5];
};

/* One image's view, CPCDR_VIEW_FIELDS doubles. */
class View {
 public:
  static int64_t floats(int height, int width) {
    return RowTaps::floats(width) + whole_steps(width) + 9 * (whole_steps(width) + kSlack) + RowWriter::floats(width) +
           5 * int64_t{height};
  }

  View(const double* fields, float* memory, int height, int width) : fields_(fields), height_(height), width_(width) {
    taps_.place(memory, width);
    memory += RowTaps::floats(width);
    nearest_ = reinterpret_cast<int32_t*>(memory);
    memory += whole_steps(width);
    const int64_t row = whole_steps(width) + kSlack;
    line_ = Planes::in(memory, row);
    kept_[0] = Planes::in(memory + 3 * row, row);
    kept_[1] = Planes::in(memory + 6 * row, row);
    memory += 9 * row;
    rest_ = memory;
    seen_ = {height, width, 0, 0};
    for (int x = 0; x < width; x++) {
      Tap pair[2];
      linear_taps(position(1, x), width, 1, pair);
      taps_.set(x, pair);
      nearest_[x] = nearest_index(position(1, x), width);
      seen_.left = std::min(seen_.left, std::min(pair[0].index, nearest_[x]));
      seen_.right = std::max(seen_.right, std::max(pair[1].index, nearest_[x]) + 1);
    }
    taps_.settle(width);
    for (int x = 0; x < width; x++) nearest_[x] = taps_.relative(x, nearest_[x]);
    for (int y = 0; y < height; y++) {
      const RowOfView row = row_of(y);
      seen_.top = std::min(seen_.top, std::min(row.pair[0].index, row.nearest));
      seen_.bottom = std::max(seen_.bottom, std::max(row.pair[1].index, row.nearest) + 1);
    }
  }

  /* What it shows of the canvas. */
  const Box& seen() const { return seen_; }

  /* `first` is added to the numbers of copies. */
  void render(const Canvas& canvas, int32_t first, float* images, int32_t* copies, int32_t* regions) {
    Recolour look(fields_ + 6);
    RowWriter writer(rest_, height_, width_, static_cast<float>(fields_[5]), images);
    const int stride = taps_.count;
    const bool waits = look.waits();
    const auto row = [&](int y) { return waits ? canvas.scratch().at(int64_t{y} * stride) : line_; };
    double sum = 0;
    kept_rows_[0] = kept_rows_[1] = -1;
    for (int y = 0; y < height_; y++) {
      const RowOfView from = row_of(y);
      const Planes &top = kept(canvas, from.pair[0].index), &bottom = kept(canvas, from.pair[1].index);
      mix_rows(top, from.pair[0].weight, bottom, from.pair[1].weight, stride, row(y));
      const int64_t nearest = from.nearest * canvas.stride(), to = int64_t{y} * width_;
      take_row(canvas.copies() + nearest, taps_, nearest_, width_, first, copies + to);
      take_row(canvas.regions() + nearest, taps_, nearest_, width_, 0, regions + to);
      look.apply(row(y), stride);
      if (waits) sum += sum_of_greys(row(y), width_);
      else writer.put(y, line_);
    }
    while (look.waits()) {
      look.meet(sum / (static_cast<double>(width_) * height_));
      sum = 0;
      for (int y = 0; y < height_; y++) {
        look.apply(row(y), stride);
        if (look.waits()) sum += sum_of_greys(row(y), width_);
        else writer.put(y, row(y));
      }
    }
  }

 private:
  struct RowOfView {
    Tap pair[2];
    int32_t nearest;
  };

  double position(int field, int at) const { return multiply_add(fields_[field], at, fields_[field + 1]); }

  RowOfView row_of(int y) const {
    RowOfView row;
    linear_taps(position(3, y), height_, 1, row.pair);
    row.nearest = nearest_index(position(3, y), height_);
    return row;
  }

  /* A row of the canvas through the taps; neighbouring rows do not displace each other. */
  const Planes& kept(const Canvas& canvas, int32_t row) {
    const Planes& planes = kept_[row & 1];
    if (kept_rows_[row & 1] == row) return planes;
    kept_rows_[row & 1] = row;
    sample_planes<false>(canvas.colours().at(row * canvas.stride()), taps_, planes);
    return planes;
  }

  const double* fields_;
  int height_, width_;
  RowTaps taps_;
  int32_t* nearest_; /* [W] as taps_.relative() gives it */
  Planes line_, kept_[2];
  int32_t kept_rows_[2];
  float* rest_;
  Box seen_;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
