/**
 * Connected components here, in OpenCV (two values) and in scikit-image (many values), 1024 x 2048, of maps of
 * bytes on both sides; and of float maps here against scikit-image on int32. Of many values in cc3d too, where
 * there is a clone of its repository.
 *
 *     [CPCDR_CC3D=<folder of cc3d.hpp>] deno run -A bench/peers/labelling.ts [--rounds N]
 *
 * All sides label the same maps on the same threads (scikit-image and cc3d have one) and must count the same
 * components before anything is timed. Times are whole calls; labels go to an array that is there already,
 * in OpenCV too (scikit-image makes a new one).
 *
 * @module
 */
import { join } from "@std/path";
import { useDevice } from "../../lib/engine/device.ts";
import { DeviceError } from "../../lib/errors.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import { buildCc3d } from "./cc3d.ts";
import { connectedComponents } from "../../lib/regions/connected_components.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";
import { encodeSafetensors } from "../../lib/run/storage/safetensors.ts";
import {
  type Case,
  compared,
  inARow,
  Peer,
  roundsOption,
  runPeerBench,
  takeTurns,
  withFolder,
} from "./support.ts";

const HEIGHT = 1024, WIDTH = 2048;
const ROUNDS = 25;

interface Answer {
  readonly seconds: number;
  readonly count: number;
}

interface MapCase {
  readonly name: string;
  readonly map: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  readonly by: "opencv" | "skimage";
}

/** Noise on a grid of cells, interpolated: hills 0..1 as wide as two cells. */
function hills(random: Random, cell: number): Float32Array<ArrayBuffer> {
  const rows = HEIGHT / cell + 1, columns = WIDTH / cell + 1;
  const knots = Float32Array.from({ length: rows * columns }, () => random.uniform());
  const map = new Float32Array(HEIGHT * WIDTH);
  for (let y = 0, i = 0; y < HEIGHT; y++) {
    const row = Math.floor(y / cell), fy = y / cell - row;
    for (let x = 0; x < WIDTH; x++, i++) {
      const at = row * columns + Math.floor(x / cell), fx = (x % cell) / cell;
      const top = knots[at] * (1 - fx) + knots[at + 1] * fx;
      const bottom = knots[at + columns] * (1 - fx) + knots[at + columns + 1] * fx;
      map[i] = top * (1 - fy) + bottom * fy;
    }
  }
  return map;
}

function cases(random: Random): MapCase[] {
  const wide = hills(random, 128), narrow = hills(random, 16);
  const narrowLevels = Uint8Array.from(narrow, (v) => Math.floor(20 * v));
  const noise = (levels: number) =>
    Uint8Array.from({ length: HEIGHT * WIDTH }, () => random.integer(levels));
  return [
    {
      name: "binary blobs, 8-way",
      by: "opencv",
      map: Uint8Array.from(hills(random, 16), (v) => Number(v > 0.5)),
    },
    { name: "binary noise, 8-way", by: "opencv", map: noise(2) },
    {
      name: "20 levels of wide hills, 8-way",
      by: "skimage",
      map: Uint8Array.from(wide, (v) => Math.floor(20 * v)),
    },
    { name: "20 levels of narrow hills, 8-way", by: "skimage", map: narrowLevels },
    {
      name: "20 levels of narrow hills as floats, 8-way",
      by: "skimage",
      map: Float32Array.from(narrowLevels),
    },
    { name: "noise of 10 values, 8-way", by: "skimage", map: noise(10) },
  ];
}

function label({ map, by }: MapCase, labels: Int32Array<ArrayBuffer>): Answer {
  const started = performance.now();
  const background = by === "opencv" ? 0 : undefined;
  const { counts } = connectedComponents(map, [1, HEIGHT, WIDTH], {
    connectivity: 8,
    maxJump: 0,
    background,
    labels,
  });
  return { seconds: (performance.now() - started) / 1000, count: counts[0] };
}

/** Seconds that one thread takes to copy the map and to fill as many labels, into memory that is there already. */
function copy(map: MapCase["map"], target: MapCase["map"], labels: Int32Array): number {
  const started = performance.now();
  target.set(map);
  labels.fill(started);
  return (performance.now() - started) / 1000;
}

function secondsOf(run: () => void): number {
  const started = performance.now();
  run();
  return (performance.now() - started) / 1000;
}

/** Bytes travel as int32, and floats as such; the peer turns them back. */
function mapTensor(map: MapCase["map"]) {
  const shape = [HEIGHT, WIDTH];
  return map instanceof Uint8Array
    ? { dtype: "I32", shape, data: Int32Array.from(map) } as const
    : { dtype: "F32", shape, data: map } as const;
}

async function main(folder: string): Promise<Case[]> {
  const rounds = roundsOption(ROUNDS);
  const device = await useDevice("cpu");
  console.error(device.detail);
  const maps = cases(randomStream(1, "bench", "labelling"));
  const path = join(folder, "maps.safetensors");
  const tensors: StateDict = new Map(
    maps.map(({ name, map }) => [name, mapTensor(map)] as const),
  );
  await Deno.writeFile(path, encodeSafetensors({ tensors, metadata: {} }));
  await using peer = await Peer.start("labelling_peer.py", device.threads);
  const names = await peer.ask<Record<MapCase["by"], string>>({ do: "start", path });
  const built = await buildCc3d(folder);
  const results: Case[] = [];
  const labels = new Int32Array(HEIGHT * WIDTH), filled = new Int32Array(HEIGHT * WIDTH);
  for (const one of maps) {
    const ours = label(one, labels).count;
    const theirs = (await peer.ask<Answer>({ do: one.by, name: one.name })).count;
    if (ours !== theirs) {
      throw new DeviceError(
        `Cannot compare labellings of ${one.name}: expected the same count, got ${ours} here and ${theirs} there`,
      );
    }
    const target = one.map.slice();
    // To cc3d 0 is background.
    const shifted = one.map.map((value) => value + 1) as MapCase["map"];
    const cc3d = one.by === "skimage" ? built : undefined;
    const third = new Uint32Array(cc3d ? HEIGHT * WIDTH : 0);
    if (cc3d && cc3d(shifted, [HEIGHT, WIDTH], third) !== ours) {
      throw new DeviceError(`Cannot compare labellings of ${one.name}: cc3d counts others`);
    }
    const [own, peers, copied, cc3ds] = await takeTurns(rounds, [
      inARow(() => label(one, labels).seconds),
      inARow(async () => (await peer.ask<Answer>({ do: one.by, name: one.name })).seconds),
      inARow(() => copy(one.map, target, filled)),
      ...cc3d ? [inARow(() => secondsOf(() => cc3d(shifted, [HEIGHT, WIDTH], third)))] : [],
    ]);
    console.error(`${one.name}: ${ours} components, ${(copied / own).toFixed(2)} of copy speed`);
    results.push(compared(one.name, "s", own, peers, names[one.by]));
    if (cc3d) results.push(compared(`${one.name}, cc3d`, "s", own, cc3ds, "cc3d"));
  }
  return results;
}

if (import.meta.main) await runPeerBench(() => withFolder(main));
