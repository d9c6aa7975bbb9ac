/**
 * A run's report as one self-contained HTML page: figures, curves, pictures and the command that
 * repeats it. It needs no network and follows the reader's light or dark setting.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding";
import { escape } from "@std/html";

/** A titled part of the page; `html` is trusted markup made by this module's helpers. */
export interface Section {
  readonly title: string;
  readonly html: string;
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; } th, td { padding: .2rem .9rem .2rem 0; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 0 0 1rem; overflow-x: auto; } figcaption { font-size: .85rem; opacity: .75; }
img { image-rendering: pixelated; width: 100%; min-width: 40rem; }
svg { max-width: 100%; height: auto; background: white; color: black; }
pre { overflow-x: auto; padding: .8rem; border: 1px solid #8884; border-radius: .3rem; }
`;

/** The whole page. */
export function page(title: string, sections: readonly Section[]): string {
  const body = sections.map((section) =>
    `<section><h2>${escape(section.title)}</h2>\n${section.html}\n</section>`
  ).join("\n");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(title)}</h1>
${body}
</body>
</html>
`;
}

/** A table of text cells; cells that look like numbers are set flush right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string) =>
    `<td${/^[-+]?[\d.]+%?$/.test(text) ? ' class="number"' : ""}>${escape(text)}</td>`;
  const headRow = head.map((text) => `<th scope="col">${escape(text)}</th>`).join("");
  const bodyRows = rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("\n");
  return `<table><thead><tr>${headRow}</tr></thead>\n<tbody>${bodyRows}</tbody></table>`;
}

/** A PNG inlined with its caption, which is the alternative text too. */
export function figure(png: Uint8Array, caption: string): string {
  const text = escape(caption);
  const source = `data:image/png;base64,${encodeBase64(png)}`;
  return `<figure><img alt="${text}" src="${source}"><figcaption>${text}</figcaption></figure>`;
}

/** Preformatted text. */
export function preformatted(text: string): string {
  return `<pre>${escape(text)}</pre>`;
}
