/**
 * How fast a program that makes many runs goes about it, and when it ends: options that such programs share.
 *
 * @module
 */

/** For `parseArgs` of node:util. */
export const PACE_OPTIONS = {
  jobs: { type: "string", default: "2" },
  threads: { type: "string" },
  minutes: { type: "string", default: "Infinity" },
} as const;

/** See the module's comment. */
export interface Pace {
  /** Processes at a time. */
  readonly jobs: number;
  /** Of each process. */
  readonly threads: number;
  /** Nothing new starts after it; milliseconds of `performance.now()`. */
  readonly until: number;
}

/** What the options say; all cores are shared out where `threads` is not given. */
export function paceOf(
  values: { readonly jobs: string; readonly threads?: string; readonly minutes: string },
): Pace {
  const jobs = Number(values.jobs);
  const share = Math.max(1, Math.floor(navigator.hardwareConcurrency / jobs));
  return {
    jobs,
    threads: Number(values.threads ?? share),
    until: performance.now() + 60_000 * Number(values.minutes),
  };
}
