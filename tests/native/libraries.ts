/** What tests of both prebuilt libraries share: tests that say why they are left out, and binutils. */
import { assert } from "@std/assert";
import { isInstalled } from "../../native/targets.ts";

/** A test that says in its name why it is ignored, where it is. */
export function prebuiltTest(
  name: string,
  reason: string | undefined,
  fn: () => void | Promise<void>,
): void {
  Deno.test({ name: reason ? `${name} (ignored: ${reason})` : name, ignore: !!reason, fn });
}

/** Why a program of binutils cannot be asked; undefined where it can. */
export async function lackOf(program: string): Promise<string | undefined> {
  return await isInstalled(program) ? undefined : `${program} is not installed (binutils)`;
}

/** What a program of binutils tells of a library. */
export function tell(program: string, path: string, ...options: string[]): string {
  const { success, stdout } = new Deno.Command(program, { args: [...options, path] }).outputSync();
  assert(success, `${program} cannot read ${path}`);
  return new TextDecoder().decode(stdout);
}
