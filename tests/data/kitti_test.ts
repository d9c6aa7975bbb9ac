import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { openDataset } from "../../lib/data/open.ts";
import { DataError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import { draws, inTemporary, noise, saveGrey, saveRgb, saveText, sharedData } from "./files.ts";

const [HEIGHT, WIDTH] = [9, 30];
const SIZE = { height: HEIGHT, width: WIDTH };
const AREA = HEIGHT * WIDTH;
const random = randomStream(20261123, "test", "kitti");

/** A date's calib_cam_to_cam.txt; cameras differ in width. */
function calibration(width: number): string {
  const camera = (k: string, scale: number) =>
    [
      `S_${k}: 1.392000e+03 5.120000e+02`,
      `K_${k}: 9.5e+02 0 6.9e+02 0 9.5e+02 2.4e+02 0 0 1`,
      `S_rect_${k}: ${scale * width} 3.750000e+02`,
      `R_rect_${k}: 1 0 0 0 1 0 0 0 1`,
      `P_rect_${k}: 7.215377e+02 0.000000e+00 6.095593e+02 4.485728e+01 0.000000e+00 7.215377e+02 ` +
      "1.728540e+02 2.163791e-01 0.000000e+00 0.000000e+00 1.000000e+00 2.745884e-03",
    ].join("\n");
  return `calib_time: 09-Jan-2012 13:57:47\ncorner_dist: 9.950000e-02\n${camera("00", 2)}\n${
    camera("02", 1)
  }\n${camera("03", 3)}\n`;
}

async function saveDrive(drive: string, count: number): Promise<void> {
  for (const camera of ["image_00", "image_02", "image_03"]) {
    for (let k = 0; k < count; k++) {
      const path = join(drive, camera, "data", `${String(k).padStart(10, "0")}.png`);
      await saveRgb(path, noise(random, 3 * AREA), HEIGHT, WIDTH);
    }
    await saveText(join(drive, camera, "timestamps.txt"), "");
  }
  await saveText(join(drive, "oxts", "data", "0000000000.txt"), "");
}

Deno.test("openDataset() reads KITTI raw drives with the date's left colour camera", () =>
  inTemporary(async (root) => {
    const drives = [
      "2011_09_26_drive_0001_sync",
      "2011_09_26_drive_0010_sync",
      "2011_10_03_drive_0042_sync",
    ];
    for (const [i, drive] of drives.entries()) {
      await saveDrive(join(root, drive.slice(0, 10), drive), i + 2);
    }
    await saveText(join(root, "2011_09_26", "calib_cam_to_cam.txt"), calibration(1242));
    const whole = await openDataset(root);
    assertEquals(whole.frames.map(({ sequence }) => sequence), [
      ...Array(2).fill(drives[0]),
      ...Array(3).fill(drives[1]),
      ...Array(4).fill(drives[2]),
    ]);
    assertEquals(whole.frames[3].name, `${drives[1]}/0000000001`);
    assertEquals([whole.fps, whole.classes], [10, []]);
    const { intrinsics } = await whole.read(0, SIZE);
    assertAlmostEquals(intrinsics!.fx, 721.5377 / 1242, 1e-12);
    assertAlmostEquals(intrinsics!.fy, 721.5377 / 375, 1e-12);
    assertAlmostEquals(intrinsics!.cx, (609.5593 + 0.5) / 1242, 1e-12);
    assertAlmostEquals(intrinsics!.cy, (172.854 + 0.5) / 375, 1e-12);
    assertEquals((await whole.read(8, SIZE)).intrinsics, undefined);
    assertEquals((await openDataset(join(root, "2011_09_26"))).frames, whole.frames.slice(0, 5));
    const drive = join(root, "2011_09_26", drives[1]);
    for (const path of [drive, join(drive, "image_02"), join(drive, "image_02/data")]) {
      const one = await openDataset(path);
      assertEquals(one.frames, whole.frames.slice(2, 5));
      const [a, b] = [await one.read(1, SIZE), await whole.read(3, SIZE)];
      assertEquals([a.rgb, a.intrinsics], [b.rgb, b.intrinsics]);
    }
  }));

Deno.test("openDataset() refuses a KITTI calibration that lacks its camera, by file", () =>
  inTemporary(async (root) => {
    await saveDrive(join(root, "2011_09_26/2011_09_26_drive_0001_sync"), 1);
    const path = join(root, "2011_09_26/calib_cam_to_cam.txt");
    for (const text of ["", calibration(1242).replace("P_rect_02", "P_02")]) {
      await saveText(path, text);
      const error = await assertRejects(() => openDataset(root), DataError);
      for (const part of [path, "P_rect_02", "download"]) assert(error.message.includes(part));
    }
  }));

Deno.test("openDataset() reads KITTI's semantics benchmark as the 19 train ids", () =>
  inTemporary(async (root) => {
    const trainIdOf: Record<number, number> = {
      0: 255,
      7: 0,
      11: 2,
      16: 255,
      26: 13,
      31: 16,
      33: 18,
    };
    const stored = draws(random, Object.keys(trainIdOf).map(Number), AREA);
    // Frames of later time are the stereo benchmark's and have no labels.
    for (const frame of ["000000_10", "000000_11", "000001_10"]) {
      const rgb = noise(random, 3 * AREA);
      await saveRgb(join(root, "training/image_2", `${frame}.png`), rgb, HEIGHT, WIDTH);
      await saveRgb(join(root, "testing/image_2", `${frame}.png`), rgb, HEIGHT, WIDTH);
      if (frame.endsWith("11")) continue;
      await saveGrey(join(root, "training/semantic", `${frame}.png`), stored, HEIGHT, WIDTH);
    }
    for (const path of [root, join(root, "training")]) {
      const dataset = await openDataset(path);
      assertEquals(dataset.frames.map(({ name }) => name), [
        "000000/000000_10",
        "000001/000001_10",
      ]);
      assertEquals([dataset.classes.length, dataset.classes[13], dataset.ignore], [19, "car", 255]);
      const { labels } = await dataset.read(1, SIZE);
      assertEquals([...labels!], stored.map((id) => trainIdOf[id]));
    }
    const test = await openDataset(root, { split: "test" });
    assertEquals([test.frames.length, test.classes], [3, []]);
    assertEquals((await openDataset(join(root, "testing"))).frames, test.frames);
  }));

const shared = sharedData("kitti_clip");
Deno.test({
  name: `openDataset() reads a real KITTI clip with its camera${shared.reason}`,
  ignore: shared.ignore,
  fn: async () => {
    const dataset = await openDataset(shared.folder);
    assertEquals([dataset.frames.length, dataset.fps], [91, 10]);
    const names = dataset.frames.map(({ name }) => Number(name));
    assertEquals(names, [...names].sort((a, b) => a - b));
    const [first, next] = [await dataset.read(0, SIZE), await dataset.read(1, SIZE)];
    assertAlmostEquals(first.intrinsics!.fx, 721.5377 / 1242, 1e-6);
    const difference = first.rgb.reduce((sum, value, i) => sum + Math.abs(value - next.rgb[i]), 0);
    assert(difference > 0 && difference / first.rgb.length < 30, "frames 0.1 s apart look alike");
  },
});
