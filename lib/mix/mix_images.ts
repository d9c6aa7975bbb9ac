/**
 * Mixes M images into 2 M by pasting regions of all into all, in two rounds.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { Copy, MixedBatch } from "../records.ts";
import { Canvas } from "./canvas.ts";
import type { MixConfig } from "./config.ts";
import { drawPaste, type MixSource, pasteTransform, piecesOf } from "./paste.ts";
import { drawView, renderView, throughView } from "./view.ts";

const IDENTITY = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);

/**
 * The batch of one training step. In round one every piece is pasted `pastes[0]` times, in round two
 * `pastes[1]` times, dealt over the M canvases of the round in random order.
 *
 * @throws {ConfigError} when there is no source, or sources differ in size.
 */
export function mixImages(
  sources: readonly MixSource[],
  config: MixConfig,
  random: Random,
): MixedBatch {
  checkSources(sources);
  const [{ height, width }] = sources;
  const regionOffsets = new Int32Array(sources.length + 1);
  sources.forEach(({ regions }, i) =>
    regionOffsets[i + 1] = regionOffsets[i] + regions.regions.length
  );
  const count = 2 * sources.length;
  const images = new Float32Array(count * height * width * 3);
  const copyIds = new Int32Array(count * height * width),
    regionIds = new Int32Array(count * height * width);
  const copies: Copy[] = [];
  for (let round = 0; round < 2; round++) {
    const deals = dealPieces(sources, config, config.pastes[round], random);
    for (let target = 0; target < sources.length; target++) {
      const mixed = round * sources.length + target;
      const view = drawView(height, width, config, random);
      const onto = sources[target];
      const canvas = new Canvas(onto, copies.length, regionOffsets[target]);
      copies.push({ mixed, source: target, region: -1, transform: throughView(IDENTITY, view) });
      for (const piece of deals[target]) {
        const from = sources[piece.source];
        const paste = drawPaste(piece, from, onto, config, random);
        if (
          !canvas.paste(paste, from, copies.length, regionOffsets[piece.source], config, random)
        ) continue;
        const transform = throughView(pasteTransform(paste), view);
        copies.push({ mixed, source: piece.source, region: piece.region, transform });
      }
      renderView(canvas, view, mixed, images, copyIds, regionIds, config, random);
    }
  }
  return { count, height, width, images, copyIds, regionIds, copies, regionOffsets };
}

function checkSources(sources: readonly MixSource[]): void {
  if (sources.length === 0) {
    throw new ConfigError("Cannot mix images: expected at least one, got none");
  }
  const [{ height, width }] = sources;
  const odd = sources.find((source) => source.height !== height || source.width !== width);
  if (!odd) return;
  throw new ConfigError(
    `Cannot mix images: expected all to be ${height} x ${width}, got ${odd.height} x ${odd.width}`,
  );
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
