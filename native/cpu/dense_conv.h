/* Convolutions with a stride and a dilation of 1, which have ways of their own: narrow_conv.h, winograd.h. */
#ifndef CPCDR_DENSE_CONV_H
#define CPCDR_DENSE_CONV_H

#include "dispatch.h"

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
