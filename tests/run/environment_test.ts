import { assertEquals } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { repeatCommand, resumeCommand } from "../../lib/run/environment.ts";
import { succeeds } from "../../native/build_support.ts";

await useDevice("cpu");

/** The words of a line as a shell reads them. */
async function words(line: string): Promise<string[]> {
  const args = ["-c", `printf '%s\\n' ${line}`];
  const { stdout } = await new Deno.Command("sh", { args }).output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

const name =
  "resumeCommand() names the run's folder so that a shell reads it whole, whatever it is called";
const shell = await succeeds("sh", "-c", "true");

Deno.test(shell ? name : `${name} (ignored: no shell here)`, { ignore: !shell }, async () => {
  for (const folder of ["runs/mine", "my runs/a & b", "it's $HOME/`x`/*", 'a"b\\c;d']) {
    const pretrain = ["deno", "run", "-A", "cli.ts", "pretrain"];
    const repeat = [...pretrain, "--config", `${folder}/config.json`, "--device", "cpu"];
    assertEquals(await words(repeatCommand(folder)), repeat);
    assertEquals(await words(resumeCommand(folder)), [...repeat, "--resume", "--out", folder]);
  }
});
