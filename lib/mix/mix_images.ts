/**
 * Mixes M images into 2 M by pasting regions of all into all, in two rounds.
 *
 * @module
 */

import { type HotLibrary, hotLibrary } from "../engine/native/hot.ts";
import { ConfigError, DataError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { Copy, MixedBatch } from "../records.ts";
import { windowOf } from "./canvas.ts";
import { drawColours } from "./colour.ts";
import {
  type BatchArrays,
  composeNatively,
  composePlainly,
  type MixPlan,
  type PlannedPaste,
} from "./compose.ts";
import { checkMixConfig, type MixConfig, type PasteRules } from "./config.ts";
import { checkCut, pasteSources, withLossRegions } from "./loss_regions.ts";
import { checkSource, drawPaste, type MixSource, pasteTransform, piecesOf } from "./paste.ts";
import { drawLook, drawView, throughView } from "./view.ts";

const IDENTITY = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);

/**
 * The batch of one training step. In round one every piece is pasted `pastes[0]` times, in round two
 * `pastes[1]` times, dealt over the M canvases of the round in random order.
 *
 * @example
 * ```ts
 * import { depthRegions, mixImages, mixSource, randomStream, readFrames } from "@cpcdr/cpcdr";
 * import { streetScenes, tinyMixConfig } from "@cpcdr/cpcdr";
 * import { assertEquals } from "@std/assert";
 * const scenes = streetScenes({ seed: 0, split: "train", sequences: 2, framesPerSequence: 1 });
 * const size = { height: 64, width: 128 };
 * const frames = await Array.fromAsync(readFrames(scenes, scenes.frames.keys(), size));
 * const sources = frames.map((frame) => {
 *   const depth = { ...size, disparity: frame.depth!.map((metres) => 1 / metres) };
 *   return mixSource(frame, depth, depthRegions(depth, frame.intrinsics!));
 * });
 * const batch = mixImages(sources, tinyMixConfig, randomStream(0, "example"));
 * assertEquals(batch.images.length, 2 * sources.length * 64 * 128 * 3);
 * ```
 *
 * @param library composes on all cores; null: plain TypeScript, whose colours agree within a step of 8
 * bits and whose ids are the same. By default the library that ships for this platform.
 * @param into a batch that nobody needs any more: where sizes agree, the new one takes over the arrays of its
 * pixels; a batch of another size is left alone. New arrays of a large batch take longer to make than a GPU takes to fill them.
 * @throws {ConfigError} when there is no source, sources differ in size, or a setting is out of its range or asks
 * for shapes or regions that sources do not have.
 * @throws {DataError} when an array of a source or of `into` is not of the type and length that go with its size.
 */
export function mixImages(
  sources: readonly MixSource[],
  config: MixConfig,
  random: Random,
  library: HotLibrary | null = hotLibrary() ?? null,
  into?: BatchArrays,
): MixedBatch {
  checkMixConfig(config);
  checkSources(sources);
  sources.forEach((source, i) => checkCut(source, i, config));
  return compose(sources, drawPlans(pasteSources(sources), config, random), config, library, into);
}

/**
 * Pastes pieces of images into images by plans of your own: in order, with the depth test, softened masks, colours,
 * and each image's view at the end. {@linkcode mixImages} draws the plans, too.
 *
 * @example
 * ```ts
 * import { compositePastes, type MixPlan, type MixSource, tinyMixConfig } from "@cpcdr/cpcdr";
 * import { assertEquals } from "@std/assert";
 * // Two frames of one region each, the second nearer.
 * const size = { height: 32, width: 64 }, pixels = 32 * 64;
 * const source = (disparity: number): MixSource => ({
 *   ...size,
 *   rgb: new Uint8Array(3 * pixels).fill(255 * disparity),
 *   depth: { ...size, disparity: new Float32Array(pixels).fill(disparity) },
 *   regions: {
 *     ...size,
 *     ids: new Int32Array(pixels),
 *     regions: [{ area: pixels, top: 0, left: 0, bottom: 32, right: 64, disparity }],
 *   },
 *   horizon: 15.5,
 * });
 * const piece = { source: 1, region: 0, top: 0, left: 0, bottom: 32, right: 64 };
 * const paste = { piece, scale: 0.5, flip: false, top: 8, left: 4, height: 16, width: 32 };
 * const plan: MixPlan = {
 *   source: 0,
 *   pastes: [{ paste, steps: [] }],
 *   view: { scaleX: 1, shiftX: 0, scaleY: 1, shiftY: 0 },
 *   look: { steps: [], blur: 0 },
 * };
 * const config = { ...tinyMixConfig, groundDistance: false };
 * const { copyIds, copies } = compositePastes([source(0.2), source(0.6)], [plan], config);
 * assertEquals([copies.length, copyIds.filter((copy) => copy === 1).length], [2, 16 * 32]);
 * ```
 *
 * @param plans One a mixed image.
 * @param config Says whether a pixel wins only where it is nearer, and whether pastes that move along the ground change
 * their disparities.
 * @param library as for {@linkcode mixImages}.
 * @param into as for {@linkcode mixImages}.
 * @throws {ConfigError} when there is no source, or sources differ in size.
 * @throws {DataError} when an array is not of the type and length that go with its size, or a plan names a source or
 * region that is not there.
 */
export function compositePastes(
  sources: readonly MixSource[],
  plans: readonly MixPlan[],
  config: PasteRules,
  library: HotLibrary | null = hotLibrary() ?? null,
  into?: BatchArrays,
): MixedBatch {
  checkSources(sources);
  const pasted = pasteSources(sources);
  plans.forEach((plan, mixed) => checkPlan(plan, mixed, pasted));
  return compose(sources, plans, config, library, into);
}

/** @throws {DataError} when the plan names what is not there. */
function checkPlan({ source, pastes }: MixPlan, mixed: number, sources: readonly MixSource[]) {
  const require = (index: number, least: number, count: number, what: string) => {
    if (Number.isInteger(index) && index >= least && index < count) return;
    throw new DataError(
      `Cannot compose mixed image ${mixed}: expected ${what} ${least} to ${
        count - 1
      }, got ${index}`,
    );
  };
  require(source, 0, sources.length, "a source");
  for (const { paste: { piece } } of pastes) {
    require(piece.source, 0, sources.length, "a piece of source");
    require(piece.region, -1, sources[piece.source].regions.regions.length, "region");
  }
}

function compose(
  sources: readonly MixSource[],
  plans: readonly MixPlan[],
  config: PasteRules,
  library: HotLibrary | null,
  into?: BatchArrays,
): MixedBatch {
  const pasted = pasteSources(sources);
  const composition = library
    ? composeNatively(pasted, plans, config, library, into)
    : composePlainly(pasted, plans, config, into);
  const { images, copyIds, regionIds, shown, regionOffsets } =
    sources.some(({ shapes }) => shapes !== undefined)
      ? withLossRegions(composition, plans, sources)
      : composition;
  const copies: Copy[] = [];
  plans.forEach(({ source, view, pastes }, mixed) => {
    copies.push({ mixed, source, region: -1, transform: throughView(IDENTITY, view) });
    pastes.forEach(({ paste }, i) => {
      if (!shown[mixed][i]) return;
      const { source, region } = paste.piece;
      const transform = throughView(pasteTransform(paste), view);
      copies.push({ mixed, source, region, transform });
    });
  });
  const [{ height, width }] = sources, count = plans.length;
  return { count, height, width, images, copyIds, regionIds, copies, regionOffsets };
}

/** Draws everything that is random about the batch, one mixed image after the other. */
function drawPlans(sources: readonly MixSource[], config: MixConfig, random: Random): MixPlan[] {
  return config.pastes.flatMap((times) => {
    const deals = dealPieces(sources, config, times, random);
    return sources.map((onto, source): MixPlan => {
      const view = drawView(onto.height, onto.width, config, random);
      const pastes = deals[source].map((piece): PlannedPaste => {
        const paste = drawPaste(piece, sources[piece.source], onto, config, random);
        const { y0, y1, x0, x1 } = windowOf(paste, onto);
        const visible = y0 < y1 && x0 < x1;
        return { paste, steps: visible ? drawColours(config.pasteColour, random) : [] };
      });
      return { source, view, pastes, look: drawLook(config, random) };
    });
  });
}

function checkSources(sources: readonly MixSource[]): void {
  if (sources.length === 0) {
    throw new ConfigError("Cannot mix images: expected at least one, got none");
  }
  const [{ height, width }] = sources;
  const odd = sources.find((source) => source.height !== height || source.width !== width);
  if (odd) {
    throw new ConfigError(
      `Cannot mix images: expected all to be ${height} x ${width}, got ${odd.height} x ${odd.width}`,
    );
  }
  sources.forEach((source, i) => checkSource(source, `source ${i}`));
}

/** The pieces that each canvas of a round gets. */
function dealPieces(
  sources: readonly MixSource[],
  config: MixConfig,
  times: number,
  random: Random,
) {
  const deals: ReturnType<typeof piecesOf>[] = sources.map(() => []);
  if (config.paste === "none") return deals;
  const pieces = sources.flatMap((source, index) => piecesOf(source, index, config, random));
  const all = random.shuffle(Array.from({ length: times }, () => pieces).flat());
  all.forEach((piece, i) => deals[i % sources.length].push(piece));
  return deals;
}
