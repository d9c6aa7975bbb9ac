/**
 * The runs of the ablation in the order in which they are made: plain data that is derived from the arms.
 *
 * @module
 */
import { type Arm, PROTOCOL } from "./arms.ts";

/** What is compared on one dataset. */
export interface Plan {
  /** Compared by all seeds, each with a learning rate of its own. */
  readonly mainArms: readonly Arm[];
  /** One factor at a time, by fewer seeds. */
  readonly factorArms: readonly Arm[];
  /** Seeds of the compared arms; the others take the first of them. */
  readonly testSeeds: readonly number[];
  /** The seed of the depth network that runs of a seed take. */
  depthSeedOf(seed: number): number;
}

/** A process of the ablation. */
export type Job =
  | { readonly kind: "depth"; readonly name: string; readonly seed: number }
  | {
    readonly kind: "baselines";
    readonly name: string;
    readonly seed: number;
    readonly split: Split;
  }
  | {
    readonly kind: "run";
    readonly name: string;
    readonly seed: number;
    /** Whose depth network it takes. */
    readonly depthSeed: number;
    readonly split: Split;
    readonly arm: Arm;
    /** Factor of the preset's learning rate; undefined until it is chosen. */
    readonly rate: number | undefined;
  };

/** Which frames are scored. */
export type Split = "validation" | "test";

/** Name of the depth network that all arms of a seed share. */
export function depthName(seed: number): string {
  return `depth-seed${seed}`;
}

/** Name of a run, which is its folder's too. */
export function runName(arm: Arm, split: Split, seed: number, rate?: number): string {
  const words = arm.name.replaceAll(/[^a-z0-9]+/g, "-");
  return split === "validation"
    ? `validation-${words}-x${rate}-seed${seed}`
    : `test-${words}-seed${seed}`;
}

const depthJob = (seed: number): Job => ({ kind: "depth", name: depthName(seed), seed });

/** Runs by which learning rates are chosen. */
export function validationJobs({ mainArms, testSeeds, depthSeedOf }: Plan): Job[] {
  const { validationSeeds, validationDepthSeed } = PROTOCOL;
  const depthSeed = depthSeedOf(validationDepthSeed);
  // No run can start before the first network is there; a second process trains the next one meanwhile.
  const networks = new Set([depthSeed, depthSeedOf(testSeeds[1])]);
  return validationSeeds.flatMap((seed) => [
    ...[...networks].map(depthJob),
    ...mainArms.flatMap((arm) =>
      PROTOCOL.rates.map((rate): Job => ({
        kind: "run",
        name: runName(arm, "validation", seed, rate),
        seed,
        depthSeed,
        split: "validation",
        arm,
        rate,
      }))
    ),
  ]);
}

/**
 * Runs that are reported: the main arms seed by seed, then factor by factor.
 *
 * @param rateOf the chosen factor of an arm's learning rate.
 */
export function testJobs(
  { mainArms, factorArms, testSeeds, depthSeedOf }: Plan,
  rateOf: (arm: Arm) => number | undefined,
): Job[] {
  const run = (arm: Arm, seed: number): Job => ({
    kind: "run",
    name: runName(arm, "test", seed),
    seed,
    depthSeed: depthSeedOf(seed),
    split: "test",
    arm,
    rate: rateOf(arm),
  });
  return [
    ...testSeeds.flatMap((seed): Job[] => [
      ...depthSeedOf(seed) === seed ? [depthJob(seed)] : [],
      ...mainArms.map((arm) => run(arm, seed)),
      { kind: "baselines", name: `baselines-seed${seed}`, seed, split: "test" },
    ]),
    ...factorArms.flatMap((arm) =>
      testSeeds.slice(0, PROTOCOL.factorSeeds).map((seed) => run(arm, seed))
    ),
  ];
}
