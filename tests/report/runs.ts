/**
 * Short runs whose reports are looked at: with labels, without labels, and interrupted.
 *
 * @module
 */

import { join } from "@std/path";
import { cli, command } from "../cli/process.ts";

/** Folders of the runs within the workspace. */
export const RUNS = { labelled: "labelled", unlabelled: "unlabelled", stopped: "stopped" } as const;

const SIZE = ["--sequences", "4", "--frames", "3", "--height", "64", "--width", "128"];

/** Makes the runs that a folder lacks. */
export async function makeRuns(folder: string): Promise<void> {
  await once(
    join(folder, "streets"),
    () => expect(["scenes", "--out", "streets", ...SIZE], folder),
  );
  await once(join(folder, RUNS.labelled, "report.html"), () => {
    const data = ["--data", "streets", "--depth-steps", "4", "--steps", "30"];
    return expect(["pretrain", ...data, "--out", RUNS.labelled], folder);
  });
  // Its depth network spares the others theirs.
  const depth = ["--depth-run", RUNS.labelled];
  await once(join(folder, RUNS.unlabelled, "report.html"), async () => {
    await copyImages(join(folder, "streets/images"), join(folder, "my frames"));
    const data = ["--data", "my frames", ...depth, "--steps", "3"];
    await expect(["pretrain", ...data, "--out", RUNS.unlabelled], folder);
  });
  await once(join(folder, RUNS.stopped, "report.html"), async () => {
    const data = ["--data", "streets", ...depth, "--steps", "1000"];
    await interrupt(["pretrain", ...data, "--out", RUNS.stopped], folder);
  });
}

async function once(path: string, make: () => Promise<void>): Promise<void> {
  if (!await Deno.stat(path).then(() => true, () => false)) await make();
}

async function expect(args: readonly string[], folder: string): Promise<void> {
  const { code, stderr } = await cli([...args, "--quiet"], folder);
  if (code !== 0) throw new Error(`Cannot make ${args.join(" ")}: ${stderr}`);
}

/** Sends SIGINT once the contrastive stage has logged a step. */
async function interrupt(args: readonly string[], folder: string): Promise<void> {
  const child = command([...args, "--quiet"], folder).spawn();
  const ended = child.output();
  const log = join(folder, RUNS.stopped, "metrics.jsonl");
  let running = true;
  ended.then(() => running = false);
  while (running && !(await Deno.readTextFile(log).catch(() => "")).includes("pretrain")) {
    await new Promise((wake) => setTimeout(wake, 100));
  }
  if (running) child.kill("SIGINT");
  const { code, stderr } = await ended;
  if (code !== 0) {
    throw new Error(`Cannot interrupt ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
}

async function copyImages(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyImages(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}
