import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { openDataset } from "../../lib/data/open.ts";
import { DataError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import {
  draws,
  inTemporary,
  nearest,
  noise,
  saveGrey,
  saveRgb,
  sharedData,
  withSlashes,
} from "./files.ts";

const [HEIGHT, WIDTH] = [9, 12];
const SIZE = { height: HEIGHT, width: WIDTH };
const AREA = HEIGHT * WIDTH;
const random = randomStream(20261123, "test", "camvid");

/** The 32 label colours of CamVid by the class of 11 that each belongs to; 11 does not count. */
const COLOURS: readonly (readonly [id: number, colours: readonly string[]])[] = [
  [0, ["128 128 128"]], // sky
  [1, ["192 0 128", "0 128 64", "128 0 0", "64 0 64", "64 192 0"]], // building, wall, bridge
  [2, ["192 192 128", "0 0 64"]], // pole, cone
  [3, ["128 64 128", "128 0 192", "192 0 64"]], // road, markings
  [4, ["0 0 192", "64 192 128", "128 128 192"]], // pavement, parking, shoulder
  [5, ["128 128 0", "192 192 0"]], // trees
  [6, ["192 128 128", "128 128 64", "0 64 64"]], // signs, lights
  [7, ["64 64 128"]], // fence
  [8, ["64 0 128", "128 64 64", "64 128 192", "192 64 128", "192 128 192"]], // vehicles
  [9, ["64 64 0", "64 128 64", "64 0 192", "192 128 64"]], // pedestrians, animals
  [10, ["0 128 192", "192 0 192"]], // two wheels
  [11, ["0 0 0"]], // void
];
const CLASSES = "sky building pole road pavement tree sign fence car pedestrian bicyclist".split(
  " ",
);

async function saveFrame(path: string): Promise<void> {
  await saveRgb(path, noise(random, 3 * AREA), HEIGHT, WIDTH);
}

/** Saves random label colours; answers the ids that they stand for. */
async function saveColours(path: string, height = HEIGHT, width = WIDTH): Promise<number[]> {
  const listed = COLOURS.flatMap(([id, colours]) => colours.map((colour) => ({ id, colour })));
  assertEquals(listed.length, 32);
  const drawn = [...listed, ...draws(random, listed, height * width - listed.length)];
  const rgb = drawn.flatMap(({ colour }) => colour.split(" ").map(Number));
  await saveRgb(path, Uint8Array.from(rgb), height, width);
  return drawn.map(({ id }) => id);
}

Deno.test("openDataset() reads CamVid's original frames and colours in SegNet's splits", () =>
  inTemporary(async (folder) => {
    const splits = {
      train: ["0001TP_006690", "0001TP_008520", "0006R0_f00930", "0016E5_07920", "0016E5_08190"],
      validation: ["0016E5_07959", "0016E5_08159"],
      test: ["0001TP_008550", "Seq05VD_f00000", "Seq05VD_f05100"],
    } as const;
    const truth = new Map<string, number[]>();
    for (const frame of Object.values(splits).flat()) {
      await saveFrame(join(folder, "701_StillsRaw_full", `${frame}.png`));
      truth.set(frame, await saveColours(join(folder, "LabeledApproved_full", `${frame}_L.png`)));
    }
    for (const path of [folder, join(folder, "701_StillsRaw_full")]) {
      for (const split of ["train", "validation", "test"] as const) {
        const dataset = await openDataset(path, { split });
        assertEquals([dataset.classes, dataset.ignore], [CLASSES, 11]);
        const names = dataset.frames.map(({ name }) => name.split("/")[1]);
        assertEquals(names, [...splits[split]]);
        for (const [i, { name, sequence }] of dataset.frames.entries()) {
          assertEquals(sequence, name.split(/[/_]/)[0]);
          assertEquals([...(await dataset.read(i, SIZE)).labels!], truth.get(names[i]));
        }
      }
    }
  }));

Deno.test("read() takes the nearest of CamVid's colours, never a blend", () =>
  inTemporary(async (folder) => {
    const large = { height: 3 * HEIGHT, width: 3 * WIDTH };
    await saveRgb(join(folder, "701_StillsRaw_full/0001TP_1.png"), noise(random, 3 * AREA), 9, 12);
    const ids = await saveColours(join(folder, "LabeledApproved_full/0001TP_1_L.png"), 27, 36);
    const dataset = await openDataset(folder);
    for (const size of [SIZE, { height: 5, width: 7 }]) {
      assertEquals([...(await dataset.read(0, size)).labels!], nearest(ids, large, size));
    }
  }));

Deno.test("openDataset() reads CamVid in SegNet's folders, whichever split is named", () =>
  inTemporary(async (folder) => {
    const ids = new Map<string, number[]>();
    for (const [part, frame] of [["train", "0006R0_f1"], ["val", "0016E5_2"], ["test", "Seq_3"]]) {
      await saveFrame(join(folder, part, `${frame}.png`));
      ids.set(part, draws(random, [0, 1, 5, 10, 11], AREA));
      await saveGrey(join(folder, `${part}annot`, `${frame}.png`), ids.get(part)!, HEIGHT, WIDTH);
    }
    const parts = { train: "train", validation: "val", test: "test" };
    for (const split of ["train", "validation", "test"] as const) {
      const part = parts[split];
      for (
        const dataset of [
          await openDataset(folder, { split }),
          await openDataset(join(folder, part)),
        ]
      ) {
        assertEquals([dataset.classes, dataset.ignore, dataset.frames.length], [CLASSES, 11, 1]);
        assertEquals([...(await dataset.read(0, SIZE)).labels!], ids.get(part));
      }
    }
  }));

Deno.test("openDataset() reads CamVid's split folders with colours", () =>
  inTemporary(async (folder) => {
    await saveFrame(join(folder, "train/0006R0_f1.png"));
    const ids = await saveColours(join(folder, "train_labels/0006R0_f1_L.png"));
    const dataset = await openDataset(folder);
    assertEquals(dataset.frames, [{ name: "0006R0/0006R0_f1", sequence: "0006R0" }]);
    assertEquals([...(await dataset.read(0, SIZE)).labels!], ids);
    const error = await assertRejects(() => openDataset(folder, { split: "test" }), DataError);
    assert(error.message.includes("test/"), error.message);
  }));

Deno.test("openDataset() reads CamVid's frames without labels where none were downloaded", () =>
  inTemporary(async (folder) => {
    await saveFrame(join(folder, "701_StillsRaw_full/0001TP_006690.png"));
    await saveFrame(join(folder, "701_StillsRaw_full/mine.png"));
    const dataset = await openDataset(folder);
    assertEquals([dataset.classes, dataset.frames.length], [[], 2]);
    assertEquals((await dataset.read(0, SIZE)).labels, undefined);
  }));

Deno.test("read() refuses a colour or an id that CamVid does not have, by file", () =>
  inTemporary(async (folder) => {
    const [original, segnet] = [join(folder, "original"), join(folder, "segnet")];
    await saveFrame(join(original, "701_StillsRaw_full/0001TP_1.png"));
    await saveRgb(
      join(original, "LabeledApproved_full/0001TP_1_L.png"),
      Uint8Array.from({ length: 3 * AREA }, (_, i) => [128, 128, 127][i % 3]),
      HEIGHT,
      WIDTH,
    );
    await saveFrame(join(segnet, "train/1.png"));
    await saveGrey(join(segnet, "trainannot/1.png"), new Uint8Array(AREA).fill(12), HEIGHT, WIDTH);
    for (
      const [path, file, got] of [[original, "0001TP_1_L.png", "128 128 127"], [
        segnet,
        "trainannot/1.png",
        "12",
      ]]
    ) {
      const dataset = await openDataset(path);
      const error = await assertRejects(() => dataset.read(0, SIZE), DataError);
      const message = withSlashes(error.message);
      assert(message.includes(file) && message.includes(`got ${got};`), message);
    }
  }));

const shared = sharedData("camvid");
Deno.test({
  name: `openDataset() splits real CamVid names as SegNet did${shared.reason}`,
  ignore: shared.ignore,
  fn: () =>
    inTemporary(async (folder) => {
      const frames = join(folder, "701_StillsRaw_full");
      await Deno.mkdir(frames);
      const names = (part: string) =>
        Array.from(Deno.readDirSync(join(shared.folder, part, "images")), ({ name }) => name)
          .sort();
      for (const part of ["train", "val"]) {
        // Their names are all that splits go by.
        for (const name of names(part)) await Deno.writeTextFile(join(frames, name), "");
      }
      for (
        const [split, part, count] of [["train", "train", 367], ["validation", "val", 101]] as const
      ) {
        const dataset = await openDataset(folder, { split });
        const read = dataset.frames.map(({ name }) => `${name.split("/")[1]}.jpg`).sort();
        assertEquals(read, names(part));
        assertEquals(read.length, count);
      }
    }),
});
