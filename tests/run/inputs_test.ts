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
} from "../../lib/run/inputs.ts";
import { PRESETS } from "../../lib/run/presets.ts";
import type { Session } from "../../lib/run/session.ts";
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
