import { assert, assertEquals } from "@std/assert";
import { inTemporary } from "../data/files.ts";
import { assertRefused, cli, saveLight } from "./process.ts";

Deno.test("evaluate --protocol finetune trains on a fraction of the labels, from both beginnings", () =>
  inTemporary(async (folder) => {
    const size = ["--sequences", "4", "--frames", "3", "--height", "64", "--width", "128"];
    const drawn = await cli(["scenes", "--out", "streets", "--quiet", ...size], folder);
    assertEquals(drawn.code, 0, drawn.stderr);
    const short = ["--steps", "1", "--depth-steps", "1", "--quiet", ...await saveLight(folder)];
    const run = await cli(["pretrain", "--data", "streets", "--out", "run", ...short], folder);
    assertEquals(run.code, 0, run.stderr);
    const evaluate = ["evaluate", "--run", "run", "--quiet"];
    const tuning = ["--protocol", "finetune", "--steps", "3", "--label-fraction", "0.5"];
    const [outcome, untuned, tooMuch] = await Promise.all([
      cli([...evaluate, ...tuning, "--json"], folder),
      cli([...evaluate, "--label-fraction", "0.5"], folder),
      cli([...evaluate, ...tuning, "--label-fraction", "2"], folder),
    ]);
    assertEquals(outcome.code, 0, outcome.stderr);
    const result = JSON.parse(outcome.stdout.split("\n").at(-1)!);
    assertEquals([result.labelFraction, result.labelledFrames, result.steps], [0.5, 6, 3]);
    for (const key of ["miou", "accuracy", "randomInitMiou", "randomInitAccuracy"]) {
      assert(result[key] > 0 && result[key] < 1, `${key}: ${result[key]}`);
    }
    assert(result.loss !== result.randomInitLoss);
    assertRefused(untuned, "--label-fraction", "finetune");
    assertRefused(tooMuch, "--label-fraction", "at most 1");
  }));
