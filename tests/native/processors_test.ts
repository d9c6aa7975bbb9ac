import { assertEquals } from "@std/assert";
import { succeeds } from "../../native/build_support.ts";

const LIBRARY = new URL("../../lib/engine/native/library.ts", import.meta.url).href;
const CODE = `const { sharedLibrary } = await import("${LIBRARY}");
  console.log(sharedLibrary()?.symbols.cpcdr_threads())`;

/** What a Deno that may use one processor alone says of the library's threads. */
async function threadsOnOne(env: Record<string, string>): Promise<string> {
  const args = ["-c", "0", Deno.execPath(), "run", "-A", "--no-check", "-"];
  const child = new Deno.Command("taskset", { args, env, stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(CODE));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout).trim();
}

// taskset allows it processor 0, as a batch queue would; a container's share is no other number to Deno.
Deno.test({
  name: "the library has a thread for each processor that the process may use",
  ignore: navigator.hardwareConcurrency === 1 || !await succeeds("taskset", "-c", "0", "true"),
  fn: async () => {
    assertEquals(await threadsOnOne({ CPCDR_THREADS: "" }), "1");
    assertEquals(await threadsOnOne({ CPCDR_THREADS: "3" }), "3");
  },
});
