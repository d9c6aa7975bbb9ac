/**
 * Plots as standalone SVG, drawn by Observable Plot on a server-side document.
 *
 * @module
 */

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

/** One value of one curve. */
export interface CurvePoint {
  readonly step: number;
  readonly value: number;
  readonly curve: string;
}

/** Curves over training steps as an SVG string; `label` names the vertical axis. */
export function curvePlot(points: readonly CurvePoint[], label: string): string {
  return svg({
    width: 560,
    height: 240,
    marginLeft: 50,
    color: { legend: false, scheme: "Observable10" },
    x: { label: "step" },
    y: { label, grid: true, zero: false },
    marks: [
      Plot.lineY(points, { x: "step", y: "value", stroke: "curve" }),
      Plot.text(
        points,
        Plot.selectLast({ x: "step", y: "value", z: "curve", text: "curve", dy: -8, dx: -18 }),
      ),
    ],
  });
}

/** A bar per name as an SVG string, values are percentages 0..100. */
export function barPlot(bars: readonly { name: string; percent: number }[], label: string): string {
  return svg({
    width: 560,
    height: 30 + 22 * bars.length,
    marginLeft: 110,
    x: { label, domain: [0, 100], grid: true },
    y: { label: null, domain: bars.map((bar) => bar.name) },
    marks: [
      Plot.barX(bars, { x: "percent", y: "name", fill: "#4c78a8" }),
      Plot.text(bars, {
        x: "percent",
        y: "name",
        text: (bar: { percent: number }) => bar.percent.toFixed(1),
        dx: 4,
        textAnchor: "start",
      }),
    ],
  });
}

function svg(options: Plot.PlotOptions): string {
  // linkedom's own types extend the browser's, which Deno does not know.
  const { document } = parseHTML(
    "<!doctype html><html><body></body></html>",
  ) as unknown as Required<Pick<Plot.PlotOptions, "document">>;
  const plot = Plot.plot({ ...options, document });
  plot.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return plot.outerHTML;
}
