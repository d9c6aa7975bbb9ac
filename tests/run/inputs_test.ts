import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { openDataset } from "../../lib/data/open.ts";
import { ConfigError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import type { Frame } from "../../lib/records.ts";
import {
  cameraOf,
  depthTargets,
  heldOutFrames,
  intrinsicsFor,
  openInputs,
  uniqueNames,
} from "../../lib/run/inputs.ts";
import { PRESETS } from "../../lib/run/presets.ts";
import type { Session } from "../../lib/run/session.ts";
import { depthBatch, mixSource, stackTargets } from "../../lib/run/stage_inputs.ts";
import { inTemporary, saveGrey, saveNoisyVideo, saveText } from "../data/files.ts";

const random = randomStream(Date.now(), "inputs");
const { tiny } = PRESETS;
const progress = { update: () => {} } as unknown as Session["progress"];

/** Frames of videos of these lengths. */
function videos(...lengths: number[]): Frame[] {
  return lengths.flatMap((length, video) =>
    Array.from({ length }, (_, i) => ({
      name: `${video}/${i}`,
      sequence: `${video}`,
      height: 1,
      width: 1,
      rgb: new Uint8Array(3),
    }))
  );
}

Deno.test("depthTargets() takes frames between two others, or every frame of a long enough video", () => {
  const frames = videos(3, 2, 4);
  assertEquals(depthTargets(frames, false), [
    { target: 1, offsets: [-1, 1] },
    { target: 6, offsets: [-1, 1] },
    { target: 7, offsets: [-1, 1] },
  ]);
  assertEquals(depthTargets(frames, true), [
    { target: 0, offsets: [1, 2] },
    { target: 1, offsets: [-1, 1] },
    { target: 2, offsets: [-1, -2] },
    { target: 5, offsets: [1, 2] },
    { target: 6, offsets: [-1, 1] },
    { target: 7, offsets: [-1, 1] },
    { target: 8, offsets: [-1, -2] },
  ]);
});

Deno.test("depthTargets() refuses data without three frames in a row", () => {
  assertThrows(() => depthTargets(videos(2, 1, 2), true), ConfigError, "three frames in a row");
});

Deno.test("depthTargets() never spans two datasets whose videos have one name", () =>
  inTemporary(async (folder) => {
    const paths = ["monday", "tuesday"].map((name) => join(folder, name));
    for (const path of paths) await saveNoisyVideo(path, random, 2);
    const inputs = await openInputs(paths, { settings: tiny }, folder);
    const loaded = await Promise.all(inputs.map((input) => input.load({ progress } as Session)));
    const frames = loaded.flatMap((data) => data.frames);
    assertEquals(new Set(frames.map(({ sequence }) => sequence)).size, 2);
    assertThrows(() => depthTargets(frames, true), ConfigError, "three frames in a row");
  }));

Deno.test("intrinsicsFor() gives a camera of square pixels, whatever size it is read at", () =>
  inTemporary(async (folder) => {
    const width = 32 + random.integer(64), height = 32 + random.integer(64);
    await saveNoisyVideo(folder, random, 1, { height, width });
    const frame = await (await openDataset(folder)).read(0, { height: 64, width: 128 });
    const { fx, fy, cx, cy } = intrinsicsFor(frame);
    assertAlmostEquals(fx * width, fy * height, 1e-9);
    assertEquals([cx, cy], [0.5, 0.5]);
  }));

Deno.test("cameraOf() leaves other data's cameras as they are", () => {
  const intrinsics = { fx: random.uniform(0.5, 1), fy: 1, cx: 0.5, cy: 0.5 };
  const config = { data: ["own"], intrinsics };
  assertEquals(cameraOf(config, "own").intrinsics, intrinsics);
  assertEquals(cameraOf(config, "other").intrinsics, undefined);
});

Deno.test("heldOutFrames() are those of another split, where it has labels", () =>
  inTemporary(async (folder) => {
    const description = JSON.stringify({ classes: ["road"], ignore: 255 });
    const save = async (split: string, frames: number, label: number) => {
      const path = join(folder, split);
      await saveNoisyVideo(path, random, frames, { height: 4, width: 8 });
      for (let k = 0; k < frames; k++) {
        const labels = new Uint8Array(32).fill(label);
        await saveGrey(join(path, `labels/${k}.png`), labels, 4, 8);
      }
      await saveText(join(path, "dataset.json"), description);
    };
    await save("train", 1, 0);
    const load = async (path: string) => {
      const [input] = await openInputs([path], { settings: tiny }, folder);
      return (await input.load({ progress } as Session)).frames;
    };
    const heldOut = async (path: string) =>
      (await heldOutFrames(path, tiny, await load(path), progress))?.split;
    assertEquals(await heldOut(folder), undefined);
    await save("test", 1, 0);
    assertEquals(await heldOut(folder), "test");
    await save("val", 1, 255);
    assertEquals(await heldOut(folder), "test");
    await saveGrey(join(folder, "val/labels/0.png"), new Uint8Array(32), 4, 8);
    assertEquals(await heldOut(folder), "validation");
    // A path to a split stands for itself.
    assertEquals(await heldOut(join(folder, "train")), undefined);
  }));

/** Two videos of frames whose only pixel tells which they are. */
function numbered(): Frame[] {
  return videos(3, 4).map((frame, i) => ({
    ...frame,
    rgb: new Uint8Array(3).fill(i),
    intrinsics: { fx: 1 + i, fy: 1, cx: 0.5, cy: 0.5 },
  }));
}

Deno.test("stackTargets() sets each target beside its own two others, offsets and camera", () => {
  const chosen = [{ target: 3, offsets: [1, 2] }, { target: 1, offsets: [-1, 1] }] as const;
  const batch = stackTargets(numbered(), chosen);
  const firsts = (pixels: ArrayLike<number>) => Array.from(pixels).filter((_, i) => i % 3 === 0);
  assertEquals([batch.count, batch.height, batch.width], [2, 1, 1]);
  assertEquals(firsts(batch.target), [3, 1]);
  assertEquals(batch.sources.map(firsts), [[4, 0], [5, 2]]);
  assertEquals(batch.offsets, [[1, -1], [2, 1]]);
  assertEquals(batch.intrinsics.map(({ fx }) => fx), [4, 2]);
});

Deno.test("depthBatch() draws by seed and step, from all targets", () => {
  const frames = numbered(), targets = depthTargets(frames, true);
  const drawn = (seed: number, step: number) =>
    Array.from(depthBatch(frames, targets, 8, seed, step).target).join();
  const steps = Array.from({ length: 8 }, (_, step) => drawn(0, step));
  assertEquals(new Set(steps).size, 8);
  assertEquals(drawn(0, 5), steps[5]);
  assertEquals(steps.some((batch, step) => drawn(1, step) === batch), false);
  assertEquals(new Set(steps.join().split(",")).size, targets.length);
});

Deno.test("mixSource() has its horizon where the camera has its principal point", () => {
  const [height, width] = [64, 128], pixels = height * width;
  const frame = (cy?: number): Frame => ({
    name: "",
    sequence: "",
    height,
    width,
    rgb: new Uint8Array(3 * pixels),
    ...(cy === undefined ? {} : { intrinsics: { fx: 1, fy: 1, cx: 0.5, cy } }),
  });
  const depth = { height, width, disparity: new Float32Array(pixels) };
  const regions = { height, width, ids: new Int32Array(pixels), regions: [] };
  // The image spans rows -0.5 to 63.5; its middle lies between two of them.
  assertEquals(mixSource(frame(), depth, regions).horizon, 31.5);
  assertEquals(mixSource(frame(0.25), depth, regions).horizon, 15.5);
});

Deno.test("intrinsicsFor() assumes square pixels where nothing is known", () => {
  const [frame] = videos(1);
  const { fx, fy, cx, cy } = intrinsicsFor({ ...frame, height: 60, width: 150 });
  // In pixels.
  assertEquals([fx * 150 === fy * 60, cx, cy], [true, 0.5, 0.5]);
  assertEquals(intrinsicsFor(numbered()[2]).fx, 3);
});

Deno.test("uniqueNames() numbers names that come again", () => {
  assertEquals(uniqueNames(["a", "b", "a", "a"]), ["a", "b", "a-2", "a-3"]);
  assertEquals(uniqueNames(["a", "a", "a-2"]), ["a", "a-3", "a-2"]);
});
