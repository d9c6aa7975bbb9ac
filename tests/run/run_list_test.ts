import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { CheckpointError, DataError } from "../../lib/errors.ts";
import { checkpointPath } from "../../lib/run/storage/checkpoint.ts";
import { compareRuns, listRuns } from "../../lib/run/storage/run_list.ts";
import { resolveRun, type RunOptions } from "../../lib/run/run_options.ts";
import { inTemporary, saveText } from "../data/files.ts";

/** A run as its command leaves it, last written to on a day of January. */
async function saveRun(
  folder: string,
  day: number,
  command: "pretrain" | "depth",
  wishes: RunOptions,
  steps: number,
  result?: object,
): Promise<void> {
  const config = await resolveRun(command, wishes);
  await saveText(join(folder, "config.json"), JSON.stringify(config));
  await saveText(checkpointPath(command === "depth" ? join(folder, "depth") : folder, steps), "");
  const last = join(folder, result ? "result.json" : "metrics.jsonl");
  await saveText(last, result ? JSON.stringify(result) : "");
  const time = new Date(Date.UTC(2026, 0, day));
  await Deno.utime(last, time, time);
}

Deno.test("listRuns() tells oldest first how far each run came, of how many steps, and its scores", () =>
  inTemporary(async (folder) => {
    const at = (name: string) => join(folder, name);
    const scores = { miou: 0.25, randomInitMiou: 0.125, colourKmeansMiou: 0.2, seconds: 61 };
    await saveRun(at("a"), 3, "pretrain", { steps: 9, seed: 4 }, 9, scores);
    await saveRun(at("b"), 1, "depth", { depthSteps: 20, data: ["frames"] }, 5);
    await saveRun(at("c"), 2, "pretrain", { steps: 1_500_000 }, 1_000_001);
    await saveText(at("broken/config.json"), "{}");
    await Deno.mkdir(at("no run"));
    const warnings: string[] = [];
    const runs = await listRuns(folder, (line) => warnings.push(line));
    assertEquals(
      runs.map(({ name, date, command, seed, data, steps, stepsAsked, finished, miou }) => [
        ...[name, date.slice(0, 10), command, seed, data, steps, stepsAsked, finished, miou],
      ]),
      [
        ["b", "2026-01-01", "depth", 0, ["frames"], 5, 20, false, undefined],
        ["c", "2026-01-02", "pretrain", 0, ["scenes"], 1_000_001, 1_500_000, false, undefined],
        ["a", "2026-01-03", "pretrain", 4, ["scenes"], 9, 9, true, 0.25],
      ],
    );
    const { randomInitMiou, colourKmeansMiou, seconds } = runs[2];
    assertEquals({ miou: 0.25, randomInitMiou, colourKmeansMiou, seconds }, scores);
    assertEquals(warnings.length, 1);
    assert(warnings[0].includes("broken"), warnings[0]);
    // What the table has already is no difference.
    const steps = { setting: "settings.pretrain.steps", values: [9, 1_500_000] };
    assertEquals(compareRuns([runs[2], runs[1]]), [steps]);
    assertEquals((await listRuns(at("a"), () => {})).map(({ name }) => name), ["a"]);
    await assertRejects(() => listRuns(at("broken"), () => {}), CheckpointError, "broken");
    await assertRejects(() => listRuns(at("no run"), () => {}), DataError, "no run");
    await saveText(at("a/result.json"), "[half");
    await assertRejects(() => listRuns(at("a"), () => {}), DataError, "result.json");
  }));
