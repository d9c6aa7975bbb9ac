/**
 * The picture of the ablation: every run as a dot, means with their 95% intervals.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { svg } from "../../lib/report/plots.ts";
import { armRows } from "./tables.ts";
import type { Outcome } from "./store.ts";

/** mIoU of every arm on test frames as an SVG string. */
export function ablationPlot(outcomes: readonly Outcome[]): string {
  const rows = armRows(outcomes).map(({ arm, scores: { miou } }) => {
    const mean = 100 * miou!.mean, half = Number.isNaN(miou!.half) ? 0 : 100 * miou!.half;
    return { arm, mean, low: mean - half, high: mean + half };
  });
  const runs = outcomes.filter(({ split }) => split === "test")
    .map(({ arm, miou }) => ({ arm, miou: 100 * miou }));
  const label = "mIoU on test frames: " +
    rows.map(({ arm, mean, high }) => `${arm} ${mean.toFixed(1)} ± ${(high - mean).toFixed(1)}`)
      .join(", ");
  return svg({
    width: 560,
    height: 50 + 24 * rows.length,
    marginLeft: 230,
    marginRight: 16,
    marginTop: 8,
    marginBottom: 36,
    x: { label: "mIoU, percent", grid: true, nice: true },
    y: { label: null, domain: rows.map(({ arm }) => arm), tickSize: 0 },
    marks: [
      Plot.ruleY(rows, { y: "arm", x1: "low", x2: "high", stroke: "currentColor" }),
      Plot.dot(runs, { x: "miou", y: "arm", r: 2.5, stroke: "currentColor", strokeOpacity: 0.5 }),
      Plot.dot(rows, { x: "mean", y: "arm", r: 4, fill: "currentColor" }),
    ],
  }, label);
}
