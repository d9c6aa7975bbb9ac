/**
 * From the plan of a batch to its pixels: in plain TypeScript, which is the definition, or by the native
 * library.
 *
 * @module
 */

import type { HotLibrary } from "../engine/native/hot.ts";
import { checkArray } from "../checks.ts";
import type { MixedBatch } from "../records.ts";
import { Canvas } from "./canvas.ts";
import { type ColourStep, MOST_COLOUR_STEPS } from "./colour.ts";
import type { PasteRules } from "./config.ts";
import type { MixSource, Paste } from "./paste.ts";
import { type Look, reachOf, renderView, type View } from "./view.ts";

/** A paste and what is done to its colours. */
export interface PlannedPaste {
  /** Where and how large. */
  readonly paste: Paste;
  /** In order. */
  readonly steps: readonly ColourStep[];
}

/** One mixed image before any pixel of it is made. */
export interface MixPlan {
  /** What lies behind the pastes. */
  readonly source: number;
  /** In the order in which they are pasted. */
  readonly pastes: readonly PlannedPaste[];
  /** How all of it is zoomed, cropped and mirrored. */
  readonly view: View;
  /** What is done to its colours. */
  readonly look: Look;
}

/** The pixels of a batch, see {@linkcode MixedBatch}. */
export type BatchArrays = Pick<MixedBatch, "images" | "copyIds" | "regionIds">;

/** What is in a batch, and of each paste of each image whether it wins a pixel within its view's reach. */
export interface Composition extends BatchArrays {
  readonly regionOffsets: Int32Array;
  readonly shown: readonly (readonly boolean[])[];
}

/** Composes one image after the other. */
export function composePlainly(
  sources: readonly MixSource[],
  plans: readonly MixPlan[],
  config: PasteRules,
  into?: BatchArrays,
): Composition {
  const { images, copyIds, regionIds, regionOffsets } = batchArrays(sources, plans.length, into);
  let copies = 0;
  const shown = plans.map(({ source, pastes, view, look }, mixed) => {
    const reach = reachOf(view, sources[source]);
    const canvas = new Canvas(sources[source], copies++, regionOffsets[source], reach);
    const shows = pastes.map(({ paste, steps }) => {
      const from = paste.piece.source;
      const any = canvas.paste(paste, sources[from], copies, regionOffsets[from], steps, config);
      if (any) copies++;
      return any;
    });
    renderView(canvas, view, mixed, images, copyIds, regionIds, look);
    return shows;
  });
  return { images, copyIds, regionIds, regionOffsets, shown };
}

/** Composes all images in one call, see cpcdr_composite() in native/include/cpcdr.h. */
export function composeNatively(
  sources: readonly MixSource[],
  plans: readonly MixPlan[],
  config: PasteRules,
  { symbols, check }: HotLibrary,
  into?: BatchArrays,
): Composition {
  const [{ height, width }] = sources;
  const { images, copyIds, regionIds, regionOffsets } = batchArrays(sources, plans.length, into);
  const arrays = sources.map(({ rgb, depth, regions }) => [rgb, depth.disparity, regions.ids])
    .flat();
  const pointers = BigUint64Array.from(
    arrays,
    (array) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(array as Uint8Array<ArrayBuffer>)),
  );
  const pasteCount = plans.reduce((sum, plan) => sum + plan.pastes.length, 0);
  const pastes = new Float64Array(pasteCount * PASTE_FIELDS);
  const views = new Float64Array(plans.length * VIEW_FIELDS);
  let paste = 0;
  plans.forEach((plan, mixed) => {
    for (const planned of plan.pastes) {
      writePaste(planned, mixed, pastes.subarray(PASTE_FIELDS * paste++));
    }
    writeView(plan, views.subarray(VIEW_FIELDS * mixed));
  });
  const copyOf = new Int32Array(pasteCount);
  const sizes = Int32Array.of(
    sources.length,
    height,
    width,
    plans.length,
    pasteCount,
    Number(config.depthTest),
    Number(config.groundDistance),
  );
  check(symbols.cpcdr_composite(
    pointers,
    regionOffsets,
    pastes,
    views,
    images,
    copyIds,
    regionIds,
    copyOf,
    sizes,
  ));
  let next = 0;
  const shown = plans.map((plan) => plan.pastes.map(() => copyOf[next++] >= 0));
  return { images, copyIds, regionIds, regionOffsets, shown };
}

/** Every pixel of them is written. Arrays of a batch of another size are left alone, and new ones made. */
function batchArrays(sources: readonly MixSource[], count: number, into?: BatchArrays) {
  const [{ height, width }] = sources, pixels = count * height * width;
  const regionOffsets = regionOffsetsOf(sources);
  if (into) {
    const { images, copyIds, regionIds } = into, old = copyIds.length;
    checkArray("mix into a batch", "images", images, Float32Array, 3 * old);
    checkArray("mix into a batch", "copyIds", copyIds, Int32Array, old);
    checkArray("mix into a batch", "regionIds", regionIds, Int32Array, old);
    if (old === pixels) return { images, copyIds, regionIds, regionOffsets };
  }
  return {
    images: new Float32Array(3 * pixels),
    copyIds: new Int32Array(pixels),
    regionIds: new Int32Array(pixels),
    regionOffsets,
  };
}

/** `[M+1]` the first id of each source's regions in a batch, and the number of all. */
export function regionOffsetsOf(sources: readonly MixSource[]): Int32Array<ArrayBuffer> {
  const offsets = new Int32Array(sources.length + 1);
  sources.forEach(({ regions }, i) => offsets[i + 1] = offsets[i] + regions.regions.length);
  return offsets;
}

/** Numbers of the steps in native/include/cpcdr.h; 0 is none. */
const STEP_NUMBERS = { brighten: 1, contrast: 2, saturate: 3, hue: 4 };

/** Numbers of a paste and of a view before their steps, and with them, in native/include/cpcdr.h. */
const PASTE_STEPS = 13, VIEW_STEPS = 6;
const PASTE_FIELDS = PASTE_STEPS + 2 * MOST_COLOUR_STEPS;
const VIEW_FIELDS = VIEW_STEPS + 2 * MOST_COLOUR_STEPS;

/** What is not written stays 0, which is no step. */
function writeSteps(steps: readonly ColourStep[], fields: Float64Array, at: number): void {
  for (const { kind, amount } of steps) {
    fields[at++] = STEP_NUMBERS[kind];
    fields[at++] = amount;
  }
}

function writePaste({ paste, steps }: PlannedPaste, mixed: number, fields: Float64Array): void {
  const { piece } = paste;
  fields[0] = mixed;
  fields[1] = piece.source;
  fields[2] = piece.region;
  fields[3] = piece.top;
  fields[4] = piece.left;
  fields[5] = piece.bottom;
  fields[6] = piece.right;
  fields[7] = paste.top;
  fields[8] = paste.left;
  fields[9] = paste.height;
  fields[10] = paste.width;
  fields[11] = paste.scale;
  fields[12] = Number(paste.flip);
  writeSteps(steps, fields, PASTE_STEPS);
}

function writeView({ source, view, look }: MixPlan, fields: Float64Array): void {
  fields[0] = source;
  fields[1] = view.scaleX;
  fields[2] = view.shiftX;
  fields[3] = view.scaleY;
  fields[4] = view.shiftY;
  fields[5] = look.blur;
  writeSteps(look.steps, fields, VIEW_STEPS);
}
