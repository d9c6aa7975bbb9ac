/*
 * Similarity of rows, and swapped prediction over groups with its gradients (lib/pretrain/prototype_loss.ts).
 *
 * One matrix of scores is kept, its last rows where the gradient of the features goes at the end, and becomes its
 * own gradient in place. exp(score / epsilon) is recomputed in
 * every pass rather than stored, less the largest score, so that no exponent is above 0. Sums over rows
 * are formed in blocks of fixed bounds and added in order, whatever the number of threads.
 */
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "../system.h"
#include "../math.h"
#include "../row.h"
#include "../thread_pool.h"
#include "../unit_rows.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

constexpr int64_t kBlock = 1024;
/* Rows whose share of the prototypes' gradient is formed at a time: it bounds the packed features. */
constexpr int kGradientRows = 8192;

/* 1 / total, 0 where nothing is left of a sum: scores then spread wider than float32 holds. */
inline float share_of(float total) { return total >= std::numeric_limits<float>::min() ? 1 / total : 0; }

inline int64_t block_count(int64_t rows) { return (rows + kBlock - 1) / kBlock; }

int32_t multiply(const float* a, const float* b, float* out, int m, int n, int k, bool transpose_a, bool transpose_b) {
  const int32_t sizes[] = {1, m, n, k, transpose_a, transpose_b, 0, 0, CPCDR_LINEAR};
  return cpcdr_matmul(a, b, nullptr, out, sizes, 0);
}

/* exp((score - largest) / epsilon); loops work on a copy, which no store can change. */
struct Kernel {
  float largest, scale;

  float operator()(float score) const { return fast_exp((score - largest) * scale); }
};

/* The loss under way; arrays live in one block of memory. */
struct Loss {
  const int32_t* groups; /* [n] */
  int64_t n;
  int k, iterations;
  float temperature;
  Kernel kernel;
  float* scores;   /* [kept, k] */
  float* rest;     /* [n - kept, k] where the gradient of the features goes at the end */
  int64_t kept;
  float* u;        /* [n] factors of rows */
  float* v;        /* [k] factors of columns */
  float* partial;  /* [blocks, 2, k] sums of columns, and one row's kernel */
  int32_t* order;  /* [n] rows by group */
  int32_t* bounds; /* [group_count + 1] where groups begin in order */

  bool present(int64_t row) const { return groups[row] >= 0; }
  float* row(int64_t i) const { return i < kept ? scores + i * k : rest + (i - kept) * k; }
};

/* Rows by group, by counting. */
void sort_rows(Loss& loss, int group_count) {
  std::fill_n(loss.bounds, group_count + 2, 0);
  for (int64_t i = 0; i < loss.n; i++) {
    if (loss.present(i)) loss.bounds[loss.groups[i] + 2]++;
  }
  for (int g = 0; g < group_count; g++) loss.bounds[g + 2] += loss.bounds[g + 1];
  for (int64_t i = 0; i < loss.n; i++) {
    if (loss.present(i)) loss.order[loss.bounds[loss.groups[i] + 1]++] = static_cast<int32_t>(i);
  }
}

/* The first largest score of each row, and the largest of all. */
float find_nearest(const Loss& loss, int32_t* nearest, float* row_largest) {
  parallel_for(loss.n, kBlock, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const float* row = loss.row(i);
      const float largest = row_max(row, loss.k);
      int32_t at = 0;
      while (at < loss.k - 1 && row[at] != largest) at++;
      nearest[i] = row[at] == largest ? at : 0;
      row_largest[i] = largest;
    }
  });
  return row_max(row_largest, loss.n);
}

/* sum a * b */
float dot(const float* a, const float* b, int count) {
  float sum = 0;
  for (int c = 0; c < count; c += 256) {
    float products[256];
    const int some = std::min(256, count - c);
    for (int j = 0; j < some; j++) products[j] = a[c + j] * b[c + j];
    sum += row_sum(products, some);
  }
  return sum;
}

/*
 * One pass over the rows. With `renew`, u becomes what makes each row's q add up to 1; then u * kernel is added up
 * by columns.
 */
void pass_rows(const Loss& loss, bool renew) {
  parallel_for(block_count(loss.n), 1, [&](int64_t first, int64_t last) {
    const Kernel kernel = loss.kernel;
    const int k = loss.k;
    for (int64_t block = first; block < last; block++) {
      float* const sums = loss.partial + 2 * block * k;
      float* const values = sums + k;
      std::fill_n(sums, k, 0.0f);
      const int64_t end = std::min(loss.n, (block + 1) * kBlock);
      for (int64_t i = block * kBlock; i < end; i++) {
        if (!loss.present(i)) continue;
        const float* row = loss.row(i);
        for (int c = 0; c < k; c++) values[c] = kernel(row[c]);
        if (renew) {
          loss.u[i] = share_of(dot(values, loss.v, k));
        }
        const float u = loss.u[i];
        for (int c = 0; c < k; c++) sums[c] += u * values[c];
      }
    }
  });
}

/* v becomes what gives every column the same share. */
void renew_columns(const Loss& loss) {
  const int64_t blocks = block_count(loss.n);
  for (int c = 0; c < loss.k; c++) {
    double total = 0;
    for (int64_t block = 0; block < blocks; block++) total += static_cast<double>(loss.partial[2 * block * loss.k + c]);
    loss.v[c] = share_of(static_cast<float>(total));
  }
}

/* Sinkhorn's iterations: columns, then rows. Without any, rows alone. */
void balance(const Loss& loss) {
  for (int64_t i = 0; i < loss.n; i++) loss.u[i] = loss.present(i);
  std::fill_n(loss.v, loss.k, 1.0f);
  if (loss.iterations == 0) return pass_rows(loss, true);
  pass_rows(loss, false);
  for (int iteration = 0; iteration < loss.iterations; iteration++) {
    renew_columns(loss);
    pass_rows(loss, true);
  }
}

/* -sum q log(q + 1e-12) of one row of assignments. */
double entropy_of(const float* q, int k, float* scratch) {
  for (int c = 0; c < k; c++) scratch[c] = fast_log(q[c] + 1e-12f);
  return -static_cast<double>(dot(q, scratch, k));
}

/* The target of a group: the mean of its rows' assignments. Adds the entropy of rows below `counted`. */
double group_target(const Loss& loss, int64_t begin, int64_t end, int64_t counted, float* q, float* scratch,
                    float* target) {
  const Kernel kernel = loss.kernel;
  const int k = loss.k;
  const float* const v = loss.v;
  double entropy = 0;
  std::fill_n(target, k, 0.0f);
  const float share = 1.0f / static_cast<float>(end - begin);
  for (int64_t at = begin; at < end; at++) {
    const int64_t i = loss.order[at];
    const float* row = loss.row(i);
    const float u = loss.u[i];
    for (int c = 0; c < k; c++) q[c] = kernel(row[c]) * v[c] * u;
    for (int c = 0; c < k; c++) target[c] += q[c] * share;
    if (i < counted) entropy += entropy_of(q, k, scratch);
  }
  return entropy;
}

/* Turns a row of scores into the gradient `factor` * (softmax - target); answers -sum target log softmax. */
double row_gradient(const Loss& loss, float* row, const float* target, float factor) {
  const int k = loss.k;
  const float scale = 1 / loss.temperature, largest = row_max(row, k);
  const float mass = row_sum(target, k);
  const float expected = (dot(target, row, k) - largest * mass) * scale;
  for (int c = 0; c < k; c++) row[c] = fast_exp((row[c] - largest) * scale);
  const float total = row_sum(row, k), inverse = 1 / total;
  for (int c = 0; c < k; c++) row[c] = factor * (row[c] * inverse - target[c]);
  return static_cast<double>(fast_log(total) * mass - expected);
}

/* Losses and entropies of groups, each summed in its own place; scores become their gradients. */
void predict(const Loss& loss, int group_count, int64_t counted, float factor, float* scratch, double* sums) {
  const int64_t groups_a_task = std::max(1, group_count / 256);
  parallel_for(group_count, groups_a_task, [&](int64_t first, int64_t last) {
    const int64_t task = first / groups_a_task;
    float* const target = scratch + 3 * task * loss.k;
    float* const q = target + loss.k;
    double value = 0, entropy = 0;
    for (int64_t g = first; g < last; g++) {
      const int64_t begin = loss.bounds[g], end = loss.bounds[g + 1];
      if (begin == end) continue;
      entropy += group_target(loss, begin, end, counted, q, q + loss.k, target);
      for (int64_t at = begin; at < end; at++) {
        value += row_gradient(loss, loss.row(loss.order[at]), target, factor);
      }
    }
    sums[2 * task] = value;
    sums[2 * task + 1] = entropy;
  });
}

/* dprototypes += scores^T features over rows [first, last), some at a time, so that little of the features is packed. */
int32_t prototype_gradient(const Loss& loss, const float* features, int depth, int64_t first, int64_t last, float* out,
                           float* part) {
  const int64_t size = int64_t{loss.k} * depth;
  for (int64_t begin = first; begin < last; begin += kGradientRows) {
    const int rows = static_cast<int>(std::min<int64_t>(kGradientRows, last - begin));
    const int32_t status = multiply(loss.row(begin), features + begin * depth, part, loss.k, depth, rows, true, false);
    if (status) return status;
    for (int64_t i = 0; i < size; i++) out[i] += part[i];
  }
  return CPCDR_OK;
}

/* Rows whose scores fit where the gradient of the features goes: that of theirs must wait elsewhere, so not all. */
int64_t rows_lent(int64_t n, int k, int depth) { return std::min(n * depth / k, n / 7); }

/* scores = features prototypes^T */
int32_t form_scores(const Loss& loss, const float* features, const float* prototypes, int depth) {
  const int kept = static_cast<int>(loss.kept), lent = static_cast<int>(loss.n - loss.kept);
  if (const int32_t status = multiply(features, prototypes, loss.scores, kept, loss.k, depth, false, true)) return status;
  if (lent == 0) return CPCDR_OK;
  return multiply(features + loss.kept * depth, prototypes, loss.rest, lent, loss.k, depth, false, true);
}

/* Both gradients from those of the scores; the last rows of dfeatures, [n - kept, d], wait in `waiting`. */
int32_t gradients(const Loss& loss, const float* features, const float* prototypes, int depth, float* dfeatures,
                  float* dprototypes, float* waiting, float* part) {
  const int kept = static_cast<int>(loss.kept), lent = static_cast<int>(loss.n - loss.kept);
  std::fill_n(dprototypes, int64_t{loss.k} * depth, 0.0f);
  int32_t status = prototype_gradient(loss, features, depth, 0, loss.kept, dprototypes, part);
  if (!status) status = prototype_gradient(loss, features, depth, loss.kept, loss.n, dprototypes, part);
  if (!status && lent) status = multiply(loss.rest, prototypes, waiting, lent, depth, loss.k, false, false);
  if (!status) status = multiply(loss.scores, prototypes, dfeatures, kept, depth, loss.k, false, false);
  if (!status) std::copy_n(waiting, int64_t{lent} * depth, dfeatures + loss.kept * depth);
  return status;
}

/* Memory that is given back, since a matrix of scores is too large to keep. */
class Block {
 public:
  explicit Block(size_t floats) : memory_(static_cast<float*>(std::malloc(floats * sizeof(float)))), next_(memory_) {
    if (memory_) prefer_large_pages(memory_, floats * sizeof(float));
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { std::free(memory_); }
  bool failed() const { return !memory_; }
  float* take(int64_t floats) {
    float* const taken = next_;
    next_ += floats + (floats & 1);
    return taken;
  }

 private:
  float *memory_, *next_;
};

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_similarity, (const float* a, const float* b, float* out, const int32_t* sizes), (a, b, out, sizes)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!sizes) return fail(CPCDR_INVALID_ARGUMENT, "similarity: null pointer");
  const int n = sizes[0], k = sizes[1], d = sizes[2];
  if (n < 0 || k < 0 || d < 0) return fail(CPCDR_INVALID_ARGUMENT, "similarity: negative size");
  /* An array of no elements may be null. */
  if (n == 0 || k == 0) return CPCDR_OK;
  if (!a || !b || !out) return fail(CPCDR_INVALID_ARGUMENT, "similarity: null pointer");
  if (!sizes[3]) return multiply(a, b, out, n, k, d, false, true);
  const UnitRows rows(a, n, b, k, d);
  if (rows.failed()) return fail(CPCDR_OUT_OF_MEMORY, "similarity: no memory for lengths");
  if (const int32_t status = multiply(rows.a(), rows.b(), out, n, k, d, false, true)) return status;
  const float *const of_rows = rows.of_a(), *const of_columns = rows.of_b();
  parallel_for(n, std::max<int64_t>(1, (1 << 15) / k), [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      for (int c = 0; c < k; c++) out[i * k + c] *= of_rows[i] * of_columns[c];
    }
  });
  return CPCDR_OK;
}

CPCDR_KERNEL(cpcdr_prototype_loss,
             (const float* features, const float* prototypes, const int32_t* groups, float* result, int32_t* nearest,
              float* dfeatures, float* dprototypes, const int32_t* sizes, float epsilon, float temperature),
             (features, prototypes, groups, result, nearest, dfeatures, dprototypes, sizes, epsilon, temperature)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!features || !prototypes || !groups || !result || !nearest || !dfeatures || !dprototypes || !sizes) {
    return fail(CPCDR_INVALID_ARGUMENT, "prototype_loss: null pointer");
  }
  const int n = sizes[0], k = sizes[1], d = sizes[2], group_count = sizes[3], iterations = sizes[4];
  if (n < 1 || k < 1 || d < 1 || group_count < 0 || iterations < 0 || sizes[5] < 0) {
    return fail(CPCDR_INVALID_ARGUMENT, "prototype_loss: a size is too small");
  }
  if (!(epsilon > 0) || !(temperature > 0)) {
    return fail(CPCDR_INVALID_ARGUMENT, "prototype_loss: epsilon and temperature must be above 0");
  }
  for (int i = 0; i < n; i++) {
    if (groups[i] >= group_count) return fail(CPCDR_INVALID_ARGUMENT, "prototype_loss: a group beyond group_count");
  }
  const int64_t tasks = group_count ? (group_count - 1) / std::max(1, group_count / 256) + 1 : 0;
  const int64_t part = int64_t{k} * d;
  const int64_t lent = rows_lent(n, k, d), kept = n - lent;
  Block block(static_cast<size_t>(kept * k + lent * d + 2 * int64_t{n} + k + 2 * block_count(n) * k + group_count + 2 +
                                  3 * tasks * k + 4 * tasks + part + 16));
  if (block.failed()) return fail(CPCDR_OUT_OF_MEMORY, "prototype_loss: no memory for the scores");
  Loss loss{};
  loss.groups = groups;
  loss.n = n;
  loss.k = k;
  loss.iterations = iterations;
  loss.temperature = temperature;
  double* const sums = reinterpret_cast<double*>(block.take(4 * tasks));
  loss.scores = block.take(kept * k);
  loss.rest = dfeatures;
  loss.kept = kept;
  loss.u = block.take(n);
  loss.v = block.take(k);
  loss.partial = block.take(2 * block_count(n) * k);
  loss.order = reinterpret_cast<int32_t*>(block.take(n));
  loss.bounds = reinterpret_cast<int32_t*>(block.take(group_count + 2));
  float* const scratch = block.take(3 * tasks * k);
  sort_rows(loss, group_count);
  const int64_t count = loss.bounds[group_count];
  int64_t counted = 0;
  for (int i = 0; i < std::min(n, sizes[5]); i++) counted += loss.present(i);
  if (const int32_t status = form_scores(loss, features, prototypes, d)) return status;
  loss.kernel = {find_nearest(loss, nearest, loss.u), 1 / epsilon};
  balance(loss);
  const float factor = 1.0f / (static_cast<float>(std::max<int64_t>(1, count)) * temperature);
  predict(loss, group_count, sizes[5], factor, scratch, sums);
  double value = 0, entropy = 0;
  for (int64_t task = 0; task < tasks; task++) {
    value += sums[2 * task];
    entropy += sums[2 * task + 1];
  }
  for (int64_t i = 0; i < n; i++) {
    if (!loss.present(i)) std::fill_n(loss.row(i), k, 0.0f);
  }
  result[0] = static_cast<float>(value / static_cast<double>(std::max<int64_t>(1, count)));
  result[1] = static_cast<float>(entropy / (static_cast<double>(std::max<int64_t>(1, counted)) * static_cast<double>(fast_log(float(k)))));
  float* const waiting = block.take(lent * d);
  return gradients(loss, features, prototypes, d, dfeatures, dprototypes, waiting, block.take(part));
}
