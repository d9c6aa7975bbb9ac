/* Similarity of rows: every tile of dot products, or of cosines, is written where it belongs. */
#ifndef CPCDR_SIMILARITY_CALL_H
#define CPCDR_SIMILARITY_CALL_H

#include "../../include/cpcdr_hot.h"
#include "score_tiles.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* 1 / length of each row, 0 for a row of zeros: 32 threads for each of 8 rows. */
struct InverseLengths {
  static constexpr int kThreads = 256, kRows = kThreads / kWarp;
  typedef Nothing Local;
  struct Shared {
    double squares[kThreads];
  };

  const float* rows; /* [count, depth] */
  float* lengths;    /* [count] */
  int64_t count;
  int depth;

  CPCDR_SHARED bool phase(int p, const Where& where, Shared& shared, Local&) const {
    const int64_t i = int64_t{where.block} * kRows + where.thread / kWarp;
    if (p == 0) {
      double sum = 0;
      for (int c = where.thread % kWarp; i < count && c < depth; c += kWarp) {
        const double value = rows[i * depth + c];
        sum += value * value;
      }
      shared.squares[where.thread] = sum;
      return true;
    }
    if (where.thread % kWarp != 0 || i >= count) return false;
    double sum = 0;
    for (int k = 0; k < kWarp; k++) sum += shared.squares[where.thread + k];
    lengths[i] = sum > 0 ? static_cast<float>(1 / sqrt(sum)) : 0;
    return false;
  }
};

struct WriteScores {
  static constexpr int kPhases = 1;
  typedef Nothing Shared;
  typedef Nothing Local;

  const float *x_lengths, *y_lengths; /* inverse, or null */
  float* out;                         /* [x, y] */
  int64_t x_count, y_count;

  CPCDR_SHARED int64_t planes() const { return 1; }
  CPCDR_SHARED void begin(const Sweep&, int64_t, int, Shared&, Local&) const {}
  template <bool kTensor>
  CPCDR_SHARED void take(int, const Sweep& sweep, int64_t, int thread, TileShared& tiles, Shared&, Local&) const {
    const int64_t y = sweep.y + thread % kTile;
    if (y >= y_count) return;
    for (int row = thread / kTile; row < kTile && sweep.x + row < x_count; row += kTileThreads / kTile) {
      const int64_t x = sweep.x + row;
      const float factor = x_lengths ? x_lengths[x] * y_lengths[y] : 1;
      out[x * y_count + y] = tiles.tile[row][thread % kTile] * factor;
    }
  }
  CPCDR_SHARED bool end(int, const Sweep&, int64_t, int, Shared&, Local&) const { return false; }
};

/* cpcdr_similarity */
template <typename Device>
int32_t similarity_on(Device& device, const float* a, const float* b, float* out, const int32_t* sizes) {
  if (!a || !b || !out || !sizes) return device.fail(CPCDR_INVALID_ARGUMENT, "similarity: null pointer");
  const int n = sizes[0], k = sizes[1], d = sizes[2];
  if (n < 0 || k < 0 || d < 0) return device.fail(CPCDR_INVALID_ARGUMENT, "similarity: negative size");
  if (n == 0 || k == 0) return CPCDR_OK;
  float *x_lengths = nullptr, *y_lengths = nullptr;
  if (sizes[3]) {
    x_lengths = device.template memory<float>(n);
    y_lengths = device.template memory<float>(k);
    if (!x_lengths || !y_lengths) return device.fail(CPCDR_OUT_OF_MEMORY, "similarity: no memory for lengths");
    device.launch(blocks_for(n, InverseLengths::kRows), InverseLengths{a, x_lengths, n, d});
    device.launch(blocks_for(k, InverseLengths::kRows), InverseLengths{b, y_lengths, k, d});
  }
  const Rows x{a, nullptr, n, d}, y{b, nullptr, k, d};
  sweep_on(device, x, y, parts_for(x, y), WriteScores{x_lengths, y_lengths, out, n, k});
  return CPCDR_OK;
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
