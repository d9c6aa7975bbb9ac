/*
 * To be included first by kernels whose results must be those of lib's TypeScript to the last bit: products are
 * rounded before they are added, as JavaScript does.
 */
#ifndef CPCDR_ROUNDING_H
#define CPCDR_ROUNDING_H

#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#endif
