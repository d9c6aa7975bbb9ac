/**
 * The tables of the ablation, from its outcomes.
 *
 * @module
 */
import { type Arm, ARMS, MAIN_ARMS, PROTOCOL } from "./arms.ts";
import { type Estimate, estimate, pairedDifference } from "./statistics.ts";
import type { Failure, Outcome } from "./store.ts";

const METRICS = ["miou", "accuracy", "kmeans", "linear"] as const;
type Metric = typeof METRICS[number];

/** An arm's scores on test frames, or a baseline's. */
export interface ArmRow {
  readonly arm: string;
  readonly rate?: number;
  readonly seeds: readonly number[];
  readonly scores: Readonly<Partial<Record<Metric, Estimate>>>;
}

/** A paired difference of two arms. */
export interface Comparison {
  readonly arm: string;
  readonly against: string;
  readonly scores: Readonly<Partial<Record<Metric, Estimate>>>;
}

/** The factor of the learning rate with the best mean mIoU on validation streets; undefined while runs are missing. */
export function chosenRate(outcomes: readonly Outcome[], arm: Arm): number | undefined {
  const means = PROTOCOL.rates.map((rate) => {
    const values = outcomes.filter((o) =>
      o.split === "validation" && o.arm === arm.rateOf && o.rate === rate
    ).map((o) => o.miou);
    return values.length === PROTOCOL.validationSeeds.length ? estimate(values).mean : NaN;
  });
  if (means.some(Number.isNaN)) return undefined;
  return PROTOCOL.rates[means.indexOf(Math.max(...means))];
}

/** Means on test frames, in the order of the arms, baselines last. */
export function armRows(outcomes: readonly Outcome[]): ArmRow[] {
  const test = outcomes.filter(({ split }) => split === "test");
  const names = [...new Set([...ARMS.map(({ name }) => name), ...test.map(({ arm }) => arm)])];
  return names.flatMap((arm): ArmRow[] => {
    const own = test.filter((o) => o.arm === arm);
    if (own.length === 0) return [];
    const scores = METRICS.flatMap((metric) => {
      const values = valuesOf(own, metric);
      return values.size > 0 ? [[metric, estimate([...values.values()])] as const] : [];
    });
    return [{
      arm,
      rate: own[0].rate,
      seeds: own.map(({ seed }) => seed).sort((a, b) => a - b),
      scores: Object.fromEntries(scores),
    }];
  });
}

/** Differences that arms name, paired by seed. */
export function comparisons(outcomes: readonly Outcome[]): Comparison[] {
  const test = outcomes.filter(({ split }) => split === "test");
  const of = (arm: string, metric: Metric) => valuesOf(test.filter((o) => o.arm === arm), metric);
  return ARMS.flatMap(({ name, against }) =>
    against.flatMap((base): Comparison[] => {
      const scores = METRICS.map((metric) =>
        [metric, pairedDifference(of(name, metric), of(base, metric))] as const
      ).filter(([, { n }]) => n > 0);
      if (scores.length === 0) return [];
      return [{ arm: name, against: base, scores: Object.fromEntries(scores) }];
    })
  );
}

function valuesOf(outcomes: readonly Outcome[], metric: Metric): Map<number, number> {
  return new Map(outcomes.flatMap((o) => {
    const value = o[metric];
    return value === undefined ? [] : [[o.seed, value] as const];
  }));
}

/** All tables as Markdown. */
export function markdown(outcomes: readonly Outcome[], failures: readonly Failure[] = []): string {
  const validation = outcomes.filter(({ split }) => split === "validation");
  const tried = MAIN_ARMS.filter(({ name }) => validation.some(({ arm }) => arm === name));
  const rates = tried.map((arm) => [
    arm.name,
    ...PROTOCOL.rates.map((rate) => {
      const own = validation.filter((o) => o.arm === arm.name && o.rate === rate);
      return own.length > 0 ? points(estimate(own.map((o) => o.miou))) : "";
    }),
    `x ${chosenRate(outcomes, arm) ?? "?"}`,
  ]);
  const arms = armRows(outcomes).map((row) => [
    row.arm,
    row.rate === undefined ? "" : `x ${row.rate}`,
    String(row.seeds.length),
    ...METRICS.map((metric) => points(row.scores[metric])),
  ]);
  const differences = comparisons(outcomes).map(({ arm, against, scores }) => [
    `${arm} - ${against}`,
    String(scores.miou?.n ?? 0),
    ...METRICS.map((metric) => points(scores[metric], { signed: true })),
  ]);
  const runs = outcomes.map((o) => [
    o.name,
    o.arm,
    o.rate === undefined ? "" : `x ${o.rate}`,
    ...METRICS.map((metric) => o[metric] === undefined ? "" : (100 * o[metric]).toFixed(2)),
    o.seconds.toFixed(0),
  ]);
  const scores = ["mIoU", "accuracy", "mIoU k-means", "mIoU linear"];
  return [
    "Validation mIoU by factor of the learning rate:",
    table(["arm", ...PROTOCOL.rates.map((rate) => `x ${rate}`), "chosen"], rates),
    "Test frames, mean over seeds and 95% interval:",
    table(["arm", "rate", "seeds", ...scores], arms),
    "Differences on test frames, paired by seed:",
    table(["difference", "seeds", ...scores], differences),
    "Every run:",
    table(["run", "arm", "rate", ...scores, "seconds"], runs),
    `Ended without a result: ${failures.map((f) => `${f.name} (${f.code})`).join(", ") || "none"}.`,
  ].join("\n\n") + "\n";
}

/** How a mean is written: times `scale`, with so many digits after the point, and a sign where it is a difference. */
export interface Writing {
  readonly signed?: boolean;
  readonly scale?: number;
  readonly digits?: number;
}

/** A mean with its interval, in percent unless it is told otherwise. */
export function points(
  value: Estimate | undefined,
  { signed = false, scale = 100, digits = 1 }: Writing = {},
): string {
  if (!value) return "";
  const written = (number: number) => (scale * number).toFixed(digits);
  const mean = (signed && value.mean >= 0 ? "+" : "") + written(value.mean);
  return Number.isNaN(value.half) ? mean : `${mean} ± ${written(value.half)}`;
}

/** Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
