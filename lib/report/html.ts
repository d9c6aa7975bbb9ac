/**
 * The report's page and the pieces that sections are made of. The page is one file that fetches
 * nothing: its content security policy forbids it.
 *
 * @module
 */

import { escape } from "@std/html";
import { BEHAVIOUR } from "./behaviour.ts";
import { STYLE } from "./style.ts";

/** A part of the page; `html` is trusted markup made by this module's helpers. */
export interface Section {
  /** Its address in the page. */
  readonly id: string;
  readonly title: string;
  readonly html: string;
}

/** What stands above and below the sections. */
export interface PageFrame {
  readonly title: string;
  readonly kicker: string;
  /** Markup under the title. */
  readonly status: string;
  readonly foot: string;
}

const POLICY =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
const ICON = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E" +
  "%3Cpath fill='%234682b4' d='M0 0h8v4H0z'/%3E%3Cpath fill='%23804080' d='M0 4h8v4H0z'/%3E" +
  "%3Cpath fill='%236b8e23' d='M0 2h3v3H0z'/%3E%3C/svg%3E";

/** The whole page. */
export function page(frame: PageFrame, sections: readonly Section[]): string {
  const title = escape(frame.title);
  const contents = sections.map(({ id, title }) =>
    `<li><a href="#${id}">${escape(title)}</a></li>`
  );
  const body = sections.map(({ id, title, html }) =>
    `<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${escape(title)}</h2>
${html}
</section>`
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} - cpcdr report</title>
<link rel="icon" href="${ICON}">
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<div class="shell">
<header class="masthead">
<div><p class="kicker">${escape(frame.kicker)}</p>
<h1>${title}</h1>
${frame.status}</div>
<button id="theme" type="button" hidden>Colours: auto</button>
</header>
<div class="columns">
<nav class="contents" aria-label="Sections"><ol>${contents.join("")}</ol></nav>
<main id="content" tabindex="-1">
${body.join("\n")}
</main>
</div>
<footer class="small">${escape(frame.foot)}</footer>
</div>
<script>${BEHAVIOUR}</script>
</body>
</html>
`;
}

/**
 * A table; the first cell of each row is its head. Cells that look like numbers are set flush right, unless
 * there is no head: such tables are names and values of all kinds.
 */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const isNumber = (text: string) => head.length > 0 && /^[-+]?[\d.,]+%?$/.test(text);
  const cell = (text: string, column: number) =>
    column === 0
      ? `<th scope="row">${escape(text)}</th>`
      : `<td${isNumber(text) ? ' class="number"' : ""}>${escape(text)}</td>`;
  const headCell = (text: string, column: number) => {
    const numbers = column > 0 && rows.length > 0 && rows.every((row) => isNumber(row[column]));
    return `<th scope="col"${numbers ? ' class="number"' : ""}>${escape(text)}</th>`;
  };
  const headRow = head.length ? `<thead><tr>${head.map(headCell).join("")}</tr></thead>\n` : "";
  const bodyRows = rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("\n");
  return `<div class="scroll"><table>${headRow}<tbody>${bodyRows}</tbody></table></div>`;
}

/** Colours and what they stand for. */
export function legend(entries: readonly { name: string; colour: string }[]): string {
  const items = entries.map(({ name, colour }) =>
    `<li><span class="swatch" style="background: ${escape(colour)}"></span>${escape(name)}</li>`
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

/** Preformatted text; with an id, a button beside it copies it. */
export function preformatted(text: string, id?: string): string {
  if (!id) return `<pre>${escape(text)}</pre>`;
  return `<pre id="${id}">${escape(text)}</pre>
<button type="button" data-copies="${id}" hidden>Copy the command</button>`;
}

/** A paragraph that explains what is seen. */
export function note(text: string): string {
  return `<p class="note">${escape(text)}</p>`;
}
