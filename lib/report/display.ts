/**
 * Records as things that a notebook shows by itself. Records stay plain data: `show` and its sisters wrap
 * them in a {@linkcode Shown}, which Jupyter displays where it is the last value of a cell, or is given to
 * `Deno.jupyter.display`. Anything else sees an object with one method.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding";
import { escape } from "@std/html";
import sharp from "sharp";
import { ConfigError } from "../errors.ts";
import type {
  DepthMap,
  Embedding,
  Frame,
  MixedBatch,
  RegionMap,
  SegmentationScore,
} from "../records.ts";
import { featurePictures } from "./feature_pictures.ts";
import {
  disparityPicture,
  enlarged,
  idPicture,
  mixedPicture,
  type Picture,
  sideBySide,
  stacked,
} from "./pictures.ts";
import { colour, themeVariables } from "./theme.ts";

/** One thing in the forms that a notebook chooses from, by MIME type. */
export interface MimeBundle {
  /** What terminals show. */
  readonly "text/plain": string;
  /** A PNG in base64. */
  readonly "image/png"?: string;
  /** A fragment of a page. */
  readonly "text/html"?: string;
}

/** The name of the method by which Deno's Jupyter kernel asks a value for its forms. */
export const JUPYTER_DISPLAY: unique symbol = Symbol.for("Jupyter.display");

/** What a notebook shows as a picture, a plot or a table. */
export class Shown {
  readonly #forms: () => Promise<MimeBundle>;

  /**
   * Wraps the forms of a thing.
   *
   * @param forms Asked each time that it is shown.
   */
  constructor(forms: () => Promise<MimeBundle>) {
    this.#forms = forms;
  }

  /** Its forms; Jupyter calls this. */
  async [JUPYTER_DISPLAY](): Promise<MimeBundle> {
    return await this.#forms();
  }
}

/** What {@linkcode show} takes. An embedding is shown by {@linkcode featurePictures}. */
export type Showable = Frame | DepthMap | RegionMap | MixedBatch | Embedding | Picture;

/** Of curves, in order. */
const CURVE_COLOURS = ["accent", "sky", "vegetation", "person", "light"] as const;

/** Pictures in a row. */
const PER_ROW = 4;

/** Small pictures are enlarged by the whole factor that brings a row nearest to this width, in pixels. */
const COLUMN = 960;

/**
 * Records as pictures beside one another, four in a row; a batch or an embedding is as many as it has images.
 * Disparity is bright where it is near and grey where it is none (NaN), regions have a colour each. For other pictures see
 * {@linkcode regionPicture}, {@linkcode labelPicture}, {@linkcode scalarPicture}.
 *
 * @example
 * ```ts
 * import { disparityPicture, show, streetScenes } from "@cpcdr/cpcdr";
 * const scenes = streetScenes({ seed: 0, split: "train", sequences: 1, framesPerSequence: 1 });
 * const frame = await scenes.read(0, { height: 64, width: 128 });
 * const disparity = frame.depth!.map((metres) => 1 / metres);
 * // In a notebook, the last value of a cell is shown.
 * show(frame, { height: 64, width: 128, disparity });
 * ```
 *
 * @throws {ConfigError} when there is nothing to show, a value is none of these records, or a
 * height does not divide that of the highest picture, to which all are enlarged.
 */
export function show(...records: readonly Showable[]): Shown {
  const views = records.map(viewOf);
  const pictures = views.flatMap((view) => view.pictures);
  if (pictures.length === 0) {
    throw new ConfigError("Cannot show nothing: expected a record, got none");
  }
  const sheet = sheetOf(pictures);
  return new Shown(async () => ({
    "image/png": encodeBase64(await encodePng(sheet)),
    "text/plain": views.map(({ text }) => text).join(" | "),
  }));
}

/**
 * Curves over training steps.
 *
 * @param metrics What each step reported, from step 0 on.
 * @param names Which of its numbers are drawn.
 * @example
 * ```ts
 * import { showCurves } from "@cpcdr/cpcdr";
 * showCurves([{ loss: 3 }, { loss: 2 }, { loss: 1.5 }], ["loss"]);
 * ```
 *
 * @throws {ConfigError} when there are no metrics, no names, or a name that the metrics lack.
 */
export function showCurves<Metrics extends Readonly<Record<string, number>>>(
  metrics: readonly Metrics[],
  names: readonly (keyof Metrics & string)[],
): Shown {
  const lacking = names.find((name) => metrics.some((line) => !(name in line)));
  if (metrics.length === 0 || names.length === 0 || lacking !== undefined) {
    const got = lacking === undefined
      ? `${metrics.length} steps and ${names.length} names`
      : `none called ${lacking}`;
    throw new ConfigError(
      `Cannot show curves: expected steps and names of their numbers, got ${got}`,
    );
  }
  return new Shown(async () => {
    // The plotting library takes a while to load, and most programs draw nothing.
    const { curvePlot } = await import("./plots.ts");
    const curves = names.map((name, i) => ({
      name,
      colour: colour(CURVE_COLOURS[i % CURVE_COLOURS.length]),
      points: metrics.map((line, step) => ({ step, value: line[name] })),
    }));
    const ends = names.map((name) =>
      `${name} ${round(metrics[0][name])} -> ${round(metrics[metrics.length - 1][name])}`
    );
    return {
      "text/html": themed(legend(curves) + curvePlot(curves, names.join(", "))),
      "text/plain": `${metrics.length} steps: ${ends.join(", ")}`,
    };
  });
}

/**
 * A segmentation's score: mIoU and accuracy above a bar for each class, all in percent. A class that occurs
 * in neither labels nor prediction has no bar.
 *
 * @param classes Names by id.
 * @example
 * ```ts
 * import { showScore } from "@cpcdr/cpcdr";
 * const score = { miou: 0.5, accuracy: 0.7, perClass: [0.8, 0.2], confusion: new Float64Array(4) };
 * showScore(score, ["road", "car"]);
 * ```
 *
 * @throws {ConfigError} when there are not as many names as classes were scored.
 */
export function showScore(score: SegmentationScore, classes: readonly string[]): Shown {
  const { miou, accuracy, perClass } = score;
  if (classes.length !== perClass.length) {
    throw new ConfigError(
      `Cannot show a score: expected ${perClass.length} class names, got ${classes.length}`,
    );
  }
  return new Shown(async () => {
    const { barPlot } = await import("./plots.ts");
    const bars = classes.map((name, id) => ({
      name,
      percent: 100 * perClass[id],
      colour: colour("accent"),
    }))
      .filter(({ percent }) => !Number.isNaN(percent));
    const head = `mIoU ${percentOf(miou)}, pixel accuracy ${percentOf(accuracy)}`;
    const lines = bars.map(({ name, percent }) => `${name} ${percent.toFixed(1)}%`);
    return {
      "text/html": themed(`<p>${escape(head)}</p>${barPlot(bars, "IoU, percent")}`),
      "text/plain": [head, ...lines].join("\n"),
    };
  });
}

/** Names beside their colours. */
function legend(curves: readonly { readonly name: string; readonly colour: string }[]): string {
  const entries = curves.map(({ name, colour }) =>
    `<span style="color: ${colour}">&#9632;</span> ${escape(name)}`
  );
  return `<p>${entries.join(" &ensp; ")}</p>`;
}

/** A part of a page that brings the report's colours along. */
function themed(html: string): string {
  return `<div style="${themeVariables()}">${html}</div>`;
}

/**
 * The bytes of a PNG file.
 *
 * @example
 * ```ts
 * import { disparityPicture, encodePng } from "@cpcdr/cpcdr";
 * const picture = disparityPicture({ height: 1, width: 2, disparity: Float32Array.of(0.1, 1) });
 * const png = await encodePng(picture);
 * console.log(png.length, "bytes");
 * ```
 */
export async function encodePng({ height, width, rgb }: Picture): Promise<Uint8Array> {
  return await sharp(rgb, { raw: { height, width, channels: 3 } }).png().toBuffer();
}

/** What is shown of one record, and what a terminal says of it. */
interface View {
  readonly pictures: readonly Picture[];
  readonly text: string;
}

/** Records are told apart by the arrays that only they have. */
function viewOf(record: Showable): View {
  if (typeof record !== "object" || record === null) {
    throw new ConfigError(
      `Cannot show a value: expected a record, got ${record}; await promises first`,
    );
  }
  if (Array.isArray(record)) {
    throw new ConfigError(
      `Cannot show a value: expected records one by one, got a list of ${record.length}; spread it, as in show(...maps)`,
    );
  }
  const size = `${record.width} x ${record.height}`;
  if ("copyIds" in record) {
    const pictures = Array.from({ length: record.count }, (_, i) => mixedPicture(record, i));
    return { pictures, text: `${record.count} mixed images ${size}` };
  }
  if ("channels" in record) {
    const { count, channels } = record;
    return { pictures: featurePictures(record), text: `features ${count} x ${size} x ${channels}` };
  }
  if ("regions" in record) {
    return { pictures: [idPicture(record)], text: `${record.regions.length} regions ${size}` };
  }
  // Some frames have disparities too.
  if ("rgb" in record) {
    const text = "name" in record ? `frame ${record.name} ${size}` : `picture ${size}`;
    return { pictures: [record], text };
  }
  if ("disparity" in record) {
    return { pictures: [disparityPicture(record)], text: `disparity ${size}` };
  }
  throw new ConfigError(
    `Cannot show a value: expected a frame, depth map, region map, mixed batch, embedding or picture, ` +
      `got ${Object.keys(record).join(", ") || "no fields"}`,
  );
}

/** All pictures on one, each as high as the highest. */
function sheetOf(pictures: readonly Picture[]): Picture {
  const height = Math.max(...pictures.map((picture) => picture.height));
  const equal = pictures.map((picture) => {
    if (height % picture.height === 0) return enlarged(picture, height / picture.height);
    throw new ConfigError(
      `Cannot show pictures together: expected heights that divide ${height}, got ${picture.height}`,
    );
  });
  const rows: Picture[] = [];
  for (let start = 0; start < equal.length; start += PER_ROW) {
    rows.push(sideBySide(equal.slice(start, start + PER_ROW)));
  }
  const sheet = stacked(rows);
  return enlarged(sheet, Math.max(1, Math.round(COLUMN / sheet.width)));
}

function percentOf(fraction: number): string {
  return `${(100 * fraction).toFixed(1)}%`;
}

function round(value: number): string {
  return String(Number(value.toPrecision(4)));
}
