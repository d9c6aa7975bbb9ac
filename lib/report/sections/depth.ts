/**
 * Estimated depth against truth, in the terms of Eigen et al. 2014.
 *
 * @module
 */

import type { DepthScore } from "../../depth/metrics.ts";
import type { ReportData } from "../data.ts";
import { note, type Section, table } from "../html.ts";

/** Each measure: what it is called, and how it is written. */
const MEASURES: readonly (readonly [keyof DepthScore, string, (value: number) => string])[] = [
  ["absRel", "abs_rel, less is better", (value) => value.toFixed(3)],
  ["sqRel", "sq_rel, metres, less is better", (value) => value.toFixed(3)],
  ["rmse", "rmse, metres, less is better", (value) => value.toFixed(2)],
  ["rmseLog", "rmse_log, less is better", (value) => value.toFixed(3)],
  ["a1", "within a factor 1.25, more is better", (value) => `${(100 * value).toFixed(1)}%`],
  ["a2", "within 1.25 squared", (value) => `${(100 * value).toFixed(1)}%`],
  ["a3", "within 1.25 cubed", (value) => `${(100 * value).toFixed(1)}%`],
];

/** Where frames have truth. */
export function depthSection({ depth }: ReportData): Section | undefined {
  if (!depth) return undefined;
  const rows = MEASURES.map(([key, name, write]) => [
    name,
    write(depth.estimated[key]),
    write(depth.constant[key]),
  ]);
  const html = note(
    "Over the training frames up to 80 m, each brought to the truth's median. A constant depth has learnt nothing.",
  ) + table(["measure", "estimated", "a constant"], rows);
  return { id: "depth", title: "Depth score", html };
}
