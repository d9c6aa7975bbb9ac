/* Rows whose cosines are to be formed, and their lengths. */
#ifndef CPCDR_UNIT_ROWS_H
#define CPCDR_UNIT_ROWS_H

#include <cstdint>

namespace cpcdr {

/*
 * Rows a [n, depth] and b [k, depth], and what a product of theirs is to be multiplied by to be a cosine: 1 / length of
 * each, 0 for a row of zeros. Where a row is so long or so short that products would leave the range of floats, they are
 * copies that a power of two brings to a length of about 1.
 */
class UnitRows {
 public:
  UnitRows(const float* a, int64_t n, const float* b, int64_t k, int depth);
  UnitRows(const UnitRows&) = delete;
  UnitRows& operator=(const UnitRows&) = delete;
  ~UnitRows();

  /* There was no memory. */
  bool failed() const { return !factors_ || (far_ && !near_); }
  const float* a() const { return a_; }
  const float* b() const { return b_; }
  /* [n] and [k] */
  const float* of_a() const { return factors_; }
  const float* of_b() const { return factors_ + n_; }

 private:
  const float *a_, *b_;
  int64_t n_;
  float *factors_, *near_ = nullptr;
  bool far_ = false;
};

}  // namespace cpcdr
#endif
