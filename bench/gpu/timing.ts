/**
 * What a measurement on the GPU says.
 *
 * @module
 */

/** One row of the report. */
export interface Timing {
  readonly name: string;
  readonly milliseconds: number;
  readonly share: string;
  readonly peer: string;
}
