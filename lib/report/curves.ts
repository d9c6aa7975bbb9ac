/**
 * Curves out of the lines of metrics.jsonl.
 *
 * @module
 */

import type { LoggedStep } from "./data.ts";
import type { Curve } from "./plots.ts";

/**
 * The named values of a stage over its steps; values that no line has give no curve.
 *
 * @param wanted by the name in the log: what people read, and a CSS colour.
 */
export function curvesOf(
  metrics: readonly LoggedStep[],
  stage: string,
  wanted: Readonly<Record<string, readonly [name: string, colour: string]>>,
): Curve[] {
  return Object.entries(wanted).flatMap(([key, [name, colour]]) => {
    const points = metrics.flatMap((line) => {
      const value = line[key];
      return line.stage === stage && typeof value === "number" ? [{ step: line.step, value }] : [];
    });
    return points.length > 0 ? [{ name, colour, points }] : [];
  });
}
