import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { ARMS, MAIN_ARMS, PROTOCOL } from "../../bench/ablation/arms.ts";
import { planOf } from "../../bench/ablation/data.ts";
import { testJobs, validationJobs } from "../../bench/ablation/jobs.ts";
import { ablationPlot } from "../../bench/ablation/plot.ts";
import { estimate, pairedDifference } from "../../bench/ablation/statistics.ts";
import type { Outcome } from "../../bench/ablation/store.ts";
import { armRows, chosenRate, comparisons, markdown } from "../../bench/ablation/tables.ts";
import { settingsOf } from "../../bench/ablation/worker.ts";
import { checkPretrainConfig } from "../../lib/pretrain/config.ts";
import { PRESETS } from "../../lib/run/presets.ts";

function outcome(arm: string, seed: number, miou: number, more: Partial<Outcome> = {}): Outcome {
  return {
    name: `${arm}-${seed}`,
    kind: "run",
    arm,
    split: "test",
    seed,
    steps: 3,
    seconds: 1,
    threads: "1",
    device: "none",
    finished: "",
    miou,
    ...more,
  };
}

Deno.test("estimate() has the interval of Student's t, by hand", () => {
  // Mean 3, deviation sqrt(2.5), t of 4 degrees of freedom 2.776: 2.776 * 1.5811 / 2.2361.
  const { n, mean, half } = estimate([1, 2, 3, 4, 5]);
  assertEquals([n, mean], [5, 3]);
  assertAlmostEquals(half, 1.9632, 1e-3);
  assert(Number.isNaN(estimate([2]).half));
});

Deno.test("estimate() covers the true mean in 95 of 100 samples", () => {
  for (const n of [2, 3, 5, 9]) {
    let inside = 0;
    const normal = () =>
      Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
    for (let trial = 0; trial < 20_000; trial++) {
      const { mean, half } = estimate(Array.from({ length: n }, normal));
      if (Math.abs(mean) <= half) inside++;
    }
    // Five deviations of a share of 20,000 trials.
    assertAlmostEquals(inside / 20_000, 0.95, 0.008, `n = ${n}`);
  }
});

Deno.test("pairedDifference() takes the seeds that both have", () => {
  const { n, mean, half } = pairedDifference(
    new Map([[0, 0.5], [1, 0.7], [2, 0.9]]),
    new Map([[2, 0.6], [0, 0.4], [7, 0]]),
  );
  assertEquals(n, 2);
  assertAlmostEquals(mean, 0.2, 1e-12);
  assertAlmostEquals(half, 12.7062 * 0.1, 1e-5);
});

Deno.test("chosenRate() takes the best on validation alone, and nothing while one is missing", () => {
  const [arm] = MAIN_ARMS, [seed] = PROTOCOL.validationSeeds;
  const at = (rate: number, miou: number) =>
    outcome(arm.name, seed, miou, { split: "validation", rate });
  const some = [at(0.5, 0.2), at(1, 0.3), outcome(arm.name, 0, 0.9, { rate: 2 })];
  assertEquals(chosenRate(some, arm), undefined);
  assertEquals(chosenRate([...some, at(2, 0.25)], arm), 1);
  const varied = ARMS.find(({ name, rateOf }) => name !== arm.name && rateOf === arm.name)!;
  assertEquals(chosenRate([...some, at(2, 0.35)], varied), 2);
});

Deno.test("the tables pair arms by seed", () => {
  const outcomes = [
    outcome("none", 0, 0.2),
    outcome("none", 1, 0.21),
    outcome("components", 1, 0.25),
    outcome("components", 0, 0.22),
    outcome("untrained", 0, 0.07, { kind: "baselines" }),
  ];
  assertEquals(armRows(outcomes).map(({ arm }) => arm), ["none", "components", "untrained"]);
  const [difference] = comparisons(outcomes);
  assertEquals([difference.arm, difference.against], ["components", "none"]);
  assertAlmostEquals(difference.scores.miou!.mean, 0.03, 1e-12);
  const text = markdown(outcomes);
  assert(text.includes("| components - none | 2 | +3.0 ± 12.7 |"), text);
  assert(/<circle[^>]*>/.test(ablationPlot(outcomes)));
});

Deno.test("every arm of the ablation can be run, under a name of its own", () => {
  const plan = planOf({ preset: "tiny" });
  const jobs = [...validationJobs(plan), ...testJobs(plan, () => 1)];
  const runs = jobs.filter(({ kind }) => kind === "run");
  assertEquals(new Set(runs.map(({ name }) => name)).size, runs.length);
  for (const arm of ARMS) {
    checkPretrainConfig(settingsOf(PRESETS.tiny, arm, 2, 40).pretrain);
    assert(ARMS.some(({ name }) => name === arm.rateOf), arm.name);
    for (const base of arm.against) assert(ARMS.some(({ name }) => name === base), base);
  }
  const { learningRate } = PRESETS.tiny.pretrain.optimizer;
  assertEquals(
    settingsOf(PRESETS.tiny, ARMS[0], 2, 40).pretrain.optimizer.learningRate,
    2 * learningRate,
  );
});

Deno.test("on CamVid the main arms share one depth network, and clusters are as many as its classes", () => {
  const plan = planOf({ preset: "tiny", camvid: "camvid" });
  const jobs = [...validationJobs(plan), ...testJobs(plan, () => 1)];
  const depth = jobs.filter(({ kind }) => kind === "depth").map(({ name }) => name);
  assertEquals(new Set(depth), new Set(["depth-seed0"]));
  const runs = jobs.flatMap((job) => job.kind === "run" ? [job] : []);
  assertEquals(new Set(runs.map(({ depthSeed }) => depthSeed)), new Set([0]));
  assertEquals(new Set(runs.map(({ arm }) => arm.name)), new Set(MAIN_ARMS.map((a) => a.name)));
  const picie = runs.find(({ arm }) => arm.name === "picie")!;
  assertEquals(settingsOf(PRESETS.tiny, picie.arm, 1, 300).pretrain.prototypes, 11);
});

Deno.test("at the size of preset small three arms and five seeds share two depth networks", () => {
  const plan = planOf({ preset: "small" });
  const jobs = [...validationJobs(plan), ...testJobs(plan, () => 1)];
  const depth = jobs.filter(({ kind }) => kind === "depth").map(({ name }) => name);
  assertEquals(new Set(depth), new Set(["depth-seed0", "depth-seed1"]));
  const runs = jobs.flatMap((job) => job.kind === "run" ? [job] : []);
  assertEquals(runs.length, 3 * PROTOCOL.rates.length + 3 * 5);
  assertEquals(runs.find(({ seed }) => seed === 4)?.depthSeed, 0);
  const { height, pretrain } = settingsOf(PRESETS.small, runs[0].arm, 0.5, 300);
  const { learningRate } = PRESETS.small.pretrain.optimizer;
  assertEquals([height, pretrain.optimizer.learningRate], [192, learningRate / 2]);
});

Deno.test("on CamVid at the size of preset small three arms and three seeds share one depth network", () => {
  const plan = planOf({ preset: "small", camvid: "camvid", kitti: "clip" });
  const jobs = [...validationJobs(plan), ...testJobs(plan, () => 1)];
  const depth = jobs.filter(({ kind }) => kind === "depth").map(({ name }) => name);
  assertEquals(new Set(depth), new Set(["depth-seed0"]));
  const runs = jobs.flatMap((job) => job.kind === "run" ? [job] : []);
  assertEquals(runs.length, 3 * PROTOCOL.rates.length + 3 * 3);
  assertEquals(new Set(runs.map(({ depthSeed }) => depthSeed)), new Set([0]));
});

Deno.test("arms differ from the default in what they name", () => {
  const settings = (name: string) =>
    settingsOf(PRESETS.tiny, ARMS.find((arm) => arm.name === name)!, 1, 500);
  const base = settings("components");
  assertEquals(base, { ...PRESETS.tiny, mix: { ...PRESETS.tiny.mix, paste: "components" } });
  assertEquals(settings("no depth test"), { ...base, mix: { ...base.mix, depthTest: false } });
  assertEquals(settings("none"), { ...base, mix: { ...base.mix, paste: "none" } });
  const { pixelWeight, regionWeight } = settings("pixel loss").pretrain;
  assertEquals([pixelWeight, regionWeight], [1, 0]);
});
