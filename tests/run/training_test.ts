import { assertEquals, assertRejects } from "@std/assert";
import { TrainingError } from "../../lib/errors.ts";
import { train, type Training } from "../../lib/run/training.ts";

/** What happened in which order: `step 0`, `report 1`, `save 1`. */
async function events(change: Partial<Training<number>>): Promise<string[]> {
  const happened: string[] = [];
  const { completed = 0 } = change;
  const done = await train({
    steps: 7,
    completed,
    saveEvery: 3,
    batches: (async function* () {
      for (let step = completed;; step++) yield step;
    })(),
    step: (batch, step) => {
      assertEquals(batch, step);
      happened.push(`step ${step}`);
      return Promise.resolve({ loss: 1 });
    },
    report: (count) => {
      happened.push(`report ${count}`);
    },
    save: (count) => {
      happened.push(`save ${count}`);
      return Promise.resolve();
    },
    ...change,
  });
  return [...happened, `done ${done}`];
}

Deno.test("train() saves on schedule and at the end, each step once", async () => {
  const all = await events({});
  assertEquals(all.filter((event) => !/report/.test(event)), [
    ...["step 0", "step 1", "step 2", "save 3"],
    ...["step 3", "step 4", "step 5", "save 6"],
    ...["step 6", "save 7", "done 7"],
  ]);
  assertEquals(all.slice(0, 4), ["step 0", "report 1", "step 1", "report 2"]);
});

Deno.test("train() goes on from what is completed, and does nothing where all is", async () => {
  const rest = ["step 5", "report 6", "save 6", "step 6", "report 7", "save 7", "done 7"];
  assertEquals(await events({ completed: 5 }), rest);
  assertEquals(await events({ completed: 7 }), ["done 7"]);
  assertEquals(await events({ completed: 9 }), ["done 9"]);
});

Deno.test("train() ends an interrupted stage after the step it is in, saved", async () => {
  const controller = new AbortController();
  const stopped = await events({
    signal: controller.signal,
    report: (count) => count === 4 ? controller.abort() : undefined,
  });
  const saved = ["step 0", "step 1", "step 2", "save 3", "step 3", "save 4", "done 4"];
  assertEquals(stopped, saved);
});

Deno.test("train() saves nothing of a step whose loss is no number", async () => {
  const saved: number[] = [];
  const broken = events({
    step: (_, step) => Promise.resolve({ loss: step === 5 ? NaN : 1 }),
    save: (count) => {
      saved.push(count);
      return Promise.resolve();
    },
  });
  await assertRejects(() => broken, TrainingError, "step 5: expected a finite loss, got NaN");
  assertEquals(saved, [3]);
});
