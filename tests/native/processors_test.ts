import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { succeeds } from "../../native/build_support.ts";

const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));
const LIBRARY = new URL("../../lib/engine/native/library.ts", import.meta.url);
const CODE = `import { sharedLibrary } from "${LIBRARY}";
  console.log(sharedLibrary()?.symbols.cpcdr_threads())`;

/** What a Deno that may use one processor alone says of the library's threads. */
async function threadsOnOne(env: Record<string, string>): Promise<string> {
  const args = ["-c", "0", Deno.execPath(), "eval", "--config", CONFIG, CODE];
  const { stdout } = await new Deno.Command("taskset", { args, env }).output();
  return new TextDecoder().decode(stdout).trim();
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
