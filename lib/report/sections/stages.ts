/**
 * Training frames on their way through the stages: depth, regions, and mixed into one another.
 *
 * @module
 */

import { escape } from "@std/html";
import type { ReportData, StageExample } from "../data.ts";
import { note, type Section } from "../html.ts";
import { image } from "../images.ts";

/** Where the depth stage is done. */
export async function stagesSection({ stages }: ReportData): Promise<Section | undefined> {
  if (stages.length === 0) return undefined;
  const examples = await Promise.all(stages.map(strip));
  const html = note(
    "Training frames with their estimated depth (near is bright) and the coherent regions that it is cut " +
      "into. Mixed images are what the contrastive stage sees: regions of all frames pasted into each, then " +
      "cropped, perhaps mirrored, and varied in colour.",
  ) + examples.join("\n");
  return { id: "stages", title: "Stage by stage", html };
}

async function strip(example: StageExample): Promise<string> {
  const { name, frame, depth, regions, regionCount, mixed } = example;
  const pictures = [
    { picture: frame, caption: name, alternative: `Frame ${name}` },
    { picture: depth, caption: "depth", alternative: `Estimated depth of ${name}` },
    {
      picture: regions,
      caption: `${regionCount} regions`,
      alternative: `Depth regions of ${name}, ${regionCount} of them`,
    },
    ...(mixed
      ? [{ picture: mixed, caption: "mixed", alternative: `Mixed image onto ${name}` }]
      : []),
  ];
  const figures = await Promise.all(
    pictures.map(async ({ picture, caption, alternative }) =>
      `<figure>${await image(
        picture,
        "photo",
        alternative,
      )}<figcaption>${escape(caption)}</figcaption></figure>`
    ),
  );
  return `<div class="strip">${figures.join("\n")}</div>`;
}
