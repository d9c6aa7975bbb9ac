/**
 * How exactly convolutions are computed.
 *
 * @module
 */

/**
 * What products are made of. `float32` throughout, or `mixed`: convolutions round their factors to 16 bits. On the CPU
 * these are bfloat16, which has float32's range and 8 significant bits, and products are added up in float32; on a GPU over
 * WebGPU float16 with 11 bits, each operand scaled by a power of two that brings its largest number to 1..2, and up to
 * 32 products are added up in float16 before they join a sum in float32. Tensors, parameters and everything else stay
 * float32, so that nothing overflows and no loss is scaled.
 */
export type Precision = "float32" | "mixed";
