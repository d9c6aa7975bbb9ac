/**
 * Plots as standalone SVG, drawn by Observable Plot on a server-side document. They are drawn in
 * `currentColor` and in CSS variables of the page, so that they follow its light or dark colours.
 *
 * @module
 */

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

/** One value of a curve. */
export interface CurvePoint {
  readonly step: number;
  readonly value: number;
}

/** A curve over training steps. */
export interface Curve {
  readonly name: string;
  /** CSS. */
  readonly colour: string;
  readonly points: readonly CurvePoint[];
}

/** A bar of a {@linkcode barPlot}. */
export interface Bar {
  readonly name: string;
  /** 0..100; NaN has no bar. */
  readonly percent: number;
  /** CSS. */
  readonly colour: string;
}

/** Settings of {@linkcode curvePlot}. */
export interface CurveOptions {
  /** A level to compare with, drawn as a dashed line. */
  readonly reference?: { readonly value: number; readonly name: string };
  /** Vertical axis; by default what the values span. */
  readonly domain?: readonly [number, number];
  /** Whether noisy curves get a running mean; true by default. */
  readonly smooth?: boolean;
}

/** Width of every plot: that of a phone's column, so that text is nowhere scaled down much. */
const WIDTH = 360;
const HEIGHT = 210;

/** Longer curves are thinned to about as many points. */
const MOST_POINTS = 300;

/** From as many points on, a curve is drawn faintly under its running mean. */
const SMOOTHED_FROM = 25;

/**
 * Curves over training steps as an SVG string.
 *
 * @param label says in words what the picture shows, for those who do not see it.
 */
export function curvePlot(
  curves: readonly Curve[],
  label: string,
  options: CurveOptions = {},
): string {
  const { reference, domain, smooth = true } = options;
  const marks = curves.flatMap((curve) => curveMarks(curve, smooth));
  if (reference) marks.unshift(...referenceMarks(reference));
  return svg({
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 52,
    marginRight: 14,
    marginTop: 16,
    marginBottom: 34,
    x: { label: "step", ticks: 5, nice: true },
    y: {
      label: null,
      grid: true,
      ticks: 5,
      nice: true,
      zero: false,
      ...(domain ? { domain: [...domain] } : {}),
      tickFormat: tickText,
    },
    marks,
  }, label);
}

function curveMarks({ name, colour, points }: Curve, smooth: boolean): Plot.Markish[] {
  const thinned = thin(points);
  const xy = { x: "step", y: "value", stroke: colour, strokeLinejoin: "round" } as const;
  const line = !smooth || thinned.length < SMOOTHED_FROM
    ? [Plot.line(thinned, { ...xy, strokeWidth: 2 })]
    : [
      Plot.line(thinned, { ...xy, strokeWidth: 1, strokeOpacity: 0.4 }),
      Plot.line(thinned, {
        ...Plot.windowY({ k: Math.ceil(thinned.length / 12), reduce: "mean" }, xy),
        strokeWidth: 2.2,
      }),
    ];
  // Nothing is seen of these dots; pointing at one shows its value.
  const values = Plot.dot(thinned, {
    x: "step",
    y: "value",
    r: 5,
    fill: "transparent",
    title: ({ step, value }: CurvePoint) => `${name} at step ${step}: ${value.toPrecision(4)}`,
  });
  const only = thinned.length === 1 ? [Plot.dot(thinned, { ...xy, fill: colour, r: 3 })] : [];
  return [...line, ...only, values];
}

function referenceMarks({ value, name }: { value: number; name: string }): Plot.Markish[] {
  return [
    Plot.ruleY([value], { stroke: "currentColor", strokeOpacity: 0.6, strokeDasharray: "3,4" }),
    Plot.text([name], {
      y: value,
      frameAnchor: "right",
      text: (text: string) => text,
      dy: -8,
      fillOpacity: 0.75,
    }),
  ];
}

/** Means of as many neighbours as it takes to come down to {@linkcode MOST_POINTS}. */
function thin(points: readonly CurvePoint[]): readonly CurvePoint[] {
  const size = Math.ceil(points.length / MOST_POINTS);
  if (size <= 1) return points;
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const part = points.slice(i * size, (i + 1) * size);
    return {
      step: part[part.length - 1].step,
      value: part.reduce((sum, { value }) => sum + value, 0) / part.length,
    };
  });
}

/** A bar per name as an SVG string. */
export function barPlot(bars: readonly Bar[], label: string): string {
  const known = bars.filter(({ percent }) => !Number.isNaN(percent));
  const longest = Math.max(...bars.map(({ name }) => name.length));
  const most = Math.max(1, ...known.map(({ percent }) => percent));
  return svg({
    width: WIDTH,
    height: 34 + 25 * bars.length,
    marginLeft: Math.min(170, 14 + 7.2 * longest),
    marginRight: 40,
    marginTop: 4,
    marginBottom: 30,
    x: { label: null, domain: [0, Math.min(100, 10 * Math.ceil(most / 10))], grid: true, ticks: 5 },
    y: { label: null, domain: bars.map(({ name }) => name), tickSize: 0, padding: 0.3 },
    marks: [
      Plot.barX(known, {
        x: "percent",
        y: "name",
        fill: "colour",
        rx: 2,
        stroke: "currentColor",
        strokeOpacity: 0.35,
        title: ({ name, percent }: Bar) => `${name}: ${percent.toFixed(1)}%`,
      }),
      Plot.text(bars, {
        x: ({ percent }: Bar) => percent || 0,
        y: "name",
        text: ({ percent }: Bar) => Number.isNaN(percent) ? "does not occur" : percent.toFixed(1),
        dx: 6,
        textAnchor: "start",
      }),
    ],
    color: { type: "identity" },
  }, label);
}

/** Short numbers for the vertical axis: 0.0012 as 0.0012, 1e-6 as 1e-6, 0.30000000000000004 as 0.3. */
function tickText(value: number): string {
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential().replace("+", "");
  return String(Number(value.toPrecision(6)));
}

/** A plot as an SVG string; `label` says in words what it shows. */
export function svg(options: Plot.PlotOptions, label: string): string {
  // linkedom's own types extend the browser's, which Deno does not know.
  const { document } = parseHTML(
    "<!doctype html><html><body></body></html>",
  ) as unknown as Required<Pick<Plot.PlotOptions, "document">>;
  const plot = Plot.plot({
    ...options,
    document,
    style: { fontSize: "11.5px", fontFamily: "inherit", background: "none", overflow: "visible" },
  });
  plot.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  // The picture is one image to a reader of the screen; names of its groups would have no meaning there.
  for (const group of plot.querySelectorAll("g[aria-label]")) group.removeAttribute("aria-label");
  plot.setAttribute("role", "img");
  plot.setAttribute("aria-label", label);
  return plot.outerHTML;
}
