import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { library } from "./support.ts";

const WANTED = Deno.env.get("CPCDR_ISA");

/** The sets below the one in use; none inside a run that was started below. */
const LOWER = WANTED || !library
  ? []
  : ["baseline", "avx2", "avx512"].slice(0, ["baseline", "avx2", "avx512"].indexOf(library.isa));

Deno.test({
  name: "CPCDR_ISA lowers the instruction set",
  ignore: !WANTED || !library,
  fn: () => assertEquals(library!.isa, WANTED),
});

Deno.test({
  name: LOWER.length > 0 ? "kernels pass on lower instruction sets" : "no lower instruction set",
  ignore: LOWER.length === 0,
  async fn() {
    await Promise.all(LOWER.map(async (isa) => {
      const { success, stdout } = await new Deno.Command(Deno.execPath(), {
        args: [
          "test",
          "-A",
          "--no-check",
          fromFileUrl(new URL(".", import.meta.url)),
        ],
        env: { CPCDR_ISA: isa, NO_COLOR: "1" },
      }).output();
      const text = new TextDecoder().decode(stdout);
      assert(success && / [1-9]\d* passed/.test(text), `${isa}:\n${text}`);
    }));
  },
});
