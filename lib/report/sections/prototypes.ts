/**
 * Whether the prototypes are used: few in use, or entropy near 1, tell of collapse.
 *
 * @module
 */

import { curvesOf } from "../curves.ts";
import type { ReportData } from "../data.ts";
import { note, type Section } from "../html.ts";
import { colour } from "../theme.ts";
import { panelFigure } from "./training.ts";

/** Where the contrastive stage has logged a step. */
export function prototypesSection({ metrics, prototypes }: ReportData): Section | undefined {
  const used = curvesOf(metrics, "pretrain", {
    prototypesUsed: ["prototypes in use", colour("accent")],
  });
  const entropy = curvesOf(metrics, "pretrain", {
    assignmentEntropy: ["entropy", colour("vegetation")],
  });
  const panels = [
    {
      title: `In use, of ${prototypes}`,
      curves: used,
      options: { domain: [0, prototypes] as const },
    },
    {
      title: "Entropy of assignments, of log K",
      curves: entropy,
      options: { domain: [0, 1] as const },
    },
  ].filter(({ curves }) => curves.length > 0);
  if (panels.length === 0) return undefined;
  const html = note(
    "A prototype is in use where it is the nearest of a sample of the step. Entropy 0 assigns each sample to " +
      "one prototype, 1 to all alike, which tells of collapse as few prototypes in use do.",
  ) + `<div class="grid">${panels.map(panelFigure).join("\n")}</div>`;
  return { id: "prototypes", title: "Prototypes", html };
}
