/**
 * Questions to a page that checks have in common.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { Browser } from "./browser.ts";

/**
 * An expression: what the tab key should reach, in the order of the page, each as `window.describe` words it.
 * Of a group of radio buttons it is the chosen one.
 */
export function focusables(): string {
  return `(() => {
    window.describe = (e) => e.tagName + (e.id && "#" + e.id) + " " +
      (e.getAttribute("aria-label") ?? e.title ?? "") + (e.textContent ?? "").slice(0, 30);
    const all = document.querySelectorAll(
      "a[href], button, input, summary, [tabindex='0'], .scroll");
    const scrolls = (e) => e.scrollWidth > e.clientWidth && !e.querySelector("[tabindex='0']");
    return [...all].filter((e) => !e.hidden && (e.type !== "radio" || e.checked) &&
      (!e.matches(".scroll") || scrolls(e))).map(window.describe);
  })()`;
}

/** Relative luminance 0..1 of a computed colour. */
export function luminance(colour: string): number {
  assert(/^rgba?\(/.test(colour), colour);
  const [r, g, b] = colour.match(/[\d.]+/g)!.map(Number).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Serious and critical findings of axe-core, one line each. */
export async function violations(browser: Browser, source: string): Promise<string[]> {
  await browser.evaluate(`${source}; undefined`);
  return await browser.evaluate<string[]>(
    `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => id + ": " + nodes.slice(0, 3).map((n) => n.html.slice(0, 120) +
        " " + n.failureSummary).join(" | ")))`,
  );
}
