/**
 * The quality of regions over the frames of a dataset, as JSON and as a table.
 *
 * @module
 */

import type { Frame, RegionMap } from "../records.ts";
import { addBoundaries, boundaryRecall, emptyBoundaries } from "../regions/boundaries.ts";
import { addPurity, emptyPurity, regionPurity } from "../regions/quality.ts";
import { addRecovery, emptyRecovery, recoveredShares } from "../regions/recovery.ts";
import type { LoadedDataset } from "./inputs.ts";
import { percent } from "../report/words.ts";

/** Fractions 0..1 by class name; classes that do not occur are left out. */
type ByClass = Readonly<Record<string, number>>;

/** What the labels of a dataset say of regions; see quality.ts, boundaries.ts and recovery.ts. */
export interface RegionScore {
  readonly purity: number;
  readonly perClass: ByClass;
  readonly boundaryRecall: number;
  /** Of all instances, where the dataset tells them. */
  readonly instancesRecovered?: number;
  readonly recovered: ByClass;
}

/** Adds up over frames. */
export class RegionQuality {
  readonly #dataset: LoadedDataset["dataset"];
  readonly #purity;
  readonly #things;
  readonly #boundaries = emptyBoundaries();
  #labelled = 0;

  constructor(dataset: LoadedDataset["dataset"]) {
    this.#dataset = dataset;
    this.#purity = emptyPurity(dataset.classes.length);
    this.#things = emptyRecovery(dataset.classes.length);
  }

  /** Adds the regions of a frame; one without labels says nothing. */
  add(map: RegionMap, { labels, instances }: Frame): void {
    if (!labels || this.#dataset.classes.length === 0) return;
    this.#labelled++;
    addPurity(this.#purity, map, labels, this.#dataset.ignore);
    addBoundaries(this.#boundaries, map, labels, instances, this.#dataset.ignore);
    if (instances) addRecovery(this.#things, map, labels, instances);
  }

  /** Undefined where no frame had labels. */
  score(): RegionScore | undefined {
    if (this.#labelled === 0) return undefined;
    const { overall, perClass } = regionPurity(this.#purity);
    const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
    const instances = sum(this.#things.instances);
    return {
      purity: overall,
      perClass: this.#byClass(perClass),
      boundaryRecall: boundaryRecall(this.#boundaries),
      ...(instances > 0 ? { instancesRecovered: sum(this.#things.recovered) / instances } : {}),
      recovered: this.#byClass(recoveredShares(this.#things)),
    };
  }

  #byClass(values: readonly number[]): ByClass {
    return Object.fromEntries(
      this.#dataset.classes.map((name, id): [string, number] => [name, values[id]])
        .filter(([, value]) => !Number.isNaN(value)),
    );
  }
}

/** The rows of a table for people. */
export function qualityRows(score: RegionScore): [string, string][] {
  const rows: [string, string][] = [["purity", percent(score.purity)]];
  for (const [name, value] of Object.entries(score.perClass)) {
    rows.push([`  purity ${name}`, percent(value)]);
  }
  rows.push(["boundary recall, within 2 pixels", percent(score.boundaryRecall)]);
  if (score.instancesRecovered !== undefined) {
    rows.push([
      "instances with a region of their own (IoU 0.5)",
      percent(score.instancesRecovered),
    ]);
  }
  for (const [name, share] of Object.entries(score.recovered)) {
    rows.push([`  instances ${name}`, percent(share)]);
  }
  return rows;
}
