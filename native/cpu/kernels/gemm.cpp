/* Matrix products: packed right-hand side, left-hand side read where it stands. */
#include <algorithm>
#include <cmath>

#include "../thread_pool.h"
#include "../tile.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

/* Steps that are summed in registers at a time: a panel of this height stays in the L2 cache. */
constexpr int kStepBlock = 768;
/* Rows of one task. */
constexpr int kRowBlock = 24 * kGroup;

struct Matmul {
  int m, n, k;
  bool transpose_a, transpose_b;
  int activation;
  float alpha;
  const float* bias;

  int64_t row_stride() const { return transpose_a ? 1 : k; }
  int64_t step_stride() const { return transpose_a ? m : 1; }
};

/* Sigmoid and ELU, after the product. */
void activate(float* values, int64_t count, int activation) {
  for (int64_t i = 0; i < count; i++) {
    const float x = values[i];
    if (activation == CPCDR_SIGMOID) values[i] = 1.0f / (1.0f + std::exp(-x));
    if (activation == CPCDR_ELU) values[i] = x < 0 ? std::expm1(x) : x;
  }
}

void pack(const Matmul& op, const float* b, float* packed, bool parallel) {
  const int64_t step_stride = op.transpose_b ? 1 : op.n, column_stride = op.transpose_b ? op.k : 1;
  auto body = [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; p++) {
      const Panel panel = panel_at(static_cast<int>(p), op.n);
      pack_panel(b, step_stride, column_stride, 0, op.k, panel, packed + int64_t{panel.begin} * op.k);
    }
  };
  if (parallel) parallel_for(panel_count(op.n), 2, body);
  else body(0, panel_count(op.n));
}

/* Rows [begin, end) times panels [panel_begin, panel_end). */
void multiply_block(const Matmul& op, const float* a, const float* packed, float* out, int begin, int end,
                    int panel_begin, int panel_end) {
  RowGroup<float> groups[kRowBlock / kGroup + 1];
  for (int step = 0; step == 0 || step < op.k; step += kStepBlock) {
    const int steps = std::min(kStepBlock, op.k - step);
    const bool first = step == 0, last = step + steps >= op.k;
    const int count = append_groups(groups, 0, a + begin * op.row_stride() + step * op.step_stride(),
                                    op.row_stride(), out + int64_t{begin} * op.n, op.n, end - begin);
    const int64_t zero = 0;
    for (int p = panel_begin; p < panel_end; p++) {
      const Panel panel = panel_at(p, op.n);
      TileInput<float> in{};
      in.row_stride = op.row_stride();
      in.step_stride = op.step_stride();
      in.a_offsets = in.b_offsets = &zero;
      in.b = packed + int64_t{panel.begin} * op.k + int64_t{step} * panel_width(panel);
      in.b_stride = panel_width(panel);
      in.taps = 1;
      in.steps = steps;
      TileOutput to{};
      to.row_stride = op.n;
      to.bias = first && op.bias ? op.bias + panel.begin : nullptr;
      to.activation = last ? op.activation : CPCDR_LINEAR;
      to.alpha = op.alpha;
      to.accumulate = !first;
      run_groups(groups, count, panel, in, to);
    }
  }
  if (op.activation == CPCDR_SIGMOID || op.activation == CPCDR_ELU) {
    const int from = panel_begin * kWideColumns, to = std::min(op.n, panel_end * kWideColumns);
    for (int row = begin; row < end; row++) {
      activate(out + int64_t{row} * op.n + from, to - from, op.activation);
    }
  }
}

/* A matrix of fewer rows than a group, copied so that a whole group can be read. */
const float* widen(const Matmul& op, const float* a, float* copy) {
  if (op.transpose_a) {
    for (int64_t k = 0; k < op.k; k++) std::copy_n(a + k * op.m, op.m, copy + k * op.m);
  } else {
    std::copy_n(a, int64_t{op.m} * op.k, copy);
  }
  return copy;
}

int32_t multiply(const Matmul& op, const float* a, const float* b, float* out, bool parallel) {
  float* packed = elements<float>(0, packed_elements(op.k, op.n) + 1);
  if (!packed) return fail(CPCDR_OUT_OF_MEMORY, "no memory for the packed matrix");
  if (op.m < kGroup) {
    float* copy = workspace(1, static_cast<size_t>(kGroup + 1) * static_cast<size_t>(op.k + kGroup));
    if (!copy) return fail(CPCDR_OUT_OF_MEMORY, "no memory for the copied matrix");
    a = widen(op, a, copy);
  }
  pack(op, b, packed, parallel);
  /* Row blocks start at multiples of kRowBlock; a short last block is joined to the one before it. */
  const int64_t blocks = std::max<int64_t>(1, op.m / kRowBlock);
  const int panels = panel_count(op.n);
  const int64_t column_tasks = blocks >= 8 ? 1 : panels;
  auto body = [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; task++) {
      const int64_t block = task / column_tasks, column = task % column_tasks;
      const int first = static_cast<int>(block * kRowBlock);
      const int last = block + 1 == blocks ? op.m : first + kRowBlock;
      const int panel_first = column_tasks == 1 ? 0 : static_cast<int>(column);
      const int panel_last = column_tasks == 1 ? panels : panel_first + 1;
      for (int row = first; row < last;) {
        const int rest = last - row;
        const int rows = rest >= kRowBlock + kGroup || rest <= kRowBlock ? std::min(rest, kRowBlock)
                                                                         : rest - kGroup;
        multiply_block(op, a, packed, out, row, row + rows, panel_first, panel_last);
        row += rows;
      }
    }
  };
  if (parallel) parallel_for(blocks * column_tasks, 1, body);
  else body(0, blocks * column_tasks);
  return CPCDR_OK;
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_matmul,
             (const float* a, const float* b, const float* bias, float* out, const int32_t* sizes,
              float alpha),
             (a, b, bias, out, sizes, alpha)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!a || !b || !out || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "matmul: null pointer");
  const int batch = sizes[0];
  const int64_t stride_a = sizes[6], stride_b = sizes[7];
  const Matmul op{sizes[1], sizes[2], sizes[3], sizes[4] != 0, sizes[5] != 0, sizes[8], alpha, bias};
  if (batch < 0 || op.m < 0 || op.n < 0 || op.k < 0 || stride_a < 0 || stride_b < 0) {
    return fail(CPCDR_INVALID_ARGUMENT, "matmul: negative size");
  }
  if (batch == 0 || op.m == 0 || op.n == 0) return CPCDR_OK;
  const int64_t stride_out = int64_t{op.m} * op.n;
  if (batch == 1) return multiply(op, a, b, out, true);
  int32_t statuses = 0;
  parallel_for(batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int32_t status = multiply(op, a + i * stride_a, b + i * stride_b, out + i * stride_out, false);
      if (status) __atomic_store_n(&statuses, status, __ATOMIC_RELAXED);
    }
  });
  return statuses ? fail(statuses, "matmul: no memory for workspaces") : CPCDR_OK;
}
