import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { openDataset } from "../../lib/data/open.ts";
import { DataError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import { draws, inTemporary, noise, saveGrey, saveRgb, saveText, withSlashes } from "./files.ts";

const [HEIGHT, WIDTH] = [16, 32];
const SIZE = { height: HEIGHT, width: WIDTH };
const AREA = HEIGHT * WIDTH;
const random = randomStream(20261123, "test", "cityscapes");

/** The train id of each stored label id: 255 where it is not scored. */
const TRAIN_ID: Readonly<Record<number, number>> = {
  ...Object.fromEntries([...Array(34).keys(), 255].map((id) => [id, 255])),
  ...{ 7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11 },
  ...{ 25: 12, 26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18 },
};
const CLASSES = [
  "road",
  "sidewalk",
  "building",
  "wall",
  "fence",
  "pole",
  "traffic light",
  "traffic sign",
  "vegetation",
  "terrain",
  "sky",
  "person",
  "rider",
  "car",
  "truck",
  "bus",
  "train",
  "motorcycle",
  "bicycle",
];

async function saveFrame(root: string, kind: string, split: string, frame: string): Promise<void> {
  const path = join(root, kind, split, frame.split("_")[0], `${frame}_leftImg8bit.png`);
  await saveRgb(path, noise(random, 3 * AREA), HEIGHT, WIDTH);
}

/** Saves random label ids, each at least once; answers them. */
async function saveLabels(root: string, split: string, frame: string): Promise<number[]> {
  const stored = Object.keys(TRAIN_ID).map(Number);
  const ids = [...stored, ...draws(random, stored, AREA - stored.length)];
  const path = join(root, "gtFine", split, frame.split("_")[0], `${frame}_gtFine_labelIds.png`);
  await saveGrey(path, ids, HEIGHT, WIDTH);
  return ids;
}

function saveCamera(root: string, split: string, frame: string, fx: number): Promise<void> {
  const path = join(root, "camera", split, frame.split("_")[0], `${frame}_camera.json`);
  const intrinsic = { fx, fy: 2225.5, u0: 1048.6, v0: 519.3 };
  return saveText(path, JSON.stringify({ extrinsic: { baseline: 0.2 }, intrinsic }));
}

Deno.test("openDataset() reads Cityscapes' 34 label ids as 19 train ids, at any path into it", () =>
  inTemporary(async (root) => {
    const frames = {
      train: ["aachen_000000_000019", "aachen_000001_000019", "bochum_000000_000313"],
      val: ["frankfurt_000000_000294"],
    };
    const truth = new Map<string, number[]>();
    for (const [split, names] of Object.entries(frames)) {
      for (const name of names) {
        await saveFrame(root, "leftImg8bit", split, name);
        truth.set(name, await saveLabels(root, split, name));
        await saveCamera(root, split, name, 2000 + truth.size);
      }
    }
    const stills = join(root, "leftImg8bit");
    for (
      const [path, split, expected] of [
        [root, "train", frames.train],
        [root, "validation", frames.val],
        [stills, "validation", frames.val],
        [join(stills, "val"), "train", frames.val],
        [join(stills, "train", "bochum"), "train", frames.train.slice(2)],
      ] as const
    ) {
      const dataset = await openDataset(path, { split });
      assertEquals([dataset.classes, dataset.ignore], [CLASSES, 255]);
      const names = dataset.frames.map(({ name }) => name.split("/")[1]);
      assertEquals(names, [...expected]);
      for (const [i, name] of names.entries()) {
        const { labels } = await dataset.read(i, SIZE);
        assertEquals([...labels!], truth.get(name)!.map((id) => TRAIN_ID[id]));
      }
    }
    const dataset = await openDataset(root);
    const { fx, fy, cx, cy } = (await dataset.read(1, SIZE)).intrinsics!;
    assertAlmostEquals(fx, 2002 / 2048, 1e-12);
    assertAlmostEquals(fy, 2225.5 / 1024, 1e-12);
    assertAlmostEquals(cx, (1048.6 + 0.5) / 2048, 1e-12);
    assertAlmostEquals(cy, (519.3 + 0.5) / 1024, 1e-12);
  }));

Deno.test("openDataset() cuts Cityscapes' video where frames are no neighbours", () =>
  inTemporary(async (root) => {
    const numbers = {
      ulm_000000: [0, 1, 2],
      ulm_000001: [5, 6, 11, 17],
      hamburg_000000: [88, 89, 400, 401],
    };
    for (const [video, list] of Object.entries(numbers)) {
      for (const number of list) {
        await saveFrame(
          root,
          "leftImg8bit_sequence",
          "train",
          `${video}_${String(number).padStart(6, "0")}`,
        );
      }
    }
    await saveCamera(root, "train", "ulm_000000_000001", 2100);
    for (const path of [root, join(root, "leftImg8bit_sequence")]) {
      const dataset = await openDataset(path);
      const sequences = dataset.frames.map(({ sequence }) => sequence);
      assertEquals(
        [...new Set(sequences)].map((name) => sequences.filter((other) => other === name).length),
        [2, 2, 3, 3, 1],
      );
      assertEquals(new Set(dataset.frames.map(({ name }) => name)).size, 11);
      assertEquals([dataset.classes, dataset.fps], [[], 17]);
      // The camera of a video's one labelled frame is that of all its frames.
      assertEquals((await dataset.read(6, SIZE)).intrinsics!.fx, 2100 / 2048);
      assertEquals((await dataset.read(0, SIZE)).intrinsics, undefined);
      assertEquals((await dataset.read(0, SIZE)).labels, undefined);
    }
  }));

Deno.test("openDataset() reads Cityscapes' frames alone where no labels were downloaded", () =>
  inTemporary(async (root) => {
    await saveFrame(root, "leftImg8bit", "train", "aachen_000000_000019");
    const dataset = await openDataset(root);
    assertEquals([dataset.classes, dataset.frames.length], [[], 1]);
    assertEquals((await dataset.read(0, SIZE)).labels, undefined);
  }));

Deno.test("openDataset() names what is missing or wrong in Cityscapes", () =>
  inTemporary(async (folder) => {
    const refused = async (act: () => Promise<unknown>, ...parts: string[]) => {
      const message = withSlashes((await assertRejects(act, DataError)).message);
      for (const part of parts) assert(message.includes(withSlashes(part)), message);
    };
    const root = join(folder, "cityscapes");
    const frame = "aachen_000000_000019";
    await saveFrame(root, "leftImg8bit", "train", frame);
    await refused(() => openDataset(root, { split: "validation" }), "leftImg8bit/val/", "download");
    const labels = join(root, "gtFine/train/aachen", `${frame}_gtFine_labelIds.png`);
    await saveGrey(labels.replace("labelIds", "color"), new Uint8Array(AREA), HEIGHT, WIDTH);
    await refused(() => openDataset(root), "gtFine/train", "labelIds.png");
    await saveGrey(labels, new Uint8Array(AREA).fill(34), HEIGHT, WIDTH);
    const dataset = await openDataset(root);
    await refused(() => dataset.read(0, SIZE), labels, "0..33 or 255", "got 34", "labelIds");
    await saveGrey(labels, new Uint8Array(AREA), HEIGHT, WIDTH);
    const camera = join(root, "camera/train/aachen", `${frame}_camera.json`);
    await saveText(camera, '{"intrinsic": {"fx": 0}}');
    const withCamera = await openDataset(root);
    await refused(() => withCamera.read(0, SIZE), camera, "fx, fy, u0, v0");
    await saveFrame(root, "leftImg8bit", "train", "aachen_000001_000019");
    await refused(
      () => openDataset(root),
      "aachen_000001_000019_gtFine_labelIds.png",
      "every frame",
    );
  }));
