/**
 * How blocks of convolutions read the rows and columns of their matrices from images and filters.
 *
 * @module
 */

import type { BlockVariant } from "../matmul/block_tile.ts";
import type { Operand } from "../matmul/block_operands.ts";
import { each } from "../matmul/matrix_tile.ts";

/** Text for a whole vector, or for each of its four elements: `q` is empty, or the element's number. */
function elements(vector: boolean, text: (q: number, name: string) => string): string {
  return vector ? text(0, "") : each(4, (q) => text(q, `_${q}`));
}

/** Sets `target`, or one element of it, from `buffer` where `condition` holds. */
function readWhere(
  vector: boolean,
  q: number,
  [target, buffer, at]: readonly [string, string, string],
  condition: string,
): string {
  return vector
    ? `if (${condition}) { ${target} = ${buffer}[(${at}) / 4]; }`
    : `if (${condition}) { ${target}[${q}] = ${buffer}[${at}]; }`;
}

/**
 * The place along K as digits, the first one counting fastest: by carrying them from step to step, all
 * divisions are made once.
 */
function counter(
  [first, second, third]: readonly [string, string, string],
  [base, secondBase]: readonly [string, string],
  depth: number,
): { start(k: string): string; advance: string } {
  /** The three digits of a number that is not negative. */
  const digits = (declare: string, names: readonly string[], value: string) => {
    const [a, b, c] = names;
    return `
  ${declare} ${a} = i32((${value}) % u32(${base}));
  ${declare} ${b} = i32((${value}) / u32(${base}) % u32(${secondBase}));
  ${declare} ${c} = i32((${value}) / u32(${base}) / u32(${secondBase}));`;
  };
  const steps = [first, second, third].map((name) => `${name}_step`);
  return {
    start: (k) => digits("var", [first, second, third], k) + digits("let", steps, `${depth}u`),
    advance: `
    ${first} += ${steps[0]};
    ${second} += ${steps[1]};
    ${third} += ${steps[2]};
    if (${first} >= ${base}) { ${first} -= ${base}; ${second}++; }
    if (${second} >= ${secondBase}) { ${second} -= ${secondBase}; ${third}++; }`,
  };
}

/** Of x, along taps and input channels, the window of each output pixel. */
export function windows({ vectorA: vector, depth }: BlockVariant): Operand {
  const place = (n: string) =>
    counter([`channel${n}`, `tap_x${n}`, `tap_y${n}`], ["u.in_channels", "u.filter_width"], depth);
  return {
    along: true,
    line: (i, at) => `
  let p${i} = i32(min(${at}, u.rows - 1));
  let y${i} = p${i} / u.out_width % u.out_height * u.stride_y - u.top;
  let x${i} = p${i} % u.out_width * u.stride_x - u.left;
  let at${i} = ((p${i} / (u.out_width * u.out_height) * u.in_height + y${i}) * u.in_width + x${i}) *
    u.in_channels;`,
    start: (_, k) => elements(vector, (q, n) => place(n).start(`${k} + ${q}u`)),
    // What the tap adds to the place of the window's first pixel.
    step: () =>
      elements(vector, (_, n) => `
    let dy${n} = tap_y${n} * u.dilation_y;
    let dx${n} = tap_x${n} * u.dilation_x;
    let by${n} = (dy${n} * u.in_width + dx${n}) * u.in_channels + channel${n};`),
    advance: () => elements(vector, (_, n) => place(n).advance),
    read: (target, i, _, k) =>
      elements(vector, (q, n) =>
        readWhere(
          vector,
          q,
          [target, "a", `u32(at${i} + by${n})`],
          `u32(y${i} + dy${n}) < u32(u.in_height) && u32(x${i} + dx${n}) < u32(u.in_width)` +
            (vector ? "" : ` && ${k} + ${q}u < end`),
        )),
  };
}

/** Of dy, along the phase's taps and output channels, the pixels that they carry each input pixel to. */
export function gradients({ vectorA: vector, depth }: BlockVariant): Operand {
  const place = (n: string) =>
    counter([`channel${n}`, `tap_x${n}`, `tap_y${n}`], ["u.out_channels", "x_taps"], depth);
  return {
    along: true,
    // With a stride of 1 these are places in the padded input; the dilation is 1 with others.
    line: (i, at) => `
  let p${i} = i32(min(${at}, u.rows - 1));
  let y${i} = p${i} / phase_width % phase_height + (y_phase + u.top) / u.stride_y;
  let x${i} = p${i} % phase_width + (x_phase + u.left) / u.stride_x;
  let at${i} = ((p${i} / (phase_width * phase_height) * u.images_height + y${i}) * u.images_width +
    x${i}) * u.out_channels;`,
    start: (_, k) => elements(vector, (q, n) => place(n).start(`${k} + ${q}u`)),
    step: () =>
      elements(vector, (_, n) => `
    let dy${n} = tap_y${n} * u.dilation_y;
    let dx${n} = tap_x${n} * u.dilation_x;
    let by${n} = channel${n} - (dy${n} * u.images_width + dx${n}) * u.out_channels;`),
    advance: () => elements(vector, (_, n) => place(n).advance),
    read: (target, i, _, k) =>
      elements(vector, (q, n) =>
        readWhere(
          vector,
          q,
          [target, "a", `u32(at${i} + by${n})`],
          `u32(y${i} - dy${n}) < u32(u.out_height) && u32(x${i} - dx${n}) < u32(u.out_width)` +
            (vector ? "" : ` && ${k} + ${q}u < end`),
        )),
  };
}

/**
 * Of the filter, along the phase's taps and output channels, the row of each input channel. Both operands lie
 * along K, so that the place is the one of {@linkcode gradients}.
 */
export function filterRows(vector: boolean): Operand {
  return {
    along: true,
    line: (i, at) => `let row${i} = i32(min(${at}, u.columns - 1)) * u.out_channels;`,
    step: () =>
      elements(vector, (_, n) => `
    let filter_y${n} = y_first + tap_y${n} * u.stride_y;
    let filter_x${n} = x_first + tap_x${n} * u.stride_x;
    let of_tap${n} = (filter_y${n} * u.filter_width + filter_x${n}) * u.in_channels *
      u.out_channels + channel${n};`),
    read: (target, i, _, k) =>
      elements(
        vector,
        (q, n) =>
          vector
            ? `${target} = b[u32(of_tap${n} + row${i}) / 4];`
            : `if (${k} + ${q}u < end) { ${target}[${q}] = b[u32(of_tap${n} + row${i})]; }`,
      ),
  };
}

/** Of x, across taps and input channels, the pixel that each tap takes to an output pixel. */
export function pixelsUnderTaps({ vectorA: vector, depth }: BlockVariant): Operand {
  const place = (j: number) =>
    counter([`out_x${j}`, `out_y${j}`, `image${j}`], ["u.out_width", "u.out_height"], depth);
  return {
    along: false,
    line: (_, at) =>
      elements(vector, (q, n) => `
  let m${n} = i32(min(${at} + ${q}u, u.rows - ${vector ? 4 : 1}));
  let tap${n} = m${n} / u.in_channels;
  let dy${n} = tap${n} / u.filter_width * u.dilation_y - u.top;
  let dx${n} = tap${n} % u.filter_width * u.dilation_x - u.left;
  let by${n} = (dy${n} * u.in_width + dx${n}) * u.in_channels + m${n} - tap${n} * u.in_channels;`),
    start: (j, k) => place(j).start(k),
    step: (j) => `
    let y${j} = out_y${j} * u.stride_y;
    let x${j} = out_x${j} * u.stride_x;
    let at${j} = ((image${j} * u.in_height + y${j}) * u.in_width + x${j}) * u.in_channels;`,
    advance: (j) => place(j).advance,
    read: (target, _, j) =>
      elements(vector, (q, n) =>
        readWhere(
          vector,
          q,
          [target, "a", `u32(at${j} + by${n})`],
          `u32(y${j} + dy${n}) < u32(u.in_height) && u32(x${j} + dx${n}) < u32(u.in_width)`,
        )),
  };
}
