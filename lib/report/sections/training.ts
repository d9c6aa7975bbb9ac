/**
 * Losses and learning rates of both stages.
 *
 * @module
 */

import { escape } from "@std/html";
import type { ReportData } from "../data.ts";
import { legend, note, type Section } from "../html.ts";
import { type Curve, type CurveOptions, curvePlot } from "../plots.ts";
import { colour } from "../theme.ts";
import { curvesOf } from "../curves.ts";

/** A plot of the section. */
interface Panel {
  readonly title: string;
  readonly curves: readonly Curve[];
  readonly options?: CurveOptions;
}

/** Always there; says so where nothing was logged. */
export function trainingSection(data: ReportData): Section {
  const { metrics, prototypes, depthRun } = data;
  const chance = Math.log(prototypes);
  const panels: Panel[] = [
    {
      title: "Depth: loss",
      curves: curvesOf(metrics, "depth", { loss: ["photometric + smoothness", colour("sky")] }),
    },
    {
      title: "Depth: learning rate",
      curves: curvesOf(metrics, "depth", { learningRate: ["learning rate", colour("sky")] }),
      options: { smooth: false },
    },
    {
      title: "Contrast: loss, nats",
      curves: curvesOf(metrics, "pretrain", {
        pixelLoss: ["pixels", colour("vegetation")],
        regionLoss: ["regions", colour("light")],
        loss: ["weighted sum", colour("accent")],
      }),
      options: { reference: { value: chance, name: `log ${prototypes}: nothing told apart` } },
    },
    {
      title: "Contrast: learning rate",
      curves: curvesOf(metrics, "pretrain", { learningRate: ["learning rate", colour("accent")] }),
      options: { smooth: false },
    },
  ];
  const logged = panels.filter(({ curves }) => curves.length > 0);
  const html = [
    depthRun ? note(`The depth network was taken from ${depthRun}.`) : "",
    logged.length > 0
      ? `<div class="grid">${logged.map(panelFigure).join("\n")}</div>`
      : note("No step was logged yet."),
  ];
  return { id: "training", title: "Training", html: html.join("\n") };
}

/** A titled plot with its legend, and in words how each curve goes. */
export function panelFigure({ title, curves, options }: Panel): string {
  const words = curves.map(({ name, points }) => {
    const [first, last] = [points[0], points[points.length - 1]];
    return `${name} from ${first.value.toPrecision(3)} at step ${first.step} to ` +
      `${last.value.toPrecision(3)} at step ${last.step}`;
  });
  const plot = curvePlot(curves, `${title}: ${words.join("; ")}`, options);
  return `<figure class="plot"><h3>${escape(title)}</h3>${
    curves.length > 1 ? legend(curves) : ""
  }${plot}</figure>`;
}
