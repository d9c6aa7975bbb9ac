import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { SHIPS_HERE } from "../../lib/engine/native/shipped.ts";
import { inTemporary } from "../data/files.ts";
import { assertRefused, saveLight } from "./process.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** The line of README that asks for the least permissions. */
async function leastLine(): Promise<string[]> {
  const readme = await Deno.readTextFile(join(ROOT, "README.md"));
  const line = readme.split("\n").find((line) => /^ {4}deno run --allow-read/.test(line));
  assert(line !== undefined, "README has no such line");
  return line!.trim().split(" ");
}

/** Windows lets few people make symbolic links. */
const links = Deno.build.os !== "windows";
const name = "README's line of least permissions runs every stage, and cannot write elsewhere";

Deno.test(
  links ? name : `${name} (ignored: no symbolic links here)`,
  { ignore: !links },
  () =>
    inTemporary(async (folder) => {
      for (const name of ["cli.ts", "deno.json", "deno.lock", "lib", "native"]) {
        await Deno.symlink(join(ROOT, name), join(folder, name));
      }
      // The whole set of scenes takes half a minute and asks for nothing that a few do not ask for.
      const scenes = { trainSequences: 6, validationSequences: 4, testSequences: 6 };
      const light = await saveLight(folder, { scenes });
      const [, ...line] = await leastLine();
      const args = line.toSpliced(1, 0, "--no-prompt");
      const run = async (...more: string[]) => {
        const { code, stderr } = await new Deno.Command(Deno.execPath(), {
          args: [
            ...args,
            ...more,
            "--quiet",
            "--steps",
            "1",
            "--depth-steps",
            "1",
            ...light,
          ],
          cwd: folder,
        }).output();
        return { code, stderr: new TextDecoder().decode(stderr) };
      };
      const [{ code, stderr }, refused] = await Promise.all([run(), run("--out", "elsewhere")]);
      assertEquals(code, 0, stderr);
      const made = join(folder, "runs/scenes-tiny-regions-seed0");
      assert(await Deno.readTextFile(join(made, "report.html")));
      // Where it is not among the variables, the library's is refused and a slower engine takes over.
      const { device } = JSON.parse(await Deno.readTextFile(join(made, "result.json")));
      assertEquals(device.startsWith("native library"), SHIPS_HERE, device);
      assertRefused(
        { ...refused, stdout: "", stderr: refused.stderr.trim() },
        "elsewhere",
        "--allow-write",
      );
    }),
);
