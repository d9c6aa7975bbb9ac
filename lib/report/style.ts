/**
 * The report's style sheet. Sizes are in rem so that a reader's own font size counts; colours come from
 * {@link themeVariables}; nothing is fetched.
 *
 * @module
 */

import { themeVariables } from "./theme.ts";

const BASE = `
:root { color-scheme: light dark; ${themeVariables()}
  --serif: "Iowan Old Style", "Palatino Linotype", "URW Palladio L", "TeX Gyre Pagella", Palatino,
    Georgia, serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
:root[data-theme=light] { color-scheme: light; }
:root[data-theme=dark] { color-scheme: dark; }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1.5rem; }
body { margin: 0; background: var(--paper); color: var(--ink); -webkit-text-size-adjust: 100%;
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1, h2 { font-family: var(--serif); font-weight: 400; line-height: 1.2; text-wrap: balance; }
h1 { font-size: clamp(1.7rem, 1.2rem + 2vw, 2.5rem); margin: .1em 0 .3em; overflow-wrap: anywhere; }
h2 { font-size: 1.6rem; margin: 0 0 .6rem; }
h3 { font-size: .95rem; font-weight: 600; margin: 0 0 .4rem; }
p { margin: 0 0 1rem; max-width: 42rem; }
.note, figcaption, .small { color: var(--muted); font-size: .875rem; }
a { color: var(--accent); text-underline-offset: .2em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: 3px; }
code, pre { font-family: var(--mono); font-size: .85rem; }
`;

const LAYOUT = `
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: 1rem; z-index: 9; background: var(--card); padding: .5rem 1rem; }
.shell { max-width: 76rem; margin: 0 auto; padding: 0 clamp(1rem, 3vw, 2.5rem) 3rem; }
.masthead { padding: 2.2rem 0 1.4rem; display: flex; gap: 1rem 2rem; flex-wrap: wrap;
  align-items: flex-start; justify-content: space-between; }
.masthead > div { flex: 1 1 18rem; min-width: 0; }
.kicker { margin: 0; color: var(--muted); font-size: .875rem; letter-spacing: .02em; }
.columns { display: grid; gap: 0 3rem; grid-template-columns: 10.5rem minmax(0, 1fr); }
.contents { position: sticky; top: 1.5rem; align-self: start; font-size: .92rem; }
.contents ol { list-style: none; margin: 0; padding: 0; border-left: 1px solid var(--rule); }
.contents a { display: block; padding: .28rem .9rem; margin-left: -1px; color: var(--muted);
  text-decoration: none; border-left: 3px solid transparent; }
.contents a:hover, .contents a[aria-current] { color: var(--ink); border-color: var(--accent); }
main > section { padding: 0 0 3.2rem; }
main > section + section { border-top: 1px solid var(--rule); padding-top: 2.2rem; }
footer { border-top: 1px solid var(--rule); padding-top: 1.2rem; }
.grid { display: grid; gap: 1.6rem 2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); }
.scroll { overflow-x: auto; }
@media (max-width: 56rem) {
  .columns { display: block; }
  .contents { position: static; margin: 0 0 2rem; }
  .contents ol { display: flex; flex-wrap: wrap; gap: .1rem .9rem; border: 0; }
  .contents a { padding: .3rem 0; margin: 0; border-left: 0; text-decoration: underline; }
}
`;

const PARTS = `
button, .choice label { font: inherit; font-size: .875rem; color: var(--ink); background: var(--card);
  border: 1px solid var(--rule); border-radius: 2rem; padding: .35rem .95rem; cursor: pointer; }
button:hover, .choice label:hover { border-color: var(--accent); }
.status { display: inline-block; font-size: .875rem; }
.status::before { content: ""; display: inline-block; width: .6rem; height: .6rem; margin-right: .5rem;
  border-radius: 50%; background: var(--vegetation); }
.status.stopped::before { background: var(--light); }
.callout { border-left: 3px solid var(--light); background: var(--card); padding: .9rem 1.1rem;
  margin: 0 0 1.6rem; } .callout p:last-child, .callout pre { margin-bottom: 0; }
.tiles { display: grid; gap: 1rem; margin: 1.2rem 0 1.8rem; padding: 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 8.1rem), 1fr)); }
.tiles div { background: var(--card); border: 1px solid var(--rule); border-radius: .6rem;
  padding: .75rem .9rem .8rem; }
.tiles dt { color: var(--muted); font-size: .82rem; }
.tiles dd { margin: 0; font-family: var(--serif); font-size: 1.75rem; line-height: 1.25;
  font-variant-numeric: tabular-nums lining-nums; }
.tiles dd + dd { font: inherit; font-size: .82rem; line-height: 1.35; color: var(--muted); }
.tiles .main dd:nth-of-type(1) { color: var(--accent); }
figure { margin: 0; } figcaption { margin-top: .3rem; overflow-wrap: anywhere; }
.plot h3 { margin-bottom: .1rem; } .plot svg { display: block; width: 100%; max-width: 27rem; height: auto; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: 0 0 .6rem;
  padding: 0; font-size: .875rem; color: var(--muted); }
.swatch { display: inline-block; width: .8rem; height: .8rem; border-radius: .2rem; margin-right: .4rem;
  vertical-align: -.06rem; box-shadow: 0 0 0 1px color-mix(in srgb, currentColor 35%, transparent); }
table { border-collapse: collapse; font-size: .92rem; }
th, td { padding: .38rem 1.2rem .38rem 0; text-align: left; vertical-align: baseline;
  border-bottom: 1px solid var(--rule); }
thead th { color: var(--muted); font-weight: 500; font-size: .85rem; } tbody th { font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; margin: 0 0 1rem; padding: .9rem 1rem; background: var(--card);
  border: 1px solid var(--rule); border-radius: .5rem; white-space: pre-wrap; overflow-wrap: anywhere; }
details { border-bottom: 1px solid var(--rule); } summary { cursor: pointer; padding: .6rem 0; }
details[open] { padding-bottom: 1rem; } details td { overflow-wrap: anywhere; }
img { display: block; width: 100%; height: auto; border-radius: .3rem; background: var(--rule); }
img.small { image-rendering: pixelated; }
`;

const WIDGETS = `
.strip { display: grid; gap: .8rem; margin: 0 0 1.3rem; grid-template-columns: repeat(4, minmax(0, 1fr)); }
.stack { display: grid; gap: 1.6rem; grid-template-columns: repeat(2, minmax(0, 1fr)); }
@media (max-width: 40rem) { .strip { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .stack { grid-template-columns: minmax(0, 1fr); } }
.choice { border: 0; margin: 0 0 1rem; padding: 0; display: flex; flex-wrap: wrap; gap: .5rem; }
.choice legend { float: left; padding: .35rem .5rem .35rem 0; font-size: .875rem; color: var(--muted); }
.choice input { position: absolute; opacity: 0; }
.choice input:checked + label { background: var(--accent); border-color: var(--accent); color: var(--paper); }
.choice input:focus-visible + label { outline: 3px solid var(--accent); outline-offset: 3px; }
.compare .stage { --at: 50%; position: relative; cursor: ew-resize; touch-action: pan-y;
  user-select: none; border-radius: .3rem; overflow: hidden; }
.compare .over { position: absolute; inset: 0; clip-path: inset(0 0 0 var(--at)); border-radius: 0; }
.compare .stage::after { content: ""; position: absolute; inset: 0 auto 0 var(--at); width: 3px;
  margin-left: -1.5px; background: #fff; box-shadow: 0 0 0 1px #0009; pointer-events: none; }
.compare .grip { position: absolute; top: 50%; left: clamp(1.1rem, var(--at), 100% - 1.1rem); z-index: 1; width: 2.2rem;
  height: 2.2rem; margin: -1.1rem; border-radius: 50%; background: #fff; box-shadow: 0 0 0 1px #0009;
  pointer-events: none; display: grid; place-items: center; color: #25212b; font-size: .95rem; }
.compare input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0;
  pointer-events: none; }
.compare .stage:has(:focus-visible) { outline: 3px solid var(--accent); outline-offset: 3px; }
[data-layer=predicted] .over:not(.predicted), [data-layer=labels] .over:not(.labels),
[data-layer=mistakes] .over:not(.mistakes) { display: none; }
.confusion { border-collapse: separate; border-spacing: 2px; font-size: .82rem; }
.confusion th, .confusion td { border: 0; padding: .1rem .2rem; white-space: nowrap;
  vertical-align: middle; }
.confusion caption { text-align: left; padding-bottom: .4rem; }
.confusion tbody th { text-align: right; padding-right: .6rem; position: sticky; left: 0;
  background: var(--paper); }
.confusion thead .class { vertical-align: bottom; height: 6.4rem; text-align: center; }
.confusion thead th { vertical-align: bottom; }
.confusion thead .class span { writing-mode: vertical-rl; transform: rotate(180deg); }
.confusion td { text-align: center; min-width: clamp(2.4rem, 5.6vw, 4.2rem); height: 2.2rem;
  border-radius: .2rem; font-variant-numeric: tabular-nums; background:
  color-mix(in oklab, var(--heat) calc(var(--share) * 100%), color-mix(in srgb, var(--rule) 40%, var(--paper))); }
.confusion td.zero { color: var(--muted); }
.confusion td.diagonal { box-shadow: inset 0 0 0 1.5px var(--accent); }
.readout { min-height: 1.6em; margin-top: .7rem; }
`;

const PRINT = `
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print {
  :root, :root[data-theme] { color-scheme: light; }
  @page { margin: 16mm; }
  body { background: none; font-size: 10pt; }
  .contents, .skip, button, .choice, .readout { display: none; }
  .columns { display: block; } .shell { padding: 0; max-width: none; }
  figure, .strip, tr, .tiles div, .plot { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .confusion td, .swatch { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .scroll { overflow: visible; }
}
`;

/** The whole style sheet. */
export const STYLE = BASE + LAYOUT + PARTS + WIDGETS + PRINT;
