import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { openFolder } from "../../lib/data/folder.ts";
import { extractFrames, probeVideo, videoName } from "../../lib/data/video.ts";
import { DataError } from "../../lib/errors.ts";
import { succeeds } from "../../native/build_support.ts";
import { inTemporary, saveText } from "./files.ts";

const hasFfmpeg = await succeeds("ffmpeg", "-version");
const size = { height: 32, width: 64 };

async function ffmpeg(...args: string[]): Promise<void> {
  const command = new Deno.Command("ffmpeg", { args: ["-v", "error", ...args] });
  const { success, stderr } = await command.output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
}

/** A test in a folder of its own, where ffmpeg is installed. */
function videoTest(name: string, work: (folder: string) => Promise<void>): void {
  Deno.test({
    name: name + (hasFfmpeg ? "" : " (ignored: ffmpeg is not installed)"),
    ignore: !hasFfmpeg,
    fn: () => inTemporary(work),
  });
}

/** A clip of two seconds at 20 frames a second: one second red, one blue. */
async function saveClip(path: string): Promise<void> {
  const colour = (name: string) => ["-f", "lavfi", "-i", `color=${name}:s=128x64:r=20:d=1`];
  const join = ["-filter_complex", "[0][1]concat=n=2:v=1"];
  await ffmpeg(...colour("red"), ...colour("blue"), ...join, path);
}

videoTest(
  "extractFrames() takes a video's frames at the rate and size asked for",
  async (folder) => {
    const clip = join(folder, "drive.mp4"), frames = join(folder, "run/frames/drive");
    await saveClip(clip);
    await extractFrames(clip, frames, { ...size, fps: 5 });
    const dataset = await openFolder(frames);
    assertEquals(dataset.frames.length, 10);
    for (const [index, strong, weak] of [[0, 0, 2], [9, 2, 0]]) {
      const { rgb } = await dataset.read(index, size);
      assertEquals([rgb[strong] > 200, rgb[weak] < 60], [true, true], `frame ${index}`);
    }
    const before = Deno.statSync(join(frames, "000001.png")).mtime;
    await extractFrames(clip, frames, { ...size, fps: 5 });
    assertEquals(Deno.statSync(join(frames, "000001.png")).mtime, before);
    await extractFrames(clip, frames, { ...size, fps: 2 });
    assertEquals((await openFolder(frames)).frames.length, 4);
  },
);

videoTest("extractFrames() leaves a folder alone that is not its own", async (folder) => {
  const clip = join(folder, "drive.mp4"), frames = join(folder, "frames/drive");
  await saveClip(clip);
  await saveText(join(frames, "notes.txt"), "of mine");
  const extract = () => extractFrames(clip, frames, { ...size, fps: 5 });
  await assertRejects(extract, DataError, "move it away or choose another --out");
  assertEquals(Array.from(Deno.readDirSync(frames), ({ name }) => name), ["notes.txt"]);
});

videoTest(
  "extractFrames() tells the aspect of what it takes, before it was resized",
  async (folder) => {
    const source = ["-f", "lavfi", "-i", "color=red:s=96x64:r=10:d=0.5"];
    const [square, wide, turned] = ["square", "wide", "turned"].map((name) =>
      join(folder, `${name}.mp4`)
    );
    await ffmpeg(...source, square);
    await ffmpeg(...source, "-vf", "setsar=4/3", wide);
    await ffmpeg("-i", square, "-c", "copy", "-metadata:s:v", "rotate=90", turned);
    for (const [path, aspect] of [[square, 1.5], [wide, 2], [turned, 2]] as const) {
      const frames = join(folder, `frames-${videoName(path)}`);
      assertAlmostEquals(await extractFrames(path, frames, { ...size, fps: 5 }), aspect, 1e-6);
      // Once more, from what lies there; and when the video is gone.
      assertAlmostEquals(await extractFrames(path, frames, { ...size, fps: 5 }), aspect, 1e-6);
      await Deno.remove(path);
      assertAlmostEquals(await extractFrames(path, frames, { ...size, fps: 5 }), aspect, 1e-6);
    }
  },
);

videoTest("extractFrames() takes the middle of an upright video", async (folder) => {
  const turned = join(folder, "turned.mp4"), clip = join(folder, "upright.mp4");
  // Stored lying, 128 x 64, its middle 32 columns green; a phone shows it upright.
  const picture = "color=red:s=128x64:r=10:d=1,drawbox=x=48:w=32:color=lime:t=fill";
  await ffmpeg("-f", "lavfi", "-i", picture, turned);
  await ffmpeg("-i", turned, "-c", "copy", "-metadata:s:v", "rotate=90", clip);
  for (const [path, edge] of [[turned, 0], [clip, 1]] as const) {
    const frames = join(folder, `frames-${edge}`);
    await extractFrames(path, frames, { ...size, fps: 5 });
    const { rgb } = await (await openFolder(frames)).read(0, size);
    // The first row's middle: red beside the green strip lying, green from edge to edge upright.
    const corner = [rgb[3 * 2], rgb[3 * 2 + 1]];
    assertEquals(corner[edge] > 150 && corner[1 - edge] < 100, true, `${path}: ${corner}`);
  }
});

Deno.test("probeVideo() refuses a file that is no video, or says that ffmpeg is missing", () =>
  inTemporary(async (folder) => {
    const path = join(folder, "drive.mp4");
    await saveText(path, "no video");
    const expected = hasFfmpeg ? "replace it or save it anew" : "apt install ffmpeg";
    await assertRejects(() => probeVideo(path), DataError, expected);
  }));

Deno.test("probeVideo() tells what to install where no ffmpeg is found", async () => {
  const code = `const { probeVideo } = await import(${
    JSON.stringify(new URL("../../lib/data/video.ts", import.meta.url).href)
  }); await probeVideo("drive.mp4").catch((error) => console.log(error.message));`;
  const config = fromFileUrl(new URL("../../deno.json", import.meta.url));
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config", config, code],
    env: { PATH: "/nowhere" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(
    [text.includes("drive.mp4"), text.includes("apt install ffmpeg")],
    [true, true],
    text,
  );
});
