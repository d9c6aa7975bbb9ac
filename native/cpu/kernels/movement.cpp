/*
 * Moving elements of four bytes: one strided copy, which is transposition, slice, concatenation, split,
 * tiling, reversal and padding; gathering of rows; and sums of rows by segment.
 */
#include <algorithm>

#include "../dispatch.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

constexpr int kMaxAxes = 16;
/* Elements of one task. */
constexpr int64_t kGrain = 1 << 14;
/* A transposition walks squares of this side, so that rows and columns both stay in cache. */
constexpr int64_t kSquare = 16;

struct Axis {
  int64_t extent, from, to; /* strides in elements; 0 or negative in the source as the caller likes */
};

struct Copy {
  Axis axes[kMaxAxes];
  int rank;
};

/* Drops axes of extent 1 and merges neighbours that both sides walk as one. Always leaves two axes. */
Copy simplify(const int32_t* sizes) {
  const int rank = sizes[0];
  Copy copy{};
  for (int k = 0; k < rank; k++) {
    const Axis axis = {sizes[1 + k], sizes[1 + rank + k], sizes[1 + 2 * rank + k]};
    if (axis.extent == 1) continue;
    Axis* last = copy.rank > 0 ? &copy.axes[copy.rank - 1] : nullptr;
    if (last && last->from == axis.from * axis.extent && last->to == axis.to * axis.extent) {
      *last = {last->extent * axis.extent, axis.from, axis.to};
    } else {
      copy.axes[copy.rank++] = axis;
    }
  }
  while (copy.rank < 2) {
    std::copy_backward(copy.axes, copy.axes + copy.rank, copy.axes + copy.rank + 1);
    copy.axes[0] = {1, 0, 0};
    copy.rank++;
  }
  /* Where the last axis does not run through the source, the one that does comes second to last. */
  if (copy.axes[copy.rank - 1].from != 1) {
    for (int k = 0; k < copy.rank - 2; k++) {
      if (copy.axes[k].from == 1) std::swap(copy.axes[k], copy.axes[copy.rank - 2]);
    }
  }
  return copy;
}

template <int kCount>
void copy_short_rows(const uint32_t* from, uint32_t* to, const Axis& rows, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; r++) {
    for (int c = 0; c < kCount; c++) to[r * rows.to + c] = from[r * rows.from + c];
  }
}

/* Rows [begin, end) of the last two axes. */
void copy_rows(const uint32_t* from, uint32_t* to, const Axis& rows, const Axis& columns, int64_t begin,
               int64_t end) {
  const int64_t count = columns.extent;
  if (columns.from == 1 && columns.to == 1) {
    switch (count) {
      case 1: return copy_short_rows<1>(from, to, rows, begin, end);
      case 2: return copy_short_rows<2>(from, to, rows, begin, end);
      case 3: return copy_short_rows<3>(from, to, rows, begin, end);
      case 4: return copy_short_rows<4>(from, to, rows, begin, end);
    }
    for (int64_t r = begin; r < end; r++) std::copy_n(from + r * rows.from, count, to + r * rows.to);
  } else if (columns.from == 0 && columns.to == 1) {
    for (int64_t r = begin; r < end; r++) std::fill_n(to + r * rows.to, count, from[r * rows.from]);
  } else if (rows.from == 1 && columns.to == 1) {
    for (int64_t r0 = begin; r0 < end; r0 += kSquare) {
      const int64_t r1 = std::min(end, r0 + kSquare);
      for (int64_t c0 = 0; c0 < count; c0 += kSquare) {
        const int64_t c1 = std::min(count, c0 + kSquare);
        for (int64_t r = r0; r < r1; r++) {
          for (int64_t c = c0; c < c1; c++) to[r * rows.to + c] = from[r + c * columns.from];
        }
      }
    }
  } else {
    for (int64_t r = begin; r < end; r++) {
      const uint32_t* source = from + r * rows.from;
      uint32_t* target = to + r * rows.to;
      for (int64_t c = 0; c < count; c++) target[c * columns.to] = source[c * columns.from];
    }
  }
}

/* One long row is cut into pieces, so that threads share it. */
void cut_row(Axis* rows, Axis* columns) {
  if (rows->extent > 1) return;
  for (int64_t piece = kGrain; piece > kGrain / 64; piece--) {
    if (columns->extent <= piece || columns->extent % piece != 0) continue;
    *rows = {columns->extent / piece, piece * columns->from, piece * columns->to};
    columns->extent = piece;
    return;
  }
}

void copy_all(const uint32_t* from, uint32_t* to, Copy copy) {
  Axis &rows = copy.axes[copy.rank - 2], &columns = copy.axes[copy.rank - 1];
  if (copy.rank == 2) cut_row(&rows, &columns);
  int64_t outer = 1;
  for (int k = 0; k < copy.rank - 2; k++) outer *= copy.axes[k].extent;
  const int64_t grain = std::max<int64_t>(1, kGrain / columns.extent);
  parallel_for(outer * rows.extent, grain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      int64_t source = 0, target = 0, index = begin / rows.extent;
      for (int k = copy.rank - 3; k >= 0; k--) {
        const Axis& axis = copy.axes[k];
        source += index % axis.extent * axis.from;
        target += index % axis.extent * axis.to;
        index /= axis.extent;
      }
      const int64_t first = begin % rows.extent;
      const int64_t last = std::min(rows.extent, first + end - begin);
      copy_rows(from + source, to + target, rows, columns, first, last);
      begin += last - first;
    }
  });
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_copy, (const void* x, void* y, const int32_t* sizes, int32_t x_offset, int32_t y_offset),
             (x, y, sizes, x_offset, y_offset)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!x || !y || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "copy: null pointer");
  if (sizes[0] < 0 || sizes[0] > kMaxAxes) return fail(CPCDR_INVALID_ARGUMENT, "copy: more than 16 axes");
  for (int k = 0; k < sizes[0]; k++) {
    if (sizes[1 + k] < 0) return fail(CPCDR_INVALID_ARGUMENT, "copy: negative size");
    if (sizes[1 + k] == 0) return CPCDR_OK;
  }
  copy_all(static_cast<const uint32_t*>(x) + x_offset, static_cast<uint32_t*>(y) + y_offset, simplify(sizes));
  return CPCDR_OK;
}

CPCDR_KERNEL(cpcdr_gather, (const void* x, const int32_t* indices, void* y, const int32_t* sizes),
             (x, indices, y, sizes)) {
  using namespace cpcdr;
  if (!x || !indices || !y || !sizes) return fail(CPCDR_INVALID_ARGUMENT, "gather: null pointer");
  const int64_t batch = sizes[0], outer = sizes[1], extent = sizes[2], inner = sizes[3], count = sizes[4];
  if (batch < 0 || outer < 0 || extent < 0 || inner < 0 || count < 0) {
    return fail(CPCDR_INVALID_ARGUMENT, "gather: negative size");
  }
  for (int64_t i = 0; i < batch * count; i++) {
    if (indices[i] < 0 || indices[i] >= extent) return fail(CPCDR_INVALID_ARGUMENT, "gather: index out of range");
  }
  const uint32_t* from = static_cast<const uint32_t*>(x);
  uint32_t* to = static_cast<uint32_t*>(y);
  const int64_t grain = std::max<int64_t>(1, (1 << 13) / (inner + 1));
  parallel_for(batch * outer * count, grain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t block = i / count, index = indices[block / outer * count + i % count];
      std::copy_n(from + (block * extent + index) * inner, inner, to + i * inner);
    }
  });
  return CPCDR_OK;
}

CPCDR_KERNEL(cpcdr_segment_sum,
             (const float* x, const int32_t* indices, const int32_t* segments, float* y, const int32_t* sizes),
             (x, indices, segments, y, sizes)) {
  using namespace cpcdr;
  if (!sizes) return fail(CPCDR_INVALID_ARGUMENT, "segment_sum: null pointer");
  const int64_t rows = sizes[0], inner = sizes[1], count = sizes[2];
  const bool mean = sizes[3] != 0;
  if (rows < 0 || inner < 0 || count < 0) return fail(CPCDR_INVALID_ARGUMENT, "segment_sum: negative size");
  /* An array of no elements may be null. */
  if (inner == 0 || count == 0) return CPCDR_OK;
  if (!y || (rows > 0 && (!x || !segments))) return fail(CPCDR_INVALID_ARGUMENT, "segment_sum: null pointer");
  int32_t* members = reinterpret_cast<int32_t*>(workspace(0, static_cast<size_t>(count)));
  if (!members) return fail(CPCDR_OUT_OF_MEMORY, "segment_sum: no memory for counts");
  std::fill_n(members, count, 0);
  for (int64_t row = 0; row < rows; row++) {
    if (segments[row] >= 0 && segments[row] < count) members[segments[row]]++;
  }
  /* A task is a range of columns and walks all rows in order, so that every sum has one order. */
  parallel_for(inner, 64, [=](int64_t begin, int64_t end) {
    for (int64_t s = 0; s < count; s++) std::fill(y + s * inner + begin, y + s * inner + end, 0.0f);
    for (int64_t row = 0; row < rows; row++) {
      const int64_t segment = segments[row];
      if (segment < 0 || segment >= count) continue;
      const float* from = x + (indices ? indices[row] : row) * inner;
      float* to = y + segment * inner;
      for (int64_t c = begin; c < end; c++) to[c] += from[c];
    }
    for (int64_t s = 0; mean && s < count; s++) {
      float* to = y + s * inner;
      const float number = static_cast<float>(members[s]);
      if (number > 1) for (int64_t c = begin; c < end; c++) to[c] /= number;
    }
  });
  return CPCDR_OK;
}
