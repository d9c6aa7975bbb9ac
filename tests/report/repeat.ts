/**
 * The commands that a report names, run as a reader would.
 *
 * @module
 */

import { fromFileUrl, join } from "@std/path";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** Runs a report's command in a shell, into another folder; answers that folder. */
export async function repeatAs(command: string, name: string, folder: string): Promise<string> {
  const out = join(folder, name);
  await Deno.remove(out, { recursive: true }).catch(() => {});
  const { code, stderr } = await shell(`${command} --quiet --out ${name}`, folder).output();
  if (code !== 0) throw new Error(`Cannot repeat it: ${new TextDecoder().decode(stderr)}`);
  return out;
}

/** Runs a report's command to go on until it has logged a later step; answers where it began and came. */
export async function resumeFrom(
  command: string,
  run: string,
  folder: string,
): Promise<{ from: number; to: number }> {
  const last = async () => {
    const lines = (await Deno.readTextFile(join(run, "metrics.jsonl"))).trim().split("\n");
    return JSON.parse(lines[lines.length - 1]).step as number;
  };
  const checkpoints = () =>
    Array.from(
      Deno.readDirSync(run),
      ({ name }) => Number(name.match(/^checkpoint-(\d+)/)?.[1] ?? 0),
    );
  const from = Math.max(...checkpoints());
  const logged = await last();
  const child = shell(`exec ${command}`, folder).spawn();
  const ended = child.output();
  let running = true;
  ended.then(() => running = false);
  while (running && await last() <= logged) await new Promise((wake) => setTimeout(wake, 100));
  if (running) child.kill("SIGINT");
  const { code, stderr } = await ended;
  if (code !== 0) throw new Error(`Cannot go on: ${new TextDecoder().decode(stderr)}`);
  return { from, to: Math.max(...checkpoints()) };
}

function shell(command: string, cwd: string): Deno.Command {
  const config = `--config '${join(ROOT, "deno.json")}'`;
  const text = command.replace(
    "deno run -A cli.ts",
    `'${Deno.execPath()}' run -A ${config} '${join(ROOT, "cli.ts")}'`,
  );
  return new Deno.Command("sh", {
    args: ["-c", text],
    cwd,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  });
}
