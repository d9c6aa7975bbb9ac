/** The tests of this folder on the instruction sets below the one in use, each set in a process of its own. */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { library } from "./support.ts";

const WANTED = Deno.env.get("CPCDR_ISA");
const OWN = fromFileUrl(import.meta.url);
/** Argument of such a process: one isolate that loads all tests takes a fifth of the time of many. */
const EVERY = "every-kernel";

if (Deno.args.includes(EVERY)) {
  for (const { name } of Deno.readDirSync(new URL(".", import.meta.url))) {
    if (name.endsWith("_test.ts") && !OWN.endsWith(name)) await import(`./${name}`);
  }
}

/** x86-64's, and those of them below the one in use; none inside a run that was started below. */
const SETS = ["baseline", "avx2", "avx512"];
const LOWER = WANTED || !library ? [] : SETS.slice(0, Math.max(0, SETS.indexOf(library.isa)));

Deno.test({
  name: "CPCDR_ISA lowers the instruction set",
  ignore: !WANTED || !library,
  fn: () => assertEquals(library!.isa, WANTED),
});

Deno.test({
  name: LOWER.length > 0 ? "kernels pass on lower instruction sets" : "no lower instruction set",
  ignore: LOWER.length === 0,
  async fn() {
    const passed = await Promise.all(LOWER.map(async (isa) => {
      const { success, stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["test", "-A", "--no-check", OWN, "--", EVERY],
        env: { CPCDR_ISA: isa, NO_COLOR: "1" },
      }).output();
      const text = new TextDecoder().decode(stdout);
      assert(success, `${isa}:\n${text}`);
      return Number(/ (\d+) passed/.exec(text)?.[1]);
    }));
    // One is of the set itself; the others are kernels' and the same on every set.
    assert(passed.every((count) => count > 1 && count === passed[0]), passed.join(", "));
  },
});
