/**
 * The checks of the CUDA library under one of compute-sanitizer's tools: `sanitize.ts memcheck|racecheck`.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";

const tool = Deno.args[0];
const command = Deno.env.get("COMPUTE_SANITIZER") ?? "compute-sanitizer";
const checks = fromFileUrl(new URL("cuda.ts", import.meta.url));
const options = ["--tool", tool, "--error-exitcode", "3", "--print-limit", "20"];

try {
  const { code, stdout } = await new Deno.Command(command, {
    args: [...options, Deno.execPath(), "run", "-A", checks, "--checks"],
    stderr: "inherit",
  }).output();
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  for (const line of code === 0 ? lines.filter((line) => /SUMMARY|agrees/.test(line)) : lines) {
    console.log(line);
  }
  console.log(`\n${tool}: ${code === 0 ? "no fault" : `**fails with ${code}**`}`);
  Deno.exitCode = code;
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
  console.log(`not run: ${command} is not installed`);
}
