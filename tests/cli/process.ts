/** The command line as a user meets it: real processes, real files. */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { inTemporary, withSlashes } from "../data/files.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** What a process left behind. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Batches of few images: the memory that a short run touches for the first time is most of what it costs. */
const LIGHT = { depth: { batchSize: 2 }, mix: { sources: 2 } };

/** Writes `light.json`, settings for short runs, with `more` of the configuration; answers its option. */
export async function saveLight(folder: string, more: object = {}): Promise<string[]> {
  const config = { settings: { ...LIGHT, ...more } };
  await Deno.writeTextFile(join(folder, "light.json"), JSON.stringify(config));
  return ["--config", "light.json"];
}

/** The command line in a folder, not started yet. */
export function command(args: readonly string[], cwd: string): Deno.Command {
  const config = join(ROOT, "deno.json");
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", config, join(ROOT, "cli.ts"), ...args],
    cwd,
    env: {
      NO_COLOR: "1",
      // Several run at once, and few pixels keep no second thread busy.
      CPCDR_THREADS: "1",
      // Large pages: a short run mostly touches memory for the first time.
      GLIBC_TUNABLES: "glibc.malloc.hugetlb=1",
    },
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs the command line in a folder to its end. */
export async function cli(args: readonly string[], cwd: string): Promise<Outcome> {
  const { code, stdout, stderr } = await command(args, cwd).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Expects exit code 1 and one line on stderr that holds every part. */
export function assertRefused({ code, stderr }: Outcome, ...parts: readonly string[]): void {
  assertEquals(code, 1, stderr);
  assertEquals(stderr.split("\n").length, 1, stderr);
  assert(stderr.startsWith("error: "), stderr);
  const message = withSlashes(stderr);
  for (const part of parts.map(withSlashes)) {
    assert(message.includes(part), `"${message}" lacks "${part}"`);
  }
}

/** Runs a command with `--json` to its end; answers the object that it prints. */
// deno-lint-ignore no-explicit-any
export async function answer(args: readonly string[], cwd: string): Promise<any> {
  const { code, stdout, stderr } = await cli([...args, "--json", "--quiet"], cwd);
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout.split("\n").at(-1)!);
}

/** Writes a few embedded streets as a labelled dataset; answers its option. */
export async function saveStreets(
  folder: string,
  { sequences = 4, frames = 3 } = {},
): Promise<string[]> {
  const [height, width] = ["64", "128"];
  const counts = ["--sequences", String(sequences), "--frames", String(frames)];
  const size = ["--height", height, "--width", width];
  const drawn = await cli(["scenes", "--out", "streets", "--quiet", ...counts, ...size], folder);
  assertEquals(drawn.code, 0, drawn.stderr);
  return ["--data", "streets"];
}

/**
 * Registers tests that wait for other processes, each in a folder of its own. They start with the first that
 * runs, since a short run keeps no more than one core busy, and are reported in turn.
 */
export function processTests(
  tests: Readonly<Record<string, (folder: string) => Promise<void>>>,
): void {
  let started: Map<string, Promise<PromiseSettledResult<void>[]>> | undefined;
  for (const name of Object.keys(tests)) {
    Deno.test({
      name,
      sanitizeOps: false,
      sanitizeResources: false,
      async fn() {
        started ??= new Map(
          Object.entries(tests).map(([name, body]) => [
            name,
            Promise.allSettled([inTemporary(body)]),
          ]),
        );
        const [outcome] = await started.get(name)!;
        if (outcome.status === "rejected") throw outcome.reason;
      },
    });
  }
}
