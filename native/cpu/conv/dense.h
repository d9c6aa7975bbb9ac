/* Convolutions with a stride and a dilation of 1, which have ways of their own: narrow.h, winograd.h. */
#ifndef CPCDR_CONV_DENSE_H
#define CPCDR_CONV_DENSE_H

#include "../dispatch.h"

namespace cpcdr {
namespace CPCDR_ISA {

struct DenseConv {
  int batch, height, width, channels; /* of the image */
  int filter_height, filter_width;
  int out_height, out_width, outputs;
  int pad_top, pad_left;
};

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
