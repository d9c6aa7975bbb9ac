/**
 * What the report does in a browser, as the text of one script: theme, sliders, the choice of what lies
 * over the frames, the confusion matrix's keys, the copy button, the mark in the contents. Without
 * scripts everything is still there to read; what only a script can do stays hidden.
 *
 * @module
 */

const THEME = `
const root = document.documentElement, button = document.querySelector("#theme");
const themes = ["auto", "light", "dark"];
let theme = "auto";
try { theme = themes.find((name) => name === localStorage.getItem("cpcdr-theme")) ?? theme; } catch {}
function show() {
  if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
  button.textContent = "Colours: " + theme;
}
button.addEventListener("click", () => {
  theme = themes[(themes.indexOf(theme) + 1) % themes.length];
  try { localStorage.setItem("cpcdr-theme", theme); } catch {}
  show();
});
button.hidden = false;
show();
`;

/** The range input has the keys and the value; the pointer works anywhere on the picture. */
const SLIDERS = `
for (const stage of document.querySelectorAll(".compare .stage")) {
  const input = stage.querySelector("input");
  const move = () => stage.style.setProperty("--at", input.value + "%");
  const follow = (event) => {
    const { left, width } = stage.getBoundingClientRect();
    input.value = 100 * (event.clientX - left) / width;
    move();
  };
  input.addEventListener("input", move);
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    input.focus({ preventScroll: true });
    follow(event);
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    if (stage.hasPointerCapture(event.pointerId)) follow(event);
  });
  move();
}
for (const choice of document.querySelectorAll(".choice")) {
  choice.addEventListener("change", ({ target }) => {
    choice.closest("[data-layer]").dataset.layer = target.value;
  });
}
`;

/** One cell is in the tab order; arrow keys go on from it, and the line below tells its counts. */
const CONFUSION = `
for (const table of document.querySelectorAll(".confusion")) {
  const readout = table.closest("section").querySelector(".readout");
  const rows = [...table.tBodies[0].rows].map((row) => [...row.querySelectorAll("td")]);
  const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  const tell = (cell) => { if (cell) readout.textContent = cell.title; };
  table.addEventListener("mouseover", ({ target }) => tell(target.closest("td[title]")));
  table.addEventListener("focusin", ({ target }) => tell(target.closest("td[title]")));
  table.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step) return;
    const y = rows.findIndex((row) => row.includes(event.target));
    if (y < 0) return;
    event.preventDefault();
    const next = rows[y + step[0]]?.[rows[y].indexOf(event.target) + step[1]];
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}
`;

const PAGE = `
for (const copy of document.querySelectorAll("button[data-copies]")) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    const source = document.getElementById(copy.dataset.copies);
    try {
      await navigator.clipboard.writeText(source.textContent);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      copy.textContent = "Selected: copy it with the keyboard";
    }
  });
}
const links = new Map([...document.querySelectorAll(".contents a")].map((a) => [a.hash.slice(1), a]));
const seen = new Set();
const watch = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) seen.add(target.id); else seen.delete(target.id);
  }
  const first = [...links.keys()].find((id) => seen.has(id));
  if (first) for (const [id, link] of links) link.toggleAttribute("aria-current", id === first);
}, { rootMargin: "-10% 0px -60% 0px" });
for (const section of document.querySelectorAll("main > section")) watch.observe(section);
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
`;

/** The whole script; each part has names of its own. */
export const BEHAVIOUR = [THEME, SLIDERS, CONFUSION, PAGE].map((part) => `{${part}}`).join("\n");
