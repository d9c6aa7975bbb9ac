/**
 * WGSL of sine, cosine and tangent for angles of any size: what adapters offer loses all digits beyond
 * some thousands of turns.
 *
 * @module
 */

/**
 * `sine`, `cosine` and `tangent`. Angles beyond 64 are first brought to a quadrant and the rest of it, by
 * multiplication with 192 bits of 2 / pi (Payne and Hanek 1983). Infinities and NaN give NaN.
 */
export const ANGLES = `
/** The low and the high half of a product. */
fn wide(a: u32, b: u32) -> vec2<u32> {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16) * (b & 0xffffu) + (low >> 16);
  let other = (a & 0xffffu) * (b >> 16) + (middle & 0xffffu);
  return vec2<u32>(
    (other << 16) | (low & 0xffffu), (a >> 16) * (b >> 16) + (middle >> 16) + (other >> 16));
}
/** Keeps compilers from taking the correction of a rounding error for 0. */
fn kept(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) + u.zero); }
/** The first twelve digits. */
fn first(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u); }
/** Where the angle lies: the number of quarter turns, and the rest, rounded, and what rounding took. */
struct Place { quarters: u32, rest: f32, error: f32 }
fn place(x: f32) -> Place {
  let bits = bitcast<u32>(x);
  let mantissa = (bits << 8) | 0x80000000u;
  let exponent = ((bits >> 23) & 0xffu) - 128;
  var part = array<u32, 6>(
    0x3c439041u, 0xdb629599u, 0xf534ddc0u, 0xfc2757d1u, 0x4e441529u, 0xa2f9836eu);
  var product: array<u32, 7>;
  var carry = 0u;
  for (var i = 0; i < 6; i++) {
    let term = wide(part[i], mantissa);
    product[i] = term.x + carry;
    carry = term.y + select(0u, 1u, product[i] < carry);
  }
  product[6] = carry;
  let word = (exponent >> 5) & 3;
  let shift = exponent & 31;
  var high = product[6 - word];
  var low = product[5 - word];
  if (shift > 0) {
    high = (high << shift) | (low >> (32 - shift));
    low = (low << shift) | (product[4 - word] >> (32 - shift));
  }
  var quarters = high >> 30;
  high = (high << 2) | (low >> 30);
  low <<= 2;
  var side = select(1.0, -1.0, x < 0);
  if (high >= 0x80000000u) {
    quarters++;
    high = ~high + select(0u, 1u, low == 0);
    low = 0u - low;
    side = -side;
  }
  let zeros = min(countLeadingZeros(high), 31);
  if (zeros > 0) { high = (high << zeros) | (low >> (32 - zeros)); }
  // Times pi / 2 in two parts, of which the first has twelve digits.
  let scale = side * ldexp(1.0, -32 - i32(zeros));
  let large = scale * f32(high & 0xfff00000u);
  let small = scale * f32(high & 0xfffffu);
  let exact = large * 1.5703125;
  let more = large * 4.8382679e-4 + small * 1.5707964;
  let rest = kept(exact + more);
  return Place(select(quarters, 0u - quarters, x < 0), rest, more - (rest - exact));
}
fn sine(x: f32) -> f32 {
  if (abs(x) < 64) { return sin(x); }
  if (is_nan(x) || is_inf(x)) { return nan(); }
  let p = place(x);
  let value = select(sin(p.rest), cos(p.rest), (p.quarters & 1) == 1);
  return select(value, -value, (p.quarters & 2) == 2);
}
fn cosine(x: f32) -> f32 {
  if (abs(x) < 64) { return cos(x); }
  if (is_nan(x) || is_inf(x)) { return nan(); }
  let p = place(x);
  let value = select(cos(p.rest), sin(p.rest), (p.quarters & 1) == 1);
  return select(value, -value, ((p.quarters + 1) & 2) == 2);
}
fn tangent(x: f32) -> f32 {
  if (abs(x) < 64) { return tan(x); }
  if (is_nan(x) || is_inf(x)) { return nan(); }
  let p = place(x);
  if ((p.quarters & 1) == 0) { return tan(p.rest); }
  if (abs(p.rest) > 0.01 || p.rest == 0) { return -cos(p.rest) / sin(p.rest); }
  // 1 / r - r / 3, and what the rounding of the quotient took.
  let q = kept(1 / p.rest);
  let r = first(p.rest);
  let product = kept(1 - first(q) * r);
  let left = kept(product - first(q) * (p.rest - r)) - (q - first(q)) * p.rest;
  return -(q + (q * (left - q * p.error) - p.rest / 3));
}
`;
