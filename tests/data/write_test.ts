import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { openFolder } from "../../lib/data/folder.ts";
import { openDataset } from "../../lib/data/open.ts";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import { writeDescription, writeFrame } from "../../lib/data/write.ts";
import { ConfigError, DataError, StorageError } from "../../lib/errors.ts";
import type { Frame } from "../../lib/records.ts";
import { inTemporary } from "./files.ts";

const SIZE = { height: 32, width: 64 };
const SCENES = streetScenes({ seed: 3, split: "test", sequences: 2, framesPerSequence: 2 });

Deno.test("writeFrame() and writeDescription() write labelled frames that are read again", () =>
  inTemporary(async (folder) => {
    const frames = await Promise.all(SCENES.frames.map((_, i) => SCENES.read(i, SIZE)));
    for (const frame of frames) await writeFrame(folder, frame);
    const cameras = Object.fromEntries(
      frames.map(({ sequence, intrinsics }) => [sequence, intrinsics!]),
    );
    await writeDescription(folder, { ...SCENES, cameras });
    const opened = await openFolder(folder);
    const { name, classes, ignore, fps } = SCENES;
    assertEquals(
      { name: opened.name, classes: opened.classes, ignore: opened.ignore, fps: opened.fps },
      { name, classes, ignore, fps },
    );
    for (const [i, frame] of frames.entries()) {
      const { rgb, labels, intrinsics } = await opened.read(i, SIZE);
      assertEquals(
        { rgb, labels, intrinsics },
        { rgb: frame.rgb, labels: frame.labels, intrinsics: frame.intrinsics },
      );
    }
    const files = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
    assertEquals(files, ["dataset.json", "depth", "images", "labels"]);
  }));

Deno.test("writeDescription() refuses what could not be read, and leaves what was there", () =>
  inTemporary(async (folder) => {
    await writeDescription(folder, { classes: ["road"] });
    const path = join(folder, "dataset.json"), before = await Deno.readTextFile(path);
    await assertRejects(
      () => writeDescription(folder, { fps: 0 }),
      DataError,
      "fps above 0, got 0",
    );
    const intrinsics = { fx: 720, fy: 720, cx: 620, cy: 180 };
    await assertRejects(() => writeDescription(folder, { intrinsics }), DataError, "pixels (720");
    assertEquals(await Deno.readTextFile(path), before);
    await assertRejects(() => writeDescription(path, {}), StorageError, "a file is in its way");
  }));

Deno.test("writeFrame() refuses names that lead elsewhere and arrays of another size", () =>
  inTemporary(async (temporary) => {
    const folder = join(temporary, "a", "b"), frame = await SCENES.read(0, SIZE);
    for (const name of ["../../../out", "..", "drive/../../out", "..\\out", ""]) {
      const error = await assertRejects(() => writeFrame(folder, { ...frame, name }), DataError);
      assert(error.message.includes(`got "${name}"`), error.message);
    }
    await writeFrame(folder, { ...frame, name: "drive..1/a..b" });
    assertEquals((await openFolder(join(folder, "images"))).frames[0].name, "drive..1/a..b");
    const wrong: [Partial<Frame>, string][] = [
      [{ rgb: new Uint8Array(9) }, "rgb of 32 x 64, got Uint8Array(9)"],
      [{ labels: new Uint8Array(9) }, "labels of 32 x 64"],
      [{ depth: new Float32Array(9) }, "depth of 32 x 64"],
      [{ disparity: new Float32Array(9) }, "disparity of 32 x 64"],
      [{ regionIds: new Uint16Array(9) }, "regionIds of 32 x 64"],
      [{ height: 0 }, "the size of the frame, got 0 x 64"],
    ];
    for (const [change, message] of wrong) {
      await assertRejects(() => writeFrame(folder, { ...frame, ...change }), DataError, message);
    }
  }));

Deno.test("read() refuses frames that are not there and sizes that are none", () =>
  inTemporary(async (folder) => {
    await writeFrame(folder, { ...await SCENES.read(0, SIZE), labels: undefined });
    for (const dataset of [await openFolder(folder), SCENES]) {
      const last = dataset.frames.length - 1;
      for (const index of [-1, last + 1, 0.5, NaN]) {
        await assertRejects(
          () => dataset.read(index, SIZE),
          ConfigError,
          `expected an index from 0 to ${last}, got ${index}`,
        );
      }
      for (const [height, width] of [[0, 64], [1.5, 64], [32, NaN], [-32, 64]]) {
        await assertRejects(
          () => dataset.read(0, { height, width }),
          ConfigError,
          `expected whole numbers above 0 as height and width, got ${height} x ${width}`,
        );
      }
    }
    // deno-lint-ignore no-explicit-any
    const split = "val" as any;
    await assertRejects(() => openDataset(folder, { split }), ConfigError, "got val");
  }));
