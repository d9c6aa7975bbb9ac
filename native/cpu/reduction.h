/*
 * Sums over the rows of a matrix, column by column, in an order that does not depend on the number of
 * threads: floats within a block of rows, doubles from block to block.
 */
#ifndef CPCDR_REDUCTION_H
#define CPCDR_REDUCTION_H

#include <algorithm>

#include "dispatch.h"
#include "thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {

constexpr int64_t kBlockRows = 64;
constexpr int64_t kMaxBlocks = 64;

/*
 * Calls add(row, sums_0, ..., sums_{kSums-1}) for every row; it adds to float sums of `columns` each.
 * Answers [kSums, columns] doubles in workspace `slot`, or null when memory is exhausted.
 */
template <int kSums, typename Add>
double* column_sums(int64_t rows, int columns, int slot, const Add& add) {
  const int64_t stride = int64_t{kSums} * columns;
  /* A task is a whole number of blocks; there are at most kMaxBlocks tasks, by rows alone. */
  const int64_t blocks = (rows + kBlockRows - 1) / kBlockRows;
  const int64_t task_rows = (blocks + kMaxBlocks - 1) / kMaxBlocks * kBlockRows;
  const int64_t tasks = (rows + task_rows - 1) / task_rows;
  float* memory = workspace(slot, static_cast<size_t>(tasks * stride * 3 + stride * 2));
  if (!memory) return nullptr;
  double* totals = reinterpret_cast<double*>(memory);
  float* scratch = memory + 2 * stride * (tasks + 1);
  parallel_for(tasks, 1, [&](int64_t first, int64_t last) {
    for (int64_t task = first; task < last; task++) {
      double* total = totals + (task + 1) * stride;
      float* sums = scratch + task * stride;
      std::fill_n(total, stride, 0.0);
      const int64_t end = std::min(rows, (task + 1) * task_rows);
      for (int64_t block = task * task_rows; block < end; block += kBlockRows) {
        std::fill_n(sums, stride, 0.0f);
        const int64_t stop = std::min(end, block + kBlockRows);
        for (int64_t row = block; row < stop; row++) {
          if constexpr (kSums == 2) add(row, sums, sums + columns);
          else add(row, sums);
        }
        for (int64_t i = 0; i < stride; i++) total[i] += static_cast<double>(sums[i]);
      }
    }
  });
  std::fill_n(totals, stride, 0.0);
  for (int64_t task = 1; task <= tasks; task++) {
    for (int64_t i = 0; i < stride; i++) totals[i] += totals[task * stride + i];
  }
  return totals;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
