/*
 * Direct alignment: Gauss-Newton steps on the brightness of two frames whose depth is known, all of a
 * step in one pass over the pixels (Steinbruecker et al. 2011).
 */
#include <atomic>
#include <cmath>

#include "../dispatch.h"
#include "../thread_pool.h"
#include "../vec.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

constexpr int kUnknowns = 6;
/* Upper triangle of the normal matrix, row by row. */
constexpr int kEntries = kUnknowns * (kUnknowns + 1) / 2;
/* What counts as before a camera, in units of the point's depth. */
constexpr float kLeastDepth = 1e-3f;

struct Shape {
  int batch, height, width;

  explicit Shape(const int32_t* s) : batch(s[0]), height(s[1]), width(s[2]) {}
  bool valid() const { return batch >= 0 && height > 0 && width > 0; }
  int64_t image() const { return int64_t{height} * width; }
  /* Columns of a row's arrays: whole vectors, so that the last one has something to read. */
  int64_t columns() const { return (width + kLanes - 1) / kLanes * kLanes; }
};

/* Fields of a pixel of a row; what lies past the row's end has weight 0. */
enum Field { kResidual, kWeight, kShiftX, kShiftY, kShiftZ, kTurnX, kTurnY, kTurnZ, kFields };

/* One item of the batch. */
struct Frames {
  const float *target, *source, *disparity;
  int height, width;
  float fx, fy, cx, cy;
};

/* X' = R X + t, and the same in pixels: q = M (x, y, 1, d), M = [K R K^-1 | K t]. */
struct Pose {
  double rotation[9], translation[3];

  explicit Pose(const float* values) {
    for (int i = 0; i < 9; i++) rotation[i] = values[i];
    for (int i = 0; i < 3; i++) translation[i] = values[9 + i];
  }

  void store(float* values) const {
    for (int i = 0; i < 9; i++) values[i] = static_cast<float>(rotation[i]);
    for (int i = 0; i < 3; i++) values[9 + i] = static_cast<float>(translation[i]);
  }

  void project(const Frames& f, float* m) const {
    for (int row = 0; row < 3; row++) {
      /* Row of K R, then of K t. */
      const double focal = row == 0 ? f.fx : row == 1 ? f.fy : 1, centre = row == 0 ? f.cx : row == 1 ? f.cy : 0;
      double r[3];
      for (int i = 0; i < 3; i++) r[i] = focal * rotation[3 * row + i] + centre * (row < 2 ? rotation[6 + i] : 0);
      m[4 * row] = static_cast<float>(r[0] / f.fx);
      m[4 * row + 1] = static_cast<float>(r[1] / f.fy);
      m[4 * row + 2] = static_cast<float>(r[2] - r[0] * f.cx / f.fx - r[1] * f.cy / f.fy);
      m[4 * row + 3] = static_cast<float>(focal * translation[row] + centre * (row < 2 ? translation[2] : 0));
    }
  }

  /* Turns and shifts the moved points by a small step (shift, turn). */
  void move(const double* step) {
    const double *shift = step, *turn = step + 3;
    const double square = turn[0] * turn[0] + turn[1] * turn[1] + turn[2] * turn[2] + 1e-8, angle = std::sqrt(square);
    const double a = std::sin(angle) / angle, b = (1 - std::cos(angle)) / square;
    const double v[9] = {0, -turn[2], turn[1], turn[2], 0, -turn[0], -turn[1], turn[0], 0};
    double by[9];
    for (int i = 0; i < 3; i++) {
      for (int j = 0; j < 3; j++) {
        double squared = 0;
        for (int k = 0; k < 3; k++) squared += v[3 * i + k] * v[3 * k + j];
        by[3 * i + j] = (i == j) + a * v[3 * i + j] + b * squared;
      }
    }
    const Pose old = *this;
    for (int i = 0; i < 3; i++) {
      translation[i] = shift[i];
      for (int k = 0; k < 3; k++) translation[i] += by[3 * i + k] * old.translation[k];
      for (int j = 0; j < 3; j++) {
        rotation[3 * i + j] = 0;
        for (int k = 0; k < 3; k++) rotation[3 * i + j] += by[3 * i + k] * old.rotation[3 * k + j];
      }
    }
  }
};

inline float within(float value, float top) { return value > 0 ? (value < top ? value : top) : 0; }

/* Brightness and its slopes at a place inside the source; slopes are half the difference of both neighbours. */
struct Sample {
  float value, dx, dy;
};

inline Sample sample(const Frames& f, float px, float py) {
  const int x0 = static_cast<int>(px), y0 = static_cast<int>(py);
  const float wx = px - static_cast<float>(x0), wy = py - static_cast<float>(y0);
  const int right = f.width - 1, bottom = f.height - 1;
  const auto column = [&](int x) { return x < 0 ? 0 : x > right ? right : x; };
  const int xs[4] = {column(x0 - 1), x0, column(x0 + 1), column(x0 + 2)};
  /* Along each of four rows: brightness and slope in x, between the two columns. */
  float value[4], slope[4];
  for (int j = 0; j < 4; j++) {
    const int y = y0 - 1 + j;
    const float* row = f.source + int64_t{y < 0 ? 0 : y > bottom ? bottom : y} * f.width;
    const float a = row[xs[0]], b = row[xs[1]], c = row[xs[2]], d = row[xs[3]];
    value[j] = b + wx * (c - b);
    /* The slope at the last column repeats itself there: its right neighbour is itself. */
    const float here = 0.5f * (c - a), next = x0 < right ? 0.5f * (d - b) : here;
    slope[j] = here + wx * (next - here);
  }
  const float here = 0.5f * (value[2] - value[0]), next = y0 < bottom ? 0.5f * (value[3] - value[1]) : here;
  return {value[1] + wy * (value[2] - value[1]), slope[1] + wy * (slope[2] - slope[1]), here + wy * (next - here)};
}

/*
 * Residuals, Huber's weights and the change of brightness with a small shift and turn of the moved point,
 * pixel by pixel of a row: with (x, y) its direction and n its inverse depth in the source's camera,
 *   dqx = fx (n [1, 0, -x], [-xy, 1 + x^2, -y]),  dqy = fy (n [0, 1, -y], [-(1 + y^2), xy, x]).
 */
void compare_row(const Frames& f, const float* m, float huber, int y, int64_t columns, float* row) {
  for (int field = 0; field < kFields; field++) {
    for (int64_t x = f.width; x < columns; x++) row[field * columns + x] = 0;
  }
  const float right = static_cast<float>(f.width - 1), bottom = static_cast<float>(f.height - 1);
  const float v = static_cast<float>(y);
  for (int x = 0; x < f.width; x++) {
    const int64_t at = int64_t{y} * f.width + x;
    const float u = static_cast<float>(x), d = f.disparity[at];
    const float raw = m[8] * u + m[9] * v + m[10] + m[11] * d, depth = raw > kLeastDepth ? raw : kLeastDepth;
    const float px = (m[0] * u + m[1] * v + m[2] + m[3] * d) / depth;
    const float py = (m[4] * u + m[5] * v + m[6] + m[7] * d) / depth;
    const bool inside = px >= 0 && px <= right && py >= 0 && py <= bottom;
    const float qx = within(px, right), qy = within(py, bottom);
    const Sample s = sample(f, qx, qy);
    const float residual = s.value - f.target[at], size = residual < 0 ? -residual : residual;
    const float gx = s.dx * f.fx, gy = s.dy * f.fy, near = inside ? d / depth : 0;
    const float dx = (qx - f.cx) / f.fx, dy = (qy - f.cy) / f.fy, along = gx * dx + gy * dy;
    row[kResidual * columns + x] = inside ? residual : 0;
    row[kWeight * columns + x] = inside ? (size > huber ? huber / size : 1) : 0;
    row[kShiftX * columns + x] = gx * near;
    row[kShiftY * columns + x] = gy * near;
    row[kShiftZ * columns + x] = -along * near;
    row[kTurnX * columns + x] = -(along * dy + gy);
    row[kTurnY * columns + x] = along * dx + gx;
    row[kTurnZ * columns + x] = gy * dx - gx * dy;
  }
}

/* Sum of J^T w J (upper triangle) and J^T w r over the frame. */
void normal_equations(const Frames& f, const float* m, float huber, int64_t columns, float* row, double* sums) {
  for (int i = 0; i < kEntries + kUnknowns; i++) sums[i] = 0;
  for (int y = 0; y < f.height; y++) {
    compare_row(f, m, huber, y, columns, row);
    Vec lanes[kEntries + kUnknowns] = {};
    for (int64_t x = 0; x < columns; x += kLanes) {
      const auto field = [&](int k) { return load(row + k * columns + x); };
      const Vec weight = field(kWeight), residual = field(kResidual);
      Vec j[kUnknowns];
      for (int k = 0; k < kUnknowns; k++) j[k] = field(kShiftX + k);
      for (int k = 0, entry = 0; k < kUnknowns; k++) {
        const Vec weighted = weight * j[k];
        for (int l = k; l < kUnknowns; l++, entry++) lanes[entry] += weighted * j[l];
        lanes[kEntries + k] += weighted * residual;
      }
    }
    for (int i = 0; i < kEntries + kUnknowns; i++) {
      for (int lane = 0; lane < kLanes; lane++) sums[i] += lanes[i][lane];
    }
  }
}

/* The step that the equations ask for, damped, by Gauss-Jordan elimination. */
void solve(const double* sums, double damping, double* step) {
  double a[kUnknowns][kUnknowns + 1];
  for (int k = 0, entry = 0; k < kUnknowns; k++) {
    for (int l = k; l < kUnknowns; l++, entry++) a[k][l] = a[l][k] = sums[entry];
    a[k][kUnknowns] = -sums[kEntries + k];
  }
  for (int k = 0; k < kUnknowns; k++) a[k][k] += damping * a[k][k] + 1e-6;
  for (int k = 0; k < kUnknowns; k++) {
    const double pivot = a[k][k];
    for (int l = 0; l <= kUnknowns; l++) a[k][l] /= pivot;
    for (int i = 0; i < kUnknowns; i++) {
      if (i == k) continue;
      const double factor = a[i][k];
      for (int l = 0; l <= kUnknowns; l++) a[i][l] -= factor * a[k][l];
    }
  }
  for (int k = 0; k < kUnknowns; k++) step[k] = a[k][kUnknowns];
}

/* Mean of Huber's loss over the pixels that fall inside the source. */
float robust_error(const Frames& f, const float* m, float huber, int64_t columns, float* row) {
  double sum = 0, count = 0;
  for (int y = 0; y < f.height; y++) {
    compare_row(f, m, huber, y, columns, row);
    for (int x = 0; x < f.width; x++) {
      const float r = row[kResidual * columns + x], size = r < 0 ? -r : r, weight = row[kWeight * columns + x];
      sum += size < huber ? 0.5f * r * r : huber * (size - 0.5f * huber);
      count += weight > 0;
    }
  }
  return static_cast<float>(sum / (count + 1));
}

/* Runs body(item, frames, memory) for every item; false when there is no memory. */
template <typename Body>
bool for_items(const Shape& shape, const float* target, const float* source, const float* disparity,
               const float* camera, const Body& body) {
  std::atomic<bool> done{true};
  parallel_for(shape.batch, 1, [&](int64_t begin, int64_t end) {
    float* memory = workspace(0, static_cast<size_t>(kFields * shape.columns()));
    if (!memory) {
      done = false;
      return;
    }
    for (int64_t n = begin; n < end; n++) {
      const float* k = camera + 9 * n;
      const int64_t at = n * shape.image();
      const Frames frames = {target + at,  source + at, disparity + at, shape.height, shape.width,
                             k[0],         k[4],        k[2],           k[5]};
      body(n, frames, memory);
    }
  });
  return done;
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_align_motion,
             (const float* target, const float* source, const float* disparity, const float* camera,
              const float* motion, float* out, const int32_t* sizes, float huber, float damping),
             (target, source, disparity, camera, motion, out, sizes, huber, damping)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!target || !source || !disparity || !camera || !motion || !out || !sizes) {
    return fail(CPCDR_INVALID_ARGUMENT, "align_motion: null pointer");
  }
  const Shape shape(sizes);
  const int iterations = sizes[3];
  if (!shape.valid() || iterations < 0) return fail(CPCDR_INVALID_ARGUMENT, "align_motion: sizes out of range");
  const bool done = for_items(shape, target, source, disparity, camera, [&](int64_t n, const Frames& f, float* row) {
    Pose pose(motion + 12 * n);
    for (int i = 0; i < iterations; i++) {
      float m[12];
      double sums[kEntries + kUnknowns], step[kUnknowns];
      pose.project(f, m);
      normal_equations(f, m, huber, shape.columns(), row, sums);
      solve(sums, damping, step);
      pose.move(step);
    }
    pose.store(out + 12 * n);
  });
  return done ? CPCDR_OK : fail(CPCDR_OUT_OF_MEMORY, "align_motion: out of memory");
}

CPCDR_KERNEL(cpcdr_alignment_error,
             (const float* target, const float* source, const float* disparity, const float* camera,
              const float* motion, float* out, const int32_t* sizes, float huber),
             (target, source, disparity, camera, motion, out, sizes, huber)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!target || !source || !disparity || !camera || !motion || !out || !sizes) {
    return fail(CPCDR_INVALID_ARGUMENT, "alignment_error: null pointer");
  }
  const Shape shape(sizes);
  if (!shape.valid()) return fail(CPCDR_INVALID_ARGUMENT, "alignment_error: sizes out of range");
  const bool done = for_items(shape, target, source, disparity, camera, [&](int64_t n, const Frames& f, float* row) {
    float m[12];
    Pose(motion + 12 * n).project(f, m);
    out[n] = robust_error(f, m, huber, shape.columns(), row);
  });
  return done ? CPCDR_OK : fail(CPCDR_OUT_OF_MEMORY, "alignment_error: out of memory");
}
