import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { decodeBase64 } from "@std/encoding";
import sharp from "sharp";
import { ConfigError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import type { Frame, MixedBatch } from "../../lib/records.ts";
import {
  JUPYTER_DISPLAY,
  type MimeBundle,
  show,
  type Showable,
  showCurves,
  Shown,
  showScore,
} from "../../lib/report/display.ts";

const random = randomStream(Date.now(), "display");

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.integer(256));
}

function frameOf(height: number, width: number): Frame {
  const rgb = bytes(height * width * 3);
  return { name: "a/1", sequence: "a", height, width, rgb };
}

/** What Jupyter gets. */
async function formsOf(shown: Shown): Promise<MimeBundle> {
  return await shown[JUPYTER_DISPLAY]();
}

async function pixelsOf(shown: Shown): Promise<{ rgb: Uint8Array; height: number; width: number }> {
  const png = decodeBase64((await formsOf(shown))["image/png"]!);
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  assertEquals(info.channels, 3);
  return { rgb: new Uint8Array(data), height: info.height, width: info.width };
}

Deno.test("show() answers what Deno's Jupyter kernel looks for, and records stay plain", async () => {
  const frame = frameOf(4, 6);
  const shown = show(frame);
  const method = (shown as unknown as Record<symbol, () => Promise<MimeBundle>>)[
    Symbol.for("Jupyter.display")
  ];
  const forms = await method.call(shown);
  assertEquals(Object.keys(forms).sort(), ["image/png", "text/plain"]);
  assertEquals(forms["text/plain"], "frame a/1 6 x 4");
  assertEquals(Object.getOwnPropertySymbols(frame), []);
});

Deno.test("show() enlarges a small frame by a whole factor, and changes no pixel", async () => {
  const frame = frameOf(5, 100);
  const { rgb, height, width } = await pixelsOf(show(frame));
  assertEquals([height, width], [50, 1000]);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = 3 * (Math.floor(y / 10) * 100 + Math.floor(x / 10)), to = 3 * (y * width + x);
      for (let c = 0; c < 3; c++) assertEquals(rgb[to + c], frame.rgb[from + c]);
    }
  }
});

Deno.test("show() leaves a frame that is wide enough as it is", async () => {
  const frame = frameOf(3, 961);
  const { rgb, height, width } = await pixelsOf(show(frame));
  assertEquals([height, width], [3, 961]);
  assertEquals(rgb, frame.rgb);
});

Deno.test("show() puts four pictures in a row, all as high as the highest", async () => {
  const large = Array.from({ length: 3 }, () => frameOf(8, 240));
  const low = frameOf(4, 120), last = frameOf(2, 30);
  const { rgb, height, width } = await pixelsOf(show(...large, low, last));
  // Gaps of 2 between four columns of 240 and two rows of 8.
  assertEquals([height, width], [18, 966]);
  const at = (x: number, y: number) => [...rgb.slice(3 * (y * width + x), 3 * (y * width + x) + 3)];
  const of = ({ rgb, width }: Frame, x: number, y: number) => [
    ...rgb.slice(3 * (y * width + x), 3 * (y * width + x) + 3),
  ];
  assertEquals(at(242 + 17, 7), of(large[1], 17, 7));
  assertEquals(at(726 + 101, 5), of(low, 50, 2));
  assertEquals(at(101, 10 + 6), of(last, 25, 1));
  assertEquals(at(241, 3), [255, 255, 255]);
  assertEquals(at(500, 11), [255, 255, 255]);
});

Deno.test("show() tells the records apart, a frame with disparity included", async () => {
  const [height, width] = [4, 8], size = height * width;
  const disparity = Float32Array.from({ length: size }, () => random.uniform(0.1, 1));
  const batch: MixedBatch = {
    count: 2,
    height,
    width,
    images: new Float32Array(2 * size * 3),
    copyIds: new Int32Array(2 * size),
    regionIds: new Int32Array(2 * size),
    copies: [],
    regionOffsets: Int32Array.of(0, 1),
  };
  const values = Float32Array.from({ length: 3 * 2 * 4 * 5 }, () => random.normal());
  const region = { area: size, top: 0, left: 0, bottom: height, right: width, disparity: 1 };
  const cases: [Showable, string][] = [
    [{ ...frameOf(height, width), disparity }, "frame a/1 8 x 4"],
    [{ height, width, disparity }, "disparity 8 x 4"],
    [{ height, width, ids: new Int32Array(size), regions: [region] }, "1 regions 8 x 4"],
    [batch, "2 mixed images 8 x 4"],
    [{ count: 3, height: 2, width: 4, channels: 5, values }, "features 3 x 4 x 2 x 5"],
    [{ height, width, rgb: bytes(3 * size) }, "picture 8 x 4"],
  ];
  for (const [record, text] of cases) {
    assertEquals((await formsOf(show(record)))["text/plain"], text);
  }
  const all = await formsOf(show(...cases.map(([record]) => record)));
  assertEquals(all["text/plain"], cases.map(([, text]) => text).join(" | "));
  assertEquals((await pixelsOf(show(batch))).width, 53 * (2 * width + 2));
});

Deno.test("show() draws what is no number in grey, and the rest as it would without", async () => {
  const [height, width] = [8, 960];
  const disparity = Float32Array.from({ length: height * width }, () => random.uniform(0.1, 1));
  const whole = await pixelsOf(show({ height, width, disparity }));
  // More than the scale leaves out at its upper end.
  const holes = disparity.map((value, i) => i % 10 === 0 ? NaN : value);
  const { rgb } = await pixelsOf(show({ height, width, disparity: holes }));
  let off = 0;
  for (let i = 0; i < height * width; i++) {
    const [red, green, blue] = rgb.subarray(3 * i, 3 * i + 3);
    if (i % 10 === 0) assertEquals([red, green, blue], [128, 128, 128]);
    else off = Math.max(off, Math.abs(red - whole.rgb[3 * i]));
  }
  assert(off < 20, `${off}`);
  const nothing = new Float32Array(height * width).fill(NaN);
  const grey = await pixelsOf(show({ height, width, disparity: nothing }));
  assertEquals(new Set(grey.rgb), new Set([128]));
});

Deno.test("show() refuses nothing, strangers and heights that do not fit", () => {
  const refused = (...values: unknown[]) => () => show(...values as Showable[]);
  assertThrows(refused(), ConfigError, "expected a record");
  assertThrows(refused({ miou: 0.5, perClass: [] }), ConfigError, "got miou, perClass");
  assertThrows(refused(Promise.resolve(frameOf(2, 2))), ConfigError, "no fields");
  assertThrows(refused(undefined), ConfigError, "got undefined");
  assertThrows(refused([frameOf(2, 2), frameOf(2, 2)]), ConfigError, "a list of 2; spread it");
  assertThrows(refused(frameOf(4, 4), frameOf(3, 4)), ConfigError, "divide 4, got 3");
});

Deno.test("showCurves() draws one line a name", async () => {
  const metrics = [{ loss: 3, other: 1, rate: 0.1 }, { loss: 2.00001, other: 2, rate: 0.2 }];
  const forms = await formsOf(showCurves(metrics, ["loss", "other"]));
  assertEquals(forms["text/plain"], "2 steps: loss 3 -> 2, other 1 -> 2");
  const html = forms["text/html"]!;
  assertStringIncludes(html, "</span> other</p><svg");
  assertEquals(new Set(html.match(/stroke="var\(--\w+\)"/g)).size, 2);
  assert(!html.includes("rate"));
});

Deno.test("showCurves() refuses what it cannot draw", () => {
  assertThrows(() => showCurves([], []), ConfigError, "0 steps");
  assertThrows(() => showCurves([{ loss: 1 }], []), ConfigError, "0 names");
  const lacking = [{ loss: 1 }, {}] as unknown as { loss: number }[];
  assertThrows(() => showCurves(lacking, ["loss"]), ConfigError, "none called loss");
});

Deno.test("showScore() tells percentages, and leaves out classes that do not occur", async () => {
  const perClass = [0.8123, NaN, 0];
  const score = { miou: 0.40615, accuracy: 0.7, perClass, confusion: new Float64Array(9) };
  const forms = await formsOf(showScore(score, ["road", "a<b", "car"]));
  assertEquals(forms["text/plain"], "mIoU 40.6%, pixel accuracy 70.0%\nroad 81.2%\ncar 0.0%");
  assertStringIncludes(forms["text/html"]!, "<p>mIoU 40.6%, pixel accuracy 70.0%</p><svg");
  assert(!forms["text/html"]!.includes("a&lt;b"));
  assertThrows(() => showScore(score, ["road"]), ConfigError, "expected 3 class names, got 1");
});
