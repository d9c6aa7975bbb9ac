/**
 * Frames with their nearest-prototype segmentation, parted by a slider.
 *
 * @module
 */

import { escape } from "@std/html";
import type { ReportData, SegmentationExample } from "../data.ts";
import { legend, note, type Section } from "../html.ts";
import { image } from "../images.ts";

/** What can lie over a frame, and what it is called. */
const LAYERS = { predicted: "segmentation", labels: "labels", mistakes: "mistakes" } as const;

/** Where features were trained. */
export async function segmentationSection(data: ReportData): Promise<Section | undefined> {
  const { segmentations, scores } = data;
  if (segmentations.length === 0) return undefined;
  const [first] = segmentations;
  const layers = (Object.keys(LAYERS) as (keyof typeof LAYERS)[]).filter((name) => first[name]);
  const text = scores
    ? "Each pixel takes the class that stands for its nearest prototype."
    : "Each pixel takes the group of its nearest prototype. Groups come from the features alone, and their " +
      "colours mean nothing but that.";
  const figures = await Promise.all(segmentations.map(compare));
  const html = note(`${text} Drag the line over a frame, or use the arrow keys.`) +
    (layers.length > 1 ? choice(layers) : "") + legend(data.legend) +
    `<div class="stack">${figures.join("\n")}</div>`;
  return {
    id: "segmentation",
    title: "Segmentation",
    html: `<div data-layer="predicted">${html}</div>`,
  };
}

function choice(layers: readonly (keyof typeof LAYERS)[]): string {
  const options = layers.map((name, i) =>
    `<span><input type="radio" name="layer" id="layer-${name}" value="${name}"${
      i === 0 ? " checked" : ""
    }><label for="layer-${name}">${LAYERS[name]}</label></span>`
  );
  return `<fieldset class="choice"><legend>Over the frames</legend>${options.join("")}</fieldset>`;
}

async function compare(example: SegmentationExample): Promise<string> {
  const { name, frame, predicted, labels, mistakes } = example;
  const over = await Promise.all([
    image(predicted, "flat", `Segmentation of ${name}`, "over predicted"),
    labels ? image(labels, "flat", `Labels of ${name}`, "over labels") : "",
    mistakes
      ? image(mistakes, "photo", `Mistakes in ${name}, in the colours predicted`, "over mistakes")
      : "",
  ]);
  return `<figure class="compare"><div class="stage">${await image(frame, "photo", `Frame ${name}`)}
${over.join("\n")}
<span class="grip" aria-hidden="true">&#8596;</span>
<input type="range" min="0" max="100" value="50" step="2" aria-label="Line between the frame and what ` +
    `lies over it, ${escape(name)}"></div>
<figcaption>${escape(name)}</figcaption></figure>`;
}
