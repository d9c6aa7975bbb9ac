import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { openLibrary } from "../../lib/engine/native/library.ts";
import type { MemorySample } from "./memory_run.ts";

const STEPS = 1000;
const EVERY = 20;
/** Steps until pools and workspaces have their size. */
const WARM_UP = 200;
/** Samples in a median. */
const WINDOW = 10;
const GROWTH = 0.05;

const probe = openLibrary();

async function train(): Promise<MemorySample[]> {
  const path = (name: string) => fromFileUrl(new URL(name, import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--v8-flags=--expose-gc",
      "--config",
      path("../../deno.json"),
      path("memory_run.ts"),
      String(STEPS),
      String(EVERY),
    ],
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

Deno.test({
  name: `Pretrainer.step() keeps memory flat over ${STEPS} steps` +
    (probe.library ? "" : ` (ignored: ${probe.reason})`),
  ignore: !probe.library,
  async fn() {
    const samples = await train();
    assertEquals(samples.at(-1)!.step, STEPS);
    const after = samples.filter(({ step }) => step > WARM_UP);
    for (const name of ["tensors", "tensorBytes", "workspace"] as const) {
      assertEquals(new Set(after.map((sample) => sample[name])).size, 1, `${name} changes`);
    }
    for (const name of ["pool", "heap", "resident"] as const) {
      const [before, now] = [after.slice(0, WINDOW), after.slice(-WINDOW)]
        .map((window) => median(window.map((sample) => sample[name])));
      const growth = (now - before) / before;
      assert(growth <= GROWTH, `${name} grows by ${(100 * growth).toFixed(1)}% to ${now} bytes`);
    }
  },
});
