/**
 * The pictures of a run's report.
 *
 * @module
 */

import { mixImages } from "../mix/mix_images.ts";
import type { MixSource } from "../mix/paste.ts";
import type { Pretrainer } from "../pretrain/pretrainer.ts";
import { randomStream } from "../random.ts";
import type { Frame } from "../records.ts";
import type { LegendEntry, SegmentationExample, StageExample } from "../report/data.ts";
import { classColours, css } from "../report/palette.ts";
import {
  disparityPicture,
  framePicture,
  labelPicture,
  mistakePicture,
  mixedPicture,
  regionPicture,
} from "../report/pictures.ts";
import { segment, unlabelledGroups } from "./evaluate_stage.ts";
import type { LoadedDataset } from "./inputs.ts";
import type { RunConfig } from "./storage/run_folder.ts";

/** Segmentations and the meaning of their colours. */
export interface SegmentationPictures {
  readonly segmentations: readonly SegmentationExample[];
  readonly legend: readonly LegendEntry[];
}

/** Training frames that are shown. */
const EXAMPLES = 6;

/** Training frames from all over the set with their depth, regions and a mixed image. */
export function stageExamples(
  sources: readonly MixSource[],
  frames: readonly Frame[],
  { settings, seed }: RunConfig,
): StageExample[] {
  const chosen = spread(sources.length, EXAMPLES);
  if (chosen.length === 0) return [];
  const batch = mixImages(
    chosen.map((i) => sources[i]),
    settings.mix,
    randomStream(seed, "report", "mix"),
  );
  // The second round, with its many pastes, comes after one mixed image a source.
  const mixedOnto = (k: number) => batch.count - chosen.length + k;
  return chosen.map((i, k) => {
    const { depth, regions } = sources[i];
    return {
      name: frames[i].name,
      frame: framePicture(frames[i]),
      depth: disparityPicture(depth),
      regions: regionPicture(regions, frames[i]),
      regionCount: regions.regions.length,
      mixed: mixedPicture(batch, mixedOnto(k)),
    };
  });
}

/** Test frames with the classes predicted for them, in the classes' colours. */
export function labelledSegmentations(
  { dataset, frames }: LoadedDataset,
  predictions: readonly Int32Array[],
): SegmentationPictures {
  const colours = classColours(dataset.classes);
  const segmentations = predictions.map((predicted, i) => {
    const frame = frames[i];
    const { name, height, width, labels } = frame;
    return {
      name,
      frame: framePicture(frame),
      predicted: labelPicture(predicted, height, width, colours),
      ...(labels && {
        labels: labelPicture(labels, height, width, colours),
        mistakes: mistakePicture(predicted, frame, labels, dataset.ignore, colours),
      }),
    };
  });
  const legend = dataset.classes.map((name, id) => ({ name, colour: css(colours[id]) }));
  return { segmentations, legend };
}

/** Frames with the groups of their nearest prototypes, for data without labels. */
export async function groupedSegmentations(
  pretrainer: Pretrainer,
  frames: readonly Frame[],
): Promise<SegmentationPictures> {
  const { groupOf, colours } = await unlabelledGroups(pretrainer, frames);
  const segmentations: SegmentationExample[] = [];
  for (const i of spread(frames.length, EXAMPLES)) {
    const frame = frames[i];
    const [ids] = await segment(pretrainer, [frame], groupOf);
    segmentations.push({
      name: frame.name,
      frame: framePicture(frame),
      predicted: labelPicture(ids, frame.height, frame.width, colours),
    });
  }
  const legend = colours.map((colour, id) => ({ name: `group ${id + 1}`, colour: css(colour) }));
  return { segmentations, legend };
}

/** Up to `most` indices of `count`, evenly spread from the first on. */
function spread(count: number, most: number): number[] {
  const taken = Math.min(count, most);
  return Array.from({ length: taken }, (_, k) => Math.floor(k * count / taken));
}
