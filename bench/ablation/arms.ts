/**
 * The arms of the ablation as plain data. docs/results.md says what they are for; it was written first.
 *
 * @module
 */
import type { PasteShape } from "../../lib/mix/config.ts";
import type { PretrainConfig } from "../../lib/pretrain/config.ts";

/** One way to train: the settings in which it departs from preset `tiny`. */
export interface Arm {
  readonly name: string;
  /** What is pasted. */
  readonly paste: PasteShape;
  /** A pasted pixel wins only where it is nearer. */
  readonly depthTest: boolean;
  /** Pastes move along the ground. */
  readonly groundDistance: boolean;
  /** Which of the two losses; both: as the preset weighs them. */
  readonly loss: "both" | "pixel" | "region";
  /** The depth that regions, the depth test and the loss's regions are made of. */
  readonly depth: "predicted" | "true";
  /** Departures of the contrastive stage's settings. */
  readonly pretrain?: Partial<PretrainConfig>;
  /** The arm whose learning rate it takes; itself where that is chosen for it. */
  readonly rateOf: string;
  /** Arms that it is compared with, paired by seed. */
  readonly against: readonly string[];
}

const components: Arm = {
  name: "components",
  paste: "components",
  depthTest: true,
  groundDistance: true,
  loss: "both",
  depth: "predicted",
  rateOf: "components",
  against: ["none", "boxes", "picie", "picie, 200 clusters"],
};

/** The arms that are compared by five seeds; each has its own learning rate. */
export const MAIN_ARMS: readonly Arm[] = [
  { ...components, name: "none", paste: "none", rateOf: "none", against: [] },
  { ...components, name: "boxes", paste: "boxes", rateOf: "boxes", against: ["none"] },
  components,
  {
    ...components,
    name: "picie",
    paste: "none",
    pretrain: { objective: "picie", reclusterEvery: 30, prototypes: 10, temperature: 1 },
    rateOf: "picie",
    against: ["none"],
  },
  {
    ...components,
    name: "picie, 200 clusters",
    paste: "none",
    pretrain: { objective: "picie", reclusterEvery: 30 },
    rateOf: "picie, 200 clusters",
    against: ["none"],
  },
];

const factor = (name: string, change: Partial<Arm>): Arm => ({
  ...components,
  against: ["components"],
  ...change,
  name,
});

/** One factor at a time around `components`, in order of importance; three seeds. */
export const FACTOR_ARMS: readonly Arm[] = [
  factor("no depth test", { depthTest: false }),
  factor("no ground distance", { groundDistance: false }),
  factor("pixel loss", { loss: "pixel" }),
  factor("none, pixel loss", {
    paste: "none",
    loss: "pixel",
    rateOf: "none",
    against: ["none", "pixel loss"],
  }),
  factor("masks", { paste: "masks", against: ["components", "none"] }),
  factor("slic", { paste: "slic", against: ["components", "none"] }),
  factor("infomap", { paste: "infomap", against: ["components", "none"] }),
  factor("true depth, none", { paste: "none", depth: "true", rateOf: "none", against: ["none"] }),
  factor("true depth, boxes", {
    paste: "boxes",
    depth: "true",
    rateOf: "boxes",
    against: ["boxes", "true depth, none"],
  }),
  factor("true depth", {
    depth: "true",
    against: ["components", "true depth, none", "true depth, boxes"],
  }),
  factor("region loss", { loss: "region" }),
  factor("boxes, no depth test", {
    paste: "boxes",
    depthTest: false,
    rateOf: "boxes",
    against: ["boxes"],
  }),
  factor("boxes, no ground distance", {
    paste: "boxes",
    groundDistance: false,
    rateOf: "boxes",
    against: ["boxes"],
  }),
];

/** All arms, the compared ones first. */
export const ARMS: readonly Arm[] = [...MAIN_ARMS, ...FACTOR_ARMS];

/** What is common to all runs of the ablation. */
export const PROTOCOL = {
  /** Steps of the contrastive stage of every arm. */
  steps: 300,
  /** Factors of the preset's learning rate; every main arm tries each of them once a validation seed. */
  rates: [0.5, 1, 2],
  /** Seeds that learning rates are chosen with; no test street is looked at with them. */
  validationSeeds: [100],
  /** Whose depth network those take, so that none has to be trained for them alone. */
  validationDepthSeed: 0,
  /** Seeds of the compared arms. */
  testSeeds: [0, 1, 2, 3, 4],
  /** Seeds of the other arms: the first of the former. */
  factorSeeds: 3,
} as const;

/** @throws {RangeError} when no arm has this name. */
export function armNamed(name: string): Arm {
  const arm = ARMS.find((arm) => arm.name === name);
  if (arm) return arm;
  throw new RangeError(`Cannot find arm ${name}: expected ${ARMS.map((a) => a.name).join(", ")}`);
}
