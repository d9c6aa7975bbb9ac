/* Rectangles of pixels. */
#ifndef CPCDR_BOX_H
#define CPCDR_BOX_H

#include "../launch.h"

namespace cpcdr {
namespace CPCDR_ISA {

/* Rows [top, bottom) and columns [left, right); one access on a GPU. */
struct alignas(16) Box {
  int top, left, bottom, right;

  CPCDR_SHARED bool empty() const { return top >= bottom || left >= right; }
  CPCDR_SHARED int width() const { return right - left; }
  CPCDR_SHARED int height() const { return bottom - top; }
  CPCDR_SHARED bool holds(int x, int y) const { return y >= top && y < bottom && x >= left && x < right; }
  CPCDR_SHARED Box within(const Box& other) const {
    return {larger(top, other.top), larger(left, other.left), smaller(bottom, other.bottom),
            smaller(right, other.right)};
  }
  CPCDR_SHARED Box grown(int by) const { return {top - by, left - by, bottom + by, right + by}; }
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
