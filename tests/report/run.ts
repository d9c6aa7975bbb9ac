/**
 * Looks at the reports of short runs in a real browser, headless Chromium:
 *
 *     deno run -A tests/report/run.ts [--keep=FOLDER] [--shots=FOLDER]
 *
 * `--keep` makes the runs in a folder and finds them there again; `--shots` takes pictures of the page. The
 * last line is `N passed, N failed`.
 *
 * @module
 */

import { join, resolve, toFileUrl } from "@std/path";
import { Browser } from "./browser.ts";
import { LABELLED_CHECKS, type Look, STOPPED_CHECKS, UNLABELLED_CHECKS } from "./checks.ts";
import { makeRuns, RUNS } from "./runs.ts";

const option = (name: string) =>
  Deno.args.find((arg) => arg.startsWith(`--${name}=`))?.split("=").slice(1).join("=");
const kept = option("keep"), shots = option("shots");
const folder = kept ? resolve(kept) : await Deno.makeTempDir();
let [passed, failed] = [0, 0];

await Deno.mkdir(folder, { recursive: true });
await makeRuns(folder);
const browser = await Browser.start();
const CHECKS = {
  labelled: LABELLED_CHECKS,
  unlabelled: UNLABELLED_CHECKS,
  stopped: STOPPED_CHECKS,
};
for (const [kind, checks] of Object.entries(CHECKS)) {
  const run = join(folder, RUNS[kind as keyof typeof RUNS]);
  const url = toFileUrl(join(run, "report.html")).href;
  const look: Look = { browser, url, run, folder };
  for (const [name, check] of Object.entries(checks)) {
    await browser.look(1280, 900, "light");
    await browser.open(url);
    try {
      await check(look);
      passed++;
      console.log(`ok ${kind}: ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAILED ${kind}: ${name}\n  ${error instanceof Error ? error.message : error}`);
    }
  }
  if (shots) await takePictures(kind, url, shots);
}
await browser[Symbol.asyncDispose]();
if (!kept) await Deno.remove(folder, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(failed > 0 ? 1 : 0);

async function takePictures(kind: string, url: string, shots: string): Promise<void> {
  await Deno.mkdir(shots, { recursive: true });
  for (const scheme of ["light", "dark"] as const) {
    for (const [name, width, height] of [["desk", 1280, 900], ["phone", 390, 844]] as const) {
      await browser.look(width, height, scheme);
      await browser.open(url);
      const path = join(shots, `${kind}-${name}-${scheme}.png`);
      await Deno.writeFile(path, await browser.screenshot(true));
    }
  }
}
