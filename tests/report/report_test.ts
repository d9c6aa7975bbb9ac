/** The report of a run that is made up, figure by figure, read back out of the page. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseHTML } from "linkedom";
import type { DepthScore } from "../../lib/depth/metrics.ts";
import type { ReportData } from "../../lib/report/data.ts";
import type { Picture } from "../../lib/report/pictures.ts";
import { curvePlot } from "../../lib/report/plots.ts";
import { report } from "../../lib/report/report.ts";

const NAMES = ["road", "car", "ghost"];

function picture(): Picture {
  return { height: 2, width: 4, rgb: new Uint8Array(24).fill(100) };
}

/** All measures as multiples of one number. */
function depthScore(unit: number): DepthScore {
  return {
    absRel: unit,
    sqRel: 2 * unit,
    rmse: 3 * unit,
    rmseLog: 4 * unit,
    a1: 0.5 + unit,
    a2: 0.6 + unit,
    a3: 0.7 + unit,
  };
}

/** A finished run on labelled data in which class `ghost` occurs nowhere. */
const FINISHED: ReportData = {
  title: "runs/<b>mine</b>",
  status: { stage: "pretrain", completed: 40, steps: 40, seconds: 3723 },
  metrics: [
    { stage: "depth", step: 10, loss: 0.25, learningRate: 0.5 },
    { stage: "depth", step: 20, loss: 0.125, learningRate: 0.25 },
    { stage: "pretrain", step: 10, loss: 5, pixelLoss: 4, prototypesUsed: 7, learningRate: 0.75 },
    { stage: "pretrain", step: 40, loss: 3, pixelLoss: 2, prototypesUsed: 9, learningRate: 0.125 },
  ],
  prototypes: 64,
  scores: {
    scoredOn: "test frames",
    miou: 0.41,
    accuracy: 0.875,
    untrained: 0.46,
    colour: 0.2,
    classes: NAMES.map((name) => ({ name, colour: "rgb(1 2 3)" })),
    perClass: [0.25, 0.57, NaN],
    // 2000 pixels of road, of which 500 are taken for cars.
    confusion: [[1500, 500, 0], [1, 999, 0], [0, 0, 0]],
  },
  depth: { estimated: depthScore(0.125), constant: depthScore(0.25) },
  regionPurity: 0.9,
  stages: [{
    name: "a/1",
    frame: picture(),
    depth: picture(),
    regions: picture(),
    regionCount: 17,
    mixed: picture(),
  }],
  segmentations: [{
    name: "a/1",
    frame: picture(),
    predicted: picture(),
    labels: picture(),
    mistakes: picture(),
  }],
  legend: NAMES.map((name) => ({ name, colour: "rgb(1 2 3)" })),
  environment: [["device", "cpu"]],
  settings: { seed: 3, data: ["a", "b"], depth: { steps: 20, augmentation: { flip: 0.5 } } },
  command: "deno run -A cli.ts pretrain --config runs/mine/config.json",
};

/** What is asked of an element of a page. */
interface Element {
  readonly textContent: string;
  readonly id: string;
  getAttribute(name: string): string | null;
  querySelector(selector: string): Element | null;
  querySelectorAll(selector: string): Iterable<Element>;
}

function parsed(html: string): Element {
  // linkedom's own types extend the browser's, which Deno does not know.
  return (parseHTML(html) as unknown as { document: Element }).document;
}

async function pageOf(data: ReportData): Promise<Element> {
  return parsed(await report(data));
}

function texts(element: Element, selector: string): string[] {
  return Array.from(element.querySelectorAll(selector), (found) => found.textContent.trim());
}

/** The cells of each row of a section's tables. */
function rows(page: Element, id: string): string[][] {
  return Array.from(page.querySelectorAll(`#${id} tbody tr`), (row) => texts(row, "th, td"));
}

function plotLabels(page: Element, id: string): string[] {
  return Array.from(
    page.querySelectorAll(`#${id} svg`),
    (plot) => plot.getAttribute("aria-label") ?? "",
  );
}

Deno.test("report() tells the scores, gains and time of a finished run", async () => {
  const page = await pageOf(FINISHED);
  const tiles = Array.from(page.querySelectorAll(".tiles > div"), (tile) => texts(tile, "dt, dd"));
  assertEquals(tiles, [
    ["mIoU", "41.0%", "5.0 below untrained"],
    ["Pixel accuracy", "87.5%"],
    ["Depth abs_rel", "0.125", "a constant has 0.250"],
    ["Region purity", "90.0%"],
    ["Steps", "40", "contrastive"],
    ["Time", "1:02:03", "hours"],
  ]);
  assertEquals(texts(page, ".status"), ["Finished, 40 steps"]);
  assertEquals(texts(page, "h1"), ["runs/<b>mine</b>"]);
  const [comparison, classes] = plotLabels(page, "result");
  assertMatch(comparison, /this run 41\.0.*untrained 46\.0.*colour 20\.0/);
  // The best first, what occurs nowhere last.
  assertMatch(classes, /car 57\.0.*road 25\.0.*ghost occurs nowhere/);
});

Deno.test("report() divides rows of the confusion matrix by their labelled pixels", async () => {
  const page = await pageOf(FINISHED);
  assertEquals(rows(page, "confusion"), [
    ["road", "75", "25", "0"],
    ["car", "0", "100", "0"],
    ["ghost", "-", "-", "-"],
  ]);
  const titles = Array.from(
    page.querySelectorAll("#confusion td"),
    (td) => td.getAttribute("title"),
  );
  assertEquals(titles[1], "road taken for car: 500 of 2,000 pixels (25.0%)");
  assertEquals(titles[3], "car taken for road: 1 of 1,000 pixels (0.1%)");
});

Deno.test("report() sets estimated depth beside a constant", async () => {
  const table = rows(await pageOf(FINISHED), "depth");
  assertEquals(table.map(([, estimated, constant]) => [estimated, constant]), [
    ["0.125", "0.250"],
    ["0.250", "0.500"],
    ["0.38", "0.75"],
    ["0.500", "1.000"],
    ["62.5%", "75.0%"],
    ["72.5%", "85.0%"],
    ["82.5%", "95.0%"],
  ]);
});

Deno.test("report() draws each stage's own curves, from the first logged step to the last", async () => {
  const page = await pageOf(FINISHED);
  const labels = plotLabels(page, "training");
  assertEquals(labels.length, 4);
  assertMatch(labels[0], /^Depth: loss: .*from 0\.250 at step 10 to 0\.125 at step 20$/);
  assertMatch(labels[1], /^Depth: learning rate: .*from 0\.500 at step 10 to 0\.250 at step 20$/);
  assertMatch(
    labels[2],
    /pixels from 4\.00 at step 10 to 2\.00 at step 40; weighted sum from 5\.00/,
  );
  assertMatch(labels[3], /from 0\.750 at step 10 to 0\.125 at step 40$/);
  const [used] = plotLabels(page, "prototypes");
  assertMatch(used, /^In use, of 64: .*from 7\.00 at step 10 to 9\.00 at step 40$/);
});

Deno.test("report() lists every setting, and the command that repeats the run", async () => {
  const page = await pageOf(FINISHED);
  assertEquals(rows(page, "settings"), [
    ["seed", "3"],
    ["data", "a, b"],
    ["steps", "20"],
    ["augmentation.flip", "0.5"],
  ]);
  assertEquals(texts(page, "#repeat-command"), [FINISHED.command]);
  assertEquals(rows(page, "environment"), [["device", "cpu"]]);
});

Deno.test("report() of an interrupted run says how it goes on, and leaves out what is not there", async () => {
  const resume = "deno run -A cli.ts pretrain --resume --out runs/mine";
  const page = await pageOf({
    ...FINISHED,
    status: { stage: "depth", completed: 15, steps: 20, resume },
    scores: undefined,
    depth: undefined,
    regionPurity: undefined,
    stages: [],
    segmentations: [],
    metrics: FINISHED.metrics.slice(0, 1),
    depthRun: "runs/other",
  });
  const ids = Array.from(page.querySelectorAll("main > section"), ({ id }) => id);
  assertEquals(ids, ["result", "training", "environment", "settings", "repeat"]);
  assertEquals(texts(page, ".status"), ["Interrupted in the depth stage at step 15 of 20"]);
  assertEquals(texts(page, ".callout pre"), [resume]);
  const tiles = Array.from(page.querySelectorAll(".tiles > div"), (tile) => texts(tile, "dt, dd"));
  assertEquals(tiles, [["Steps", "15", "depth, of 20"]]);
  assert(texts(page, "#training").join().includes("taken from runs/other"));
});

Deno.test("curvePlot() thins a long curve to means, each at the last of its steps", () => {
  const points = Array.from({ length: 899 }, (_, i) => ({ step: 10 * (i + 1), value: i }));
  const plot = curvePlot([{ name: "loss", colour: "red", points }], "a curve");
  const titles = texts(parsed(`<body>${plot}</body>`), "title");
  // Threes, of which the last has but two.
  assertEquals(titles.length, 300);
  assertEquals(titles[0], "loss at step 30: 1.000");
  assertEquals(titles[299], "loss at step 8990: 897.5");
});
