import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import sharp from "sharp";
import { openDataset } from "../../lib/data/open.ts";
import { writeFrame } from "../../lib/data/write.ts";
import { DataError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import type { Frame } from "../../lib/records.ts";
import {
  draws,
  inTemporary,
  nearest,
  noise,
  saveGrey,
  saveRgb,
  saveText,
  withSlashes,
} from "./files.ts";

const [HEIGHT, WIDTH] = [12, 20];
const SIZE = { height: HEIGHT, width: WIDTH };
const AREA = HEIGHT * WIDTH;
const random = randomStream(20261123, "test", "folder");

async function saveFrames(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await saveRgb(join(folder, name), noise(random, AREA * 3), HEIGHT, WIDTH);
  }
}

function describe(folder: string, description: unknown): Promise<void> {
  return saveText(join(folder, "dataset.json"), JSON.stringify(description));
}

Deno.test("writeFrame() and openDataset() hand a frame on whole", () =>
  inTemporary(async (folder) => {
    const cameras = Object.fromEntries(["north", "south"].map((sequence) => [
      sequence,
      { fx: random.uniform(0.5, 1), fy: random.uniform(1, 2), cx: 0.5, cy: random.uniform() },
    ]));
    const frames: Frame[] = ["north/1", "north/2", "south/1"].map((name) => ({
      name,
      sequence: name.split("/")[0],
      ...SIZE,
      rgb: noise(random, AREA * 3),
      labels: Uint8Array.from(draws(random, [0, 1, 2, 9], AREA)),
      // Whole units, so that they come back as they were; 300 m is beyond the last unit.
      depth: Float32Array.from(
        draws(random, [0, 1 / 256, 3.5, 77.25, 255.5, 300, Infinity], AREA),
      ),
      disparity: Float32Array.from(draws(random, [0, 1 / 65535, 0.2, 1], AREA)),
      regionIds: Uint16Array.from(draws(random, [0, 1, 300, 65535], AREA)),
    }));
    for (const frame of frames) await writeFrame(folder, frame);
    await describe(folder, { name: "two roads", classes: ["a", "b", "c"], ignore: 9, cameras });
    const dataset = await openDataset(folder);
    const { name, classes, ignore } = dataset;
    assertEquals({ name, classes, ignore }, {
      name: "two roads",
      classes: ["a", "b", "c"],
      ignore: 9,
    });
    assertEquals(dataset.frames, frames.map(({ name, sequence }) => ({ name, sequence })));
    for (const [i, frame] of frames.entries()) {
      const read = await dataset.read(i, SIZE);
      assertEquals(read.rgb, frame.rgb);
      assertEquals(read.labels, frame.labels);
      assertEquals(read.depth, frame.depth!.map((metres) => metres > 256 ? Infinity : metres));
      read.disparity!.forEach((value, k) =>
        assertAlmostEquals(value, frame.disparity![k], 0.5 / 65535)
      );
      assertEquals(read.intrinsics, cameras[frame.sequence]);
    }
  }));

Deno.test("openDataset() reads a dataset.json as editors on Windows write it", () =>
  inTemporary(async (folder) => {
    await saveFrames(folder, ["images/1.png"]);
    await saveText(join(folder, "dataset.json"), '\ufeff{\r\n  "name": "two roads"\r\n}\r\n');
    assertEquals((await openDataset(folder)).name, "two roads");
  }));

Deno.test("openDataset() takes frames in the order of their numbers, subfolders as sequences", () =>
  inTemporary(async (folder) => {
    await saveFrames(join(folder, "images"), ["b/10.png", "b/9.jpg", "a2/1.png", "a10/1.png"]);
    await saveText(join(folder, "images", ".hidden.png"), "");
    await saveText(join(folder, "images", "notes.txt"), "");
    await describe(folder, { intrinsics: { fx: 1, fy: 2, cx: 0.4, cy: 0.6 }, fps: 30 });
    const dataset = await openDataset(folder);
    assertEquals(dataset.frames.map(({ name }) => name), ["a2/1", "a10/1", "b/9", "b/10"]);
    assertEquals(dataset.frames.map(({ sequence }) => sequence), ["a2", "a10", "b", "b"]);
    assertEquals([dataset.fps, dataset.classes, dataset.ignore], [30, [], 255]);
    const frame = await dataset.read(2, SIZE);
    assertEquals(frame.intrinsics, { fx: 1, fy: 2, cx: 0.4, cy: 0.6 });
    assertEquals([frame.labels, frame.depth, frame.disparity], [undefined, undefined, undefined]);
  }));

/** Windows lets few people make symbolic links. */
const links = Deno.build.os !== "windows";
const linked =
  "openDataset() follows links to frames and to folders of them, and leaves broken ones";

Deno.test(
  links ? linked : `${linked} (ignored: no symbolic links here)`,
  { ignore: !links },
  () =>
    inTemporary(async (temporary) => {
      const [folder, elsewhere] = [join(temporary, "data"), join(temporary, "elsewhere")];
      await saveFrames(elsewhere, ["drive/1.png", "drive/2.png", "3.png"]);
      await saveFrames(join(folder, "images"), ["own/1.png"]);
      const link = (to: string, from: string) => Deno.symlink(to, join(folder, "images", from));
      await link(join(elsewhere, "drive"), "linked");
      await link(join(elsewhere, "3.png"), "own/2.png");
      await link(join(elsewhere, "gone.png"), "own/3.png");
      const dataset = await openDataset(folder);
      const names = ["linked/1", "linked/2", "own/1", "own/2"];
      assertEquals(dataset.frames.map(({ name }) => name), names);
      assertEquals((await dataset.read(1, SIZE)).rgb.length, 3 * AREA);
    }),
);

Deno.test("openDataset() takes a bare folder of images, maps beside them left out", () =>
  inTemporary(async (folder) => {
    await saveFrames(folder, ["1.png", "2.png", "drive/1.png"]);
    for (const name of ["1", "2", "drive/1"]) {
      await saveGrey(
        join(folder, "depth", `${name}.png`),
        draws(random, [256, 512], AREA),
        HEIGHT,
        WIDTH,
        16,
      );
    }
    const dataset = await openDataset(folder);
    assertEquals(dataset.frames.map(({ name }) => name).sort(), ["1", "2", "drive/1"]);
    const { depth } = await dataset.read(0, SIZE);
    assertEquals(new Set(depth), new Set([1, 2]));
  }));

Deno.test("read() resizes maps to nearest values and leaves even colours even", () =>
  inTemporary(async (folder) => {
    const large = { height: 3 * HEIGHT, width: 3 * WIDTH };
    const labels = draws(random, [0, 1, 2, 3], 9 * AREA);
    const depth = Array.from({ length: 9 * AREA }, () => random.integer(65535));
    await saveRgb(
      join(folder, "images/0.png"),
      Uint8Array.from({ length: 3 * AREA }, (_, i) => [10, 100, 200][i % 3]),
      HEIGHT,
      WIDTH,
    );
    await saveGrey(join(folder, "labels/0.png"), labels, large.height, large.width);
    await saveGrey(join(folder, "depth/0.png"), depth, large.height, large.width, 16);
    await describe(folder, { classes: ["a", "b", "c", "d"] });
    const dataset = await openDataset(folder);
    for (const size of [SIZE, { height: 4, width: 10 }, { height: 7, width: 13 }, large]) {
      const frame = await dataset.read(0, size);
      assertEquals([frame.height, frame.width], [size.height, size.width]);
      assertEquals([...frame.labels!], nearest(labels, large, size));
      assertEquals([...frame.depth!], nearest(depth, large, size).map((units) => units / 256));
      assertEquals(new Set(frame.rgb.filter((_, i) => i % 3 === 1)), new Set([100]));
    }
  }));

Deno.test("read() takes label PNGs of any bit depth, grey, transparent and 16-bit images", () =>
  inTemporary(async (folder) => {
    const grey = noise(random, AREA);
    const name = (bits: number) => `${bits}.png`;
    for (const bits of [1, 2, 4, 8] as const) {
      const ids = draws(random, [0, 1, 2, 3].slice(0, 2 ** bits), AREA);
      await saveGrey(join(folder, "labels", name(bits)), ids, HEIGHT, WIDTH, bits);
      await saveGrey(join(folder, "images", name(bits)), grey, HEIGHT, WIDTH);
      await describe(folder, { classes: ["a", "b", "c", "d"] });
      const dataset = await openDataset(folder);
      const index = dataset.frames.findIndex((frame) => frame.name === String(bits));
      const frame = await dataset.read(index, SIZE);
      assertEquals([...frame.labels!], ids, `${bits} bits`);
      assertEquals(frame.rgb, Uint8Array.from({ length: 3 * AREA }, (_, i) => grey[i / 3 | 0]));
    }
    const odd = join(folder, "odd");
    const rgba = noise(random, 4 * AREA);
    const rgb = rgba.filter((_, i) => i % 4 < 3);
    await Deno.mkdir(odd);
    await sharp(rgba, { raw: { ...SIZE, channels: 4 } }).toFile(join(odd, "1.png"));
    await sharp(Uint16Array.from(rgb, (value) => value * 257), { raw: { ...SIZE, channels: 3 } })
      .toColourspace("rgb16").toFile(join(odd, "2.png"));
    assertEquals((await sharp(join(odd, "2.png")).metadata()).depth, "ushort");
    const dataset = await openDataset(odd);
    for (const index of [0, 1]) assertEquals((await dataset.read(index, SIZE)).rgb, rgb);
  }));

Deno.test("read() resizes frames of one aspect and refuses another", () =>
  inTemporary(async (folder) => {
    await saveFrames(folder, ["1.png"]);
    await saveRgb(join(folder, "2.png"), noise(random, 12 * AREA), 2 * HEIGHT, 2 * WIDTH);
    await saveRgb(join(folder, "3.png"), noise(random, 3 * HEIGHT ** 2), HEIGHT, HEIGHT);
    const dataset = await openDataset(folder);
    assertEquals((await dataset.read(1, SIZE)).rgb.length, 3 * AREA);
    const error = await assertRejects(() => dataset.read(2, SIZE), DataError);
    for (const part of ["3.png", "12 x 12", "1.png", "20 x 12", "crop"]) {
      assert(error.message.includes(part), error.message);
    }
  }));

/** Each folder is made wrong in one way; the message holds every part. */
const WRONG: readonly {
  readonly what: string;
  readonly make: (folder: string) => Promise<void>;
  readonly parts: readonly string[];
}[] = [
  {
    what: "a missing folder",
    make: (folder) => Deno.remove(folder, { recursive: true }),
    parts: ["no such folder", "--data"],
  },
  {
    what: "a video file",
    make: (folder) =>
      Deno.remove(folder, { recursive: true }).then(() => saveText(folder, "no folder")),
    parts: ["got a file", "name the folder"],
  },
  { what: "no images", make: (folder) => Deno.remove(join(folder, "1.png")), parts: ["got none"] },
  {
    what: "a truncated JPEG",
    make: async (folder) => {
      const jpeg = await sharp(noise(random, 60000), {
        raw: { height: 100, width: 200, channels: 3 },
      })
        .jpeg().toBuffer();
      await Deno.remove(join(folder, "1.png"));
      await Deno.writeFile(
        join(folder, "1.jpg"),
        jpeg.subarray(0, random.uniform(0, 0.9) * jpeg.length),
      );
    },
    parts: ["1.jpg", "replace or remove"],
  },
  {
    what: "text named .png",
    make: (folder) => saveText(join(folder, "1.png"), "not a picture"),
    parts: ["1.png", "replace or remove"],
  },
  {
    what: "an empty file",
    make: (folder) => saveText(join(folder, "1.png"), ""),
    parts: ["1.png", "replace or remove"],
  },
  {
    what: "two images of one name",
    make: (folder) => saveFrames(folder, ["1.jpg"]),
    parts: ["1.png", "1.jpg", "rename"],
  },
  {
    what: "a label out of range",
    make: async (folder) => {
      await describe(folder, { classes: ["a", "b"], ignore: 7 });
      await saveGrey(join(folder, "labels/1.png"), draws(random, [0, 1, 7, 2], AREA), 12, 20);
    },
    parts: ["labels/1.png", "below 2 or 7", "got 2", "dataset.json"],
  },
  {
    what: "labels in colour",
    make: (folder) => saveFrames(folder, ["labels/1.png"]),
    parts: ["labels/1.png", "one channel", "grey PNG"],
  },
  {
    what: "labels of another shape",
    make: async (folder) => {
      await describe(folder, { classes: ["a"] });
      await saveGrey(join(folder, "labels/1.png"), new Uint8Array(400), 20, 20);
    },
    parts: ["labels/1.png", "20 x 20", "one aspect"],
  },
  {
    what: "labels for some frames",
    make: async (folder) => {
      await saveFrames(folder, ["2.png"]);
      await saveGrey(join(folder, "labels/1.png"), new Uint8Array(AREA), 12, 20);
    },
    parts: ["labels/2.png", "every frame or for none"],
  },
  {
    what: "labels of other names",
    make: (folder) => saveGrey(join(folder, "labels/1_L.png"), new Uint8Array(AREA), 12, 20),
    parts: ["labels", "such as 1.png", "rename"],
  },
  {
    what: "depth of 8 bits",
    make: (folder) => saveGrey(join(folder, "depth/1.png"), new Uint8Array(AREA), 12, 20),
    parts: ["depth/1.png", "16-bit"],
  },
  {
    what: "a dataset.json that is none",
    make: (folder) => saveText(join(folder, "dataset.json"), "{ classes: }"),
    parts: ["dataset.json", "JSON"],
  },
  {
    what: "two classes of one name",
    make: (folder) => describe(folder, { classes: ["road", "car", "road"] }),
    parts: ["dataset.json", 'got "road" twice'],
  },
  {
    what: "a class without a name",
    make: (folder) => describe(folder, { classes: ["road", ""] }),
    parts: ["dataset.json", 'got "" for one'],
  },
  // Windows lets few people make symbolic links.
  ...Deno.build.os === "windows" ? [] : [{
    what: "a link to a folder that it lies in",
    make: async (folder: string) => {
      await Deno.mkdir(join(folder, "drive"));
      await Deno.symlink("..", join(folder, "drive/again"));
    },
    parts: ["drive/again", "remove the link"],
  }],
  {
    what: "intrinsics of zero",
    make: (folder) => describe(folder, { intrinsics: { fx: 0, fy: 1, cx: 0.5, cy: 0.5 } }),
    parts: ["dataset.json", "fx, fy above 0"],
  },
  {
    what: "a principal point in pixels",
    make: (folder) => describe(folder, { intrinsics: { fx: 0.9, fy: 1.6, cx: 640, cy: 0.5 } }),
    parts: ["dataset.json", "got pixels", "divide fx and cx by the image's width"],
  },
  {
    what: "a camera of one sequence alone that cannot be used",
    make: (folder) =>
      describe(folder, { cameras: { drive: { fx: 0.9, fy: 1.6, cx: 0.5, cy: -360 } } }),
    parts: ["dataset.json", "got pixels"],
  },
];

Deno.test("openDataset() reads photographs upright, as their metadata says", () =>
  inTemporary(async (folder) => {
    const [height, width] = [30, 20];
    // Red above, blue below, as people see it.
    const upright = Uint8Array.from(
      { length: height * width * 3 },
      (_, i) => (i % 3 === 0) === (i < height * width * 1.5) && i % 3 !== 1 ? 255 : 0,
    );
    // What a camera stores that was turned: EXIF's orientations 3 and 6 say how to turn it back.
    for (const [orientation, angle] of [[1, 0], [3, 180], [6, 270]]) {
      await Deno.mkdir(join(folder, `${orientation}`));
      await sharp(upright, { raw: { height, width, channels: 3 } }).rotate(angle)
        .jpeg({ quality: 95, chromaSubsampling: "4:4:4" }).withMetadata({ orientation })
        .toFile(join(folder, `${orientation}/photo.jpg`));
    }
    const dataset = await openDataset(folder);
    for (const index of dataset.frames.keys()) {
      const { rgb, aspect, name } = await dataset.read(index, { height, width });
      assertEquals(aspect, width / height, name);
      assert(rgb.every((value, i) => Math.abs(value - upright[i]) < 100), name);
    }
  }));

for (const { what, make, parts } of WRONG) {
  Deno.test(`openDataset() and read() refuse ${what} in one line that says what to do`, () =>
    inTemporary(async (temporary) => {
      const folder = join(temporary, "data");
      await saveFrames(folder, ["1.png"]);
      await make(folder);
      const error = await assertRejects(
        async () => {
          const dataset = await openDataset(folder);
          for (let i = 0; i < dataset.frames.length; i++) await dataset.read(i, SIZE);
        },
        DataError,
      );
      const message = withSlashes(error.message);
      assert(!message.includes("\n"), message);
      for (const part of [withSlashes(folder), ...parts]) assert(message.includes(part), message);
    }));
}
