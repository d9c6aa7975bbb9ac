/*
 * Sums over the rows of a matrix, column by column, in an order that does not depend on the number of
 * threads: floats within a block of rows, doubles from block to block.
 *
 * Few columns would leave vectors half empty, so several rows count as one wide row, whose sums are
 * folded at the end. A coefficient per column is widened likewise.
 */
#ifndef CPCDR_REDUCTION_H
#define CPCDR_REDUCTION_H

#include <algorithm>

#include "dispatch.h"
#include "thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int64_t kBlockRows = 16;
constexpr int64_t kMaxBlocks = 64;
constexpr int64_t kWideElements = 256;

/* Elements of a wide row: a multiple of columns. */
inline int64_t wide_row(int64_t rows, int64_t columns) {
  const int64_t repeat = (kWideElements + columns - 1) / columns;
  return std::max<int64_t>(1, std::min(rows, repeat)) * columns;
}

/* Repeats values [columns] over a wide row. */
inline void widen(const float* values, int64_t columns, int64_t wide, float* out) {
  for (int64_t i = 0; i < wide; i += columns) std::copy_n(values, columns, out + i);
}

/*
 * Calls add(first element, count, sums_0, ..., sums_{kSums-1}) for every wide row, the last of which may
 * be shorter; it adds what the count elements from the first on give to the first `count` of each sums.
 * Answers [kSums, columns] doubles in workspace `slot`, or null when memory is exhausted.
 */
template <int kSums, typename Add>
double* column_sums(int64_t rows, int64_t columns, int slot, const Add& add) {
  const int64_t wide = wide_row(rows, columns), elements = rows * columns;
  const int64_t wide_rows = (elements + wide - 1) / wide, stride = kSums * wide;
  /* A task is a whole number of blocks; there are at most kMaxBlocks tasks, by rows alone. */
  const int64_t blocks = (wide_rows + kBlockRows - 1) / kBlockRows;
  const int64_t task_rows = (blocks + kMaxBlocks - 1) / kMaxBlocks * kBlockRows;
  const int64_t tasks = (wide_rows + task_rows - 1) / task_rows;
  float* memory = workspace(slot, static_cast<size_t>(tasks * stride * 3 + stride * 2));
  if (!memory) return nullptr;
  double* totals = reinterpret_cast<double*>(memory);
  float* scratch = memory + 2 * stride * (tasks + 1);
  parallel_for(tasks, 1, [&](int64_t first, int64_t last) {
    for (int64_t task = first; task < last; task++) {
      double* total = totals + (task + 1) * stride;
      float* sums = scratch + task * stride;
      std::fill_n(total, stride, 0.0);
      const int64_t end = std::min(wide_rows, (task + 1) * task_rows);
      for (int64_t block = task * task_rows; block < end; block += kBlockRows) {
        std::fill_n(sums, stride, 0.0f);
        const int64_t stop = std::min(end, block + kBlockRows);
        for (int64_t row = block; row < stop; row++) {
          const int64_t count = std::min(wide, elements - row * wide);
          if constexpr (kSums == 2) add(row * wide, count, sums, sums + wide);
          else add(row * wide, count, sums);
        }
        for (int64_t i = 0; i < stride; i++) total[i] += static_cast<double>(sums[i]);
      }
    }
  });
  std::fill_n(totals, stride, 0.0);
  for (int64_t task = 1; task <= tasks; task++) {
    for (int64_t i = 0; i < stride; i++) totals[i] += totals[task * stride + i];
  }
  for (int64_t sum = 0; sum < kSums; sum++) {
    double* folded = totals + sum * columns;
    for (int64_t c = 0; c < columns; c++) {
      double value = 0;
      for (int64_t i = c; i < wide; i += columns) value += totals[sum * wide + i];
      folded[c] = value;
    }
  }
  return totals;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
