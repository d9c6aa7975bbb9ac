/**
 * Everything that only a GPU can tell, in one call and one report in Markdown (on stdout, as it comes):
 *
 *     deno run -A bench/gpu/run.ts [--only SECTION,...] [--logs DIR] [--rounds N] [--suite BUNDLE]
 *
 * The sections are those of sections.ts. Each is a process of its own with a limit of time: what fails or takes too
 * long is written down, the rest goes on, and the exit code is 1. Those that measure run one after the other; those
 * that only check run at the same time, after them. `--logs` keeps all that they write. `--suite` is
 * a bundle of tfjs-core's op suite for a machine without network (tests/tfjs_suite/run.ts makes it). Where no GPU is
 * found, only sections that are named run; so does `tune`, which writes lib/engine/webgpu/tile_table.ts anew.
 *
 * @module
 */

import { fromFileUrl, join } from "@std/path";
import { probeCuda } from "../../lib/engine/native/cuda_library.ts";
import { findAdapter } from "../../lib/engine/webgpu/adapter.ts";
import { type Section, SECTIONS } from "./sections.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** Lines of a section that shows some of its lines. */
const MOST_SHOWN = 15;

/** What came of a section. */
interface Outcome {
  readonly failure?: string;
  readonly seconds: number;
}

function option(name: string): string | undefined {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? undefined : Deno.args[at + 1];
}

/** Writes all of a text to stdout now, so that a run that is cut off leaves it. */
function print(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

/** Passes a stream on line by line, and keeps it in a file. */
async function follow(
  stream: ReadableStream<Uint8Array>,
  file: Deno.FsFile | undefined,
  take: (line: string) => void,
): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    file?.writeSync(bytes);
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    lines.forEach(take);
  }
  if (rest) take(rest);
}

/** Runs a section; `tell` gets the lines that belong into the report. */
async function runSection(
  section: Section,
  values: Readonly<Record<string, string>>,
  logs: string | undefined,
  tell: (line: string) => void,
): Promise<Outcome> {
  const started = performance.now();
  const stamp = () => (performance.now() - started) / 1000;
  const args = section.args.map((arg) => arg.replace(/\{(\w+)\}/g, (_, name) => values[name]));
  using log = logs ? Deno.createSync(join(logs, `${section.name}.log`)) : undefined;
  try {
    const process = new Deno.Command(section.command ?? Deno.execPath(), {
      args: args.filter((arg) => arg !== ""),
      cwd: ROOT,
      env: { NO_COLOR: "1", PYTHONUNBUFFERED: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      killTree(process.pid);
    }, section.seconds * 1000);
    const last: string[] = [];
    const note = (line: string) => {
      if (line.trim()) last.push(line.trim());
      if (last.length > 3) last.shift();
    };
    let shown = 0;
    const out = (line: string) => {
      note(line);
      if (!section.show) return tell(line);
      if (section.show.test(line) && ++shown <= MOST_SHOWN) tell(`- ${line.trim()}`);
    };
    const streams = Promise.all([
      follow(process.stdout, log, out),
      follow(process.stderr, log, note),
    ]);
    const { code, signal } = await process.status;
    // A process that it left behind may hold the pipes open.
    await Promise.race([streams, new Promise((resolve) => setTimeout(resolve, 1000))]);
    clearTimeout(limit);
    if (shown > MOST_SHOWN) {
      tell(`- and ${shown - MOST_SHOWN} lines more; the last: ${last.at(-1)}`);
    }
    if (late) return { failure: `stopped after its ${section.seconds} s`, seconds: stamp() };
    if (code === 0) return { seconds: stamp() };
    return { failure: `${signal ?? `exit code ${code}`}: ${last.join(" / ")}`, seconds: stamp() };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error), seconds: stamp() };
  }
}

/** Ends a process and all that it started, the youngest first. */
function killTree(pid: number): void {
  try {
    const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
    for (const child of children.trim().split(" ").filter(Boolean)) killTree(Number(child));
  } catch { /* It is gone, or the system does not tell. */ }
  try {
    Deno.kill(pid, "SIGKILL");
  } catch { /* It is gone. */ }
}

/** Why there is nothing to report on; undefined where there is a GPU. */
async function whyNoGpu(): Promise<string | undefined> {
  const adapter = await findAdapter(), cuda = probeCuda();
  cuda.library?.close();
  if (adapter.found?.class === "gpu" || cuda.devices.length > 0) return undefined;
  const webgpu = adapter.found ? `only ${adapter.found.description}` : adapter.reason;
  return `WebGPU: ${webgpu}; CUDA: ${cuda.reason}, ${cuda.remedy}`;
}

async function main(): Promise<boolean> {
  const missing = option("only") ? undefined : await whyNoGpu();
  if (missing) {
    console.error(`There is no GPU to report on: ${missing}. Sections named by --only run anyway.`);
    return false;
  }
  const only = option("only")?.split(",") ??
    SECTIONS.filter(({ optional }) => !optional).map(({ name }) => name);
  const unknown = only.filter((name) => !SECTIONS.some((section) => section.name === name));
  if (unknown.length > 0) {
    const names = SECTIONS.map(({ name }) => name).join(", ");
    console.error(`Cannot run ${unknown.join(", ")}: expected sections of ${names}`);
    return false;
  }
  const logs = option("logs");
  if (logs) await Deno.mkdir(logs, { recursive: true });
  const suite = option("suite");
  const values = {
    rounds: option("rounds") ?? "15",
    suite: suite ? `--bundle=${suite}` : "",
  };
  const outcomes = new Map<string, Outcome>();
  const chosen = SECTIONS.filter(({ name }) => only.includes(name));
  const finish = (section: Section, outcome: Outcome) => {
    outcomes.set(section.name, outcome);
    print(outcome.failure ? `\n**failed**: ${outcome.failure}\n` : "");
  };
  print(`# GPU report, ${new Date().toISOString().slice(0, 10)}\n`);
  for (const section of chosen.filter(({ alone }) => alone)) {
    print(`\n## ${section.title}\n\n`);
    finish(section, await runSection(section, values, logs, (line) => print(line + "\n")));
  }
  await Promise.all(
    chosen.filter(({ alone }) => !alone).map(async (section) => {
      const lines: string[] = [];
      const outcome = await runSection(section, values, logs, (line) => lines.push(line));
      print(`\n## ${section.title}\n\n${lines.map((line) => line + "\n").join("")}`);
      finish(section, outcome);
    }),
  );
  print("\n## Summary\n\n| section | seconds | result |\n|---|---|---|\n");
  for (const [name, { failure, seconds }] of outcomes) {
    print(`| ${name} | ${seconds.toFixed(0)} | ${failure ? "**failed**" : "done"} |\n`);
  }
  return [...outcomes.values()].every(({ failure }) => failure === undefined);
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);
