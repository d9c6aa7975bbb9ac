/**
 * A run's report as one HTML file. A new section is a file in sections/ and a line in the list here.
 *
 * @module
 */

import { escape } from "@std/html";
import { type ReportData, type RunStatus, STAGE_NAMES } from "./data.ts";
import { page, type Section } from "./html.ts";
import { confusionSection } from "./sections/confusion.ts";
import { depthSection } from "./sections/depth.ts";
import { environmentSection } from "./sections/environment.ts";
import { prototypesSection } from "./sections/prototypes.ts";
import { repeatSection } from "./sections/repeat.ts";
import { resultSection } from "./sections/result.ts";
import { segmentationSection } from "./sections/segmentation.ts";
import { settingsSection } from "./sections/settings.ts";
import { stagesSection } from "./sections/stages.ts";
import { trainingSection } from "./sections/training.ts";

/** Makes a part of the report, or leaves it out where the run has nothing for it. */
type SectionMaker = (data: ReportData) => Section | undefined | Promise<Section | undefined>;

/** In the order of the page. */
const SECTIONS: readonly SectionMaker[] = [
  resultSection,
  segmentationSection,
  confusionSection,
  stagesSection,
  depthSection,
  trainingSection,
  prototypesSection,
  environmentSection,
  settingsSection,
  repeatSection,
];

/** The whole page. */
export async function report(data: ReportData): Promise<string> {
  const sections: Section[] = [];
  for (const make of SECTIONS) {
    const section = await make(data);
    if (section) sections.push(section);
  }
  const frame = {
    title: data.title,
    kicker: "cpcdr, a run's report",
    status: statusLine(data.status),
    foot: "Written by cpcdr. This file is complete: it needs no network and can be passed on.",
  };
  return page(frame, sections);
}

function statusLine({ stage, completed, steps, resume }: RunStatus): string {
  const text = resume
    ? `Interrupted in the ${STAGE_NAMES[stage]} stage at step ${completed} of ${steps}`
    : `Finished, ${completed} steps`;
  return `<p class="status${resume ? " stopped" : ""}">${escape(text)}</p>`;
}
