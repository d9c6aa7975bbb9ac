/**
 * What is expected of a report in a browser. Every check begins on the page freshly loaded, in a light window
 * of 1280 x 900.
 *
 * @module
 */

import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import axe from "axe-core";
import type { Browser } from "./browser.ts";
import { focusables, luminance, violations } from "./page.ts";
import { repeatAs, resumeFrom } from "./repeat.ts";

/** A page and the run it tells of. */
export interface Look {
  readonly browser: Browser;
  readonly url: string;
  /** The run's folder, and the one that commands are started in. */
  readonly run: string;
  readonly folder: string;
}

type Checks = Readonly<Record<string, (look: Look) => Promise<void>>>;

/** Sections that a report without labels and truth has. */
const PLAIN = ["result", "segmentation", "stages", "training", "prototypes", "environment"]
  .concat("settings", "repeat");
const WITH_TRUTH = ["result", "segmentation", "confusion", "stages", "depth", "training"]
  .concat("prototypes", "environment", "settings", "repeat");

const QUIET: Checks = {
  async "nothing on the console, and nothing fetched but the file"({ browser, url }) {
    const noise = browser.events.filter(({ method }) =>
      ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"].includes(method)
    );
    assertEquals(noise, []);
    const fetched = browser.events.filter(({ method }) => method === "Network.requestWillBeSent")
      .map(({ params }) => (params.request as { url: string }).url)
      .filter((address) => !address.startsWith("data:"));
    assertEquals(fetched, [url]);
    const addresses = await browser.evaluate<string[]>(
      `[...document.querySelectorAll("[src], link[href]")].map((e) => e.src || e.href)`,
    );
    assert(addresses.length > 20, `${addresses.length} pictures`);
    assertEquals(addresses.filter((address) => !address.startsWith("data:")), []);
  },
  async "every picture is decoded and has words"({ browser }) {
    const broken = await browser.evaluate<string[]>(
      `Promise.all([...document.images].map((i) => i.decode().then(() => i.alt ? "" : "no words",
        () => "not decoded: " + i.alt))).then((all) => all.filter((problem) => problem))`,
    );
    assertEquals(broken, []);
    const plots = await browser.evaluate<string[]>(
      `[...document.querySelectorAll(".plot svg")].map((svg) => svg.getAttribute("aria-label") ?? "")`,
    );
    for (const label of plots) assert(/\d/.test(label), label);
    assertEquals(plots.filter((label) => /NaN|undefined|Infinity/.test(label)), []);
  },
  async "nothing is wider than a phone"({ browser }) {
    for (const width of [390, 320]) {
      await browser.look(width, 844, "light");
      const wide = await browser.evaluate("document.documentElement.scrollWidth");
      assert(wide as number <= width, `${wide} of ${width} pixels`);
    }
  },
  async "axe finds no serious violation, in light and dark, wide and narrow"({ browser }) {
    const found: string[] = [];
    for (const [width, scheme] of [[1280, "light"], [1280, "dark"], [390, "dark"]] as const) {
      await browser.look(width, 844, scheme);
      found.push(...await violations(browser, axe.source));
    }
    assertEquals(found, []);
  },
};

const SECTIONS = (expected: readonly string[]): Checks => ({
  async "all sections are there, with a heading and a place in the contents"({ browser }) {
    const of = (selector: string, value: string) =>
      browser.evaluate<string[]>(
        `[...document.querySelectorAll("${selector}")].map((e) => ${value})`,
      );
    assertEquals(await of("main > section", "e.id"), expected);
    assertEquals(await of(".contents a", "e.hash.slice(1)"), expected);
    const heads = await of("main > section", "e.querySelector('h2').textContent");
    assertEquals(await of(".contents a", "e.textContent"), heads);
    assertEquals(await of("main > section", "e.innerText.length > 30"), expected.map(() => true));
  },
});

const CONTROLS: Checks = {
  async "the slider moves with arrow keys and with the pointer"({ browser }) {
    const state = () =>
      browser.evaluate<[number, string]>(`(() => {
        const stage = document.querySelector(".compare .stage");
        return [Number(stage.querySelector("input").value),
          getComputedStyle(stage.querySelector(".over")).clipPath];
      })()`);
    await browser.evaluate(`document.querySelector(".compare input").focus()`);
    const [before, clip] = await state();
    await browser.press("ArrowRight");
    const [after, clipAfter] = await state();
    assert(after > before, `${before} to ${after}`);
    assertNotEquals(clip, clipAfter);
    assert(clipAfter.includes(`${after}%`), clipAfter);
    const outline = await browser.evaluate(
      `getComputedStyle(document.querySelector(".compare .stage")).outlineStyle`,
    );
    assertEquals(outline, "solid");
    const [left, top, width] = await browser.evaluate<[number, number, number]>(`(() => {
      const stage = document.querySelector(".compare .stage");
      stage.scrollIntoView({ block: "center", behavior: "instant" });
      const box = stage.getBoundingClientRect();
      return [box.left, box.top + box.height / 2, box.width];
    })()`);
    await browser.drag([left + 0.7 * width, top], [left + 0.25 * width, top]);
    assertAlmostEquals((await state())[0], 25, 2);
  },
  async "tab reaches every control, in the order of the page"({ browser }) {
    const expected = await browser.evaluate<string[]>(focusables());
    assert(expected.length > 15, `${expected.length} controls`);
    const reached: string[] = [];
    for (let i = 0; i < expected.length; i++) {
      await browser.press("Tab");
      reached.push(await browser.evaluate<string>(`window.describe(document.activeElement)`));
    }
    assertEquals(reached, expected);
  },
  async "colours follow the reader's setting, and the button overrules it"({ browser }) {
    const tones = () =>
      browser.evaluate<[string, string, string]>(`(() => {
        const of = (selector, name) => getComputedStyle(document.querySelector(selector))[name];
        return [of("body", "backgroundColor"), of("h1", "color"), of(".plot svg text", "fill")];
      })()`);
    const [paper, ink, plot] = (await tones()).map(luminance);
    assert(paper > 0.8 && ink < 0.1 && plot < 0.1, `${[paper, ink, plot]}`);
    await browser.look(1280, 900, "dark");
    const [darkPaper, darkInk, darkPlot] = (await tones()).map(luminance);
    assert(
      darkPaper < 0.05 && darkInk > 0.6 && darkPlot > 0.6,
      `${[darkPaper, darkInk, darkPlot]}`,
    );
    const press = () =>
      browser.evaluate<string>(
        `(() => { const b = document.querySelector("#theme"); b.click(); return b.textContent; })()`,
      );
    assertEquals(await press(), "Colours: light");
    assert(luminance((await tones())[0]) > 0.8);
    await browser.look(1280, 900, "light");
    assertEquals(await press(), "Colours: dark");
    assert(luminance((await tones())[0]) < 0.05);
    assertEquals(await press(), "Colours: auto");
    assert(luminance((await tones())[0]) > 0.8);
  },
  async "in print it is light, without controls, and every fold is open"({ browser }) {
    await browser.look(1280, 900, "dark", "print");
    await browser.evaluate(`dispatchEvent(new Event("beforeprint"))`);
    const [nav, button, folds, paper] = await browser.evaluate<[string, string, boolean, string]>(
      `(() => {
        const of = (selector, name) => getComputedStyle(document.querySelector(selector))[name];
        return [of(".contents", "display"), of("#theme", "display"),
          [...document.querySelectorAll("details")].every((d) => d.open), of("h1", "color")];
      })()`,
    );
    assertEquals([nav, button, folds], ["none", "none", true]);
    assert(luminance(paper) < 0.1, paper);
  },
};

const SCORES: Checks = {
  async "figures are those of result.json"({ browser, run }) {
    const result = JSON.parse(await Deno.readTextFile(join(run, "result.json")));
    const text = await browser.evaluate<string>(`document.querySelector("#result").innerText`);
    for (const value of [result.miou, result.accuracy, result.depth.regionPurity]) {
      assert(text.includes(`${(100 * value).toFixed(1)}%`), `${value} in ${text}`);
    }
    assert(text.includes(result.depth.absRel.toFixed(3)), text);
    const bars = await browser.evaluate<string>(
      `[...document.querySelectorAll("#result svg title")].map((t) => t.textContent).join("\\n")`,
    );
    for (const value of [result.miou, result.randomInitMiou, result.colourKmeansMiou]) {
      assert(bars.includes(`: ${(100 * value).toFixed(1)}%`), `${value} in ${bars}`);
    }
    for (const [name, iou] of Object.entries<number>(result.perClass)) {
      if (iou !== null) assert(bars.includes(`${name}: ${(100 * iou).toFixed(1)}%`), bars);
    }
  },
  async "the confusion matrix holds the counts that give the scores, and keys go through it"(
    { browser, run },
  ) {
    const result = JSON.parse(await Deno.readTextFile(join(run, "result.json")));
    const cells = await browser.evaluate<[string, string][][]>(
      `[...document.querySelectorAll(".confusion tbody tr")].map((row) =>
        [...row.querySelectorAll("td")].map((cell) => [cell.textContent, cell.title]))`,
    );
    const counts = cells.map((row) =>
      row.map(([, title]) => Number(title.match(/: ([\d,]+) of/)![1].replaceAll(",", "")))
    );
    assertEquals(counts, result.confusion);
    const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
    const total = sum(counts.flat());
    assertAlmostEquals(sum(counts.map((row, i) => row[i])) / total, result.accuracy, 1e-9);
    Object.values<number | null>(result.perClass).forEach((iou, i) => {
      const either = sum(counts[i]) + sum(counts.map((row) => row[i])) - counts[i][i];
      if (iou !== null) assertAlmostEquals(counts[i][i] / either, iou, 1e-9);
    });
    cells.forEach((row, i) =>
      row.forEach(([text], j) => {
        const all = sum(counts[i]);
        assertEquals(text, all ? (100 * counts[i][j] / all).toFixed(0) : "-");
      })
    );
    await browser.evaluate(`document.querySelector(".confusion td[tabindex='0']").focus()`);
    for (const key of ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowDown"]) {
      await browser.press(key);
    }
    const told = await browser.evaluate(`document.querySelector(".readout").textContent`);
    assertEquals(told, cells[2][0][1]);
  },
  async "labels and mistakes can lie over the frames instead"({ browser }) {
    const shown = () =>
      browser.evaluate<string[]>(
        `[...document.querySelector(".compare .stage").querySelectorAll(".over")]
          .filter((e) => getComputedStyle(e).display !== "none").map((e) => e.classList[e.classList.length - 1])`,
      );
    assertEquals(await shown(), ["predicted"]);
    await browser.evaluate(`document.querySelector("#layer-predicted").focus()`);
    await browser.press("ArrowRight");
    assertEquals(await shown(), ["labels"]);
    await browser.evaluate(`document.querySelector("label[for=layer-mistakes]").click()`);
    assertEquals(await shown(), ["mistakes"]);
  },
  async "its command repeats the run to the same bytes"({ browser, run, folder }) {
    const command = await browser.evaluate<string>(
      `document.querySelector("#repeat-command").textContent`,
    );
    const again = await repeatAs(command, "repeated", folder);
    const { steps } = JSON.parse(await Deno.readTextFile(join(run, "result.json")));
    const name = `checkpoint-${String(steps).padStart(6, "0")}.safetensors`;
    const [a, b] = [await Deno.readFile(join(run, name)), await Deno.readFile(join(again, name))];
    assert(a.length === b.length && a.every((byte, i) => byte === b[i]), "the checkpoints differ");
  },
};

/** Of a run with labels and truth. */
export const LABELLED_CHECKS: Checks = {
  ...QUIET,
  ...SECTIONS(WITH_TRUTH),
  ...CONTROLS,
  ...SCORES,
};

/** Of a run on frames alone. */
export const UNLABELLED_CHECKS: Checks = {
  ...QUIET,
  ...SECTIONS(PLAIN),
  ...CONTROLS,
  async "it says that nothing is scored, and shows groups"({ browser }) {
    const text = await browser.evaluate<string>(`document.querySelector("main").innerText`);
    assert(text.includes("no labels") && text.includes("group 12"), text);
    assert(!/mIoU|NaN|undefined/.test(text), text);
  },
};

/** Of a run that was stopped by SIGINT. */
export const STOPPED_CHECKS: Checks = {
  ...QUIET,
  ...SECTIONS(PLAIN),
  async "it says how far it came, and its command goes on from there"({ browser, run, folder }) {
    const { text, command } = await browser.evaluate<{ text: string; command: string }>(
      `({ text: document.querySelector(".callout").innerText,
          command: document.querySelector(".callout pre").textContent })`,
    );
    const [, done, steps] = text.match(/contrastive stage after (\d+) of (\d+) steps/)!.map(Number);
    assertEquals(steps, 1000);
    assert(done > 0 && done < steps, text);
    const name = `checkpoint-${String(done).padStart(6, "0")}.safetensors`;
    assert((await Deno.stat(join(run, name))).isFile);
    const { from, to } = await resumeFrom(command, run, folder);
    assertEquals(from, done);
    assert(to > done, `${from} to ${to}`);
  },
};
