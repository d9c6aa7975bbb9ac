/**
 * From the plan of a batch to its pixels: in plain TypeScript, which is the definition, or by the native
 * library.
 *
 * @module
 */

import type { HotLibrary } from "../engine/native/hot.ts";
import { Canvas } from "./canvas.ts";
import { type ColourStep, MOST_COLOUR_STEPS } from "./colour.ts";
import type { MixConfig } from "./config.ts";
import type { MixSource, Paste } from "./paste.ts";
import { type Look, renderView, type View } from "./view.ts";

/** A paste and what is done to its colours. */
export interface PlannedPaste {
  readonly paste: Paste;
  readonly steps: readonly ColourStep[];
}

/** One mixed image before any pixel of it is made. */
export interface MixPlan {
  /** What lies behind the pastes. */
  readonly source: number;
  readonly pastes: readonly PlannedPaste[];
  readonly view: View;
  readonly look: Look;
}

/** The pixels of a batch, see {@linkcode MixedBatch}, and whether each paste of each image shows. */
export interface Composition {
  readonly images: Float32Array;
  readonly copyIds: Int32Array;
  readonly regionIds: Int32Array;
  readonly regionOffsets: Int32Array;
  readonly shown: readonly (readonly boolean[])[];
}

/** Composes one image after the other. */
export function composePlainly(
  sources: readonly MixSource[],
  plans: readonly MixPlan[],
  config: MixConfig,
): Composition {
  const { images, copyIds, regionIds, regionOffsets } = emptyBatch(sources, plans.length);
  let copies = 0;
  const shown = plans.map(({ source, pastes, view, look }, mixed) => {
    const canvas = new Canvas(sources[source], copies++, regionOffsets[source]);
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
  config: MixConfig,
  { symbols, check }: HotLibrary,
): Composition {
  const [{ height, width }] = sources;
  const { images, copyIds, regionIds, regionOffsets } = emptyBatch(sources, plans.length);
  const arrays = sources.map(({ rgb, depth, regions }) => [rgb, depth.disparity, regions.ids])
    .flat();
  const pointers = BigUint64Array.from(
    arrays,
    (array) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(array as Uint8Array<ArrayBuffer>)),
  );
  const pastes = Float64Array.from(
    plans.flatMap((plan, mixed) => plan.pastes.flatMap((planned) => pasteFields(planned, mixed))),
  );
  const views = Float64Array.from(plans.flatMap(viewFields));
  const pasteCount = plans.reduce((sum, plan) => sum + plan.pastes.length, 0);
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

function emptyBatch(sources: readonly MixSource[], count: number) {
  const [{ height, width }] = sources, pixels = count * height * width;
  const regionOffsets = new Int32Array(sources.length + 1);
  sources.forEach(({ regions }, i) =>
    regionOffsets[i + 1] = regionOffsets[i] + regions.regions.length
  );
  return {
    images: new Float32Array(3 * pixels),
    copyIds: new Int32Array(pixels),
    regionIds: new Int32Array(pixels),
    regionOffsets,
  };
}

/** Numbers of the steps in native/include/cpcdr.h; 0 is none. */
const STEP_NUMBERS = { brighten: 1, contrast: 2, saturate: 3, hue: 4 };

function stepFields(steps: readonly ColourStep[]): number[] {
  const fields = steps.flatMap(({ kind, amount }) => [STEP_NUMBERS[kind], amount]);
  return [...fields, ...new Array(2 * MOST_COLOUR_STEPS - fields.length).fill(0)];
}

function pasteFields({ paste, steps }: PlannedPaste, mixed: number): number[] {
  const { piece, top, left, height, width, scale, flip } = paste;
  return [
    mixed,
    piece.source,
    piece.region,
    piece.top,
    piece.left,
    piece.bottom,
    piece.right,
    top,
    left,
    height,
    width,
    scale,
    Number(flip),
    ...stepFields(steps),
  ];
}

function viewFields({ source, view, look }: MixPlan): number[] {
  const { scaleX, shiftX, scaleY, shiftY } = view;
  return [source, scaleX, shiftX, scaleY, shiftY, look.blur, ...stepFields(look.steps)];
}
