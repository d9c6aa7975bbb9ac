/**
 * Puts things into a street that is being drawn.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import { stationAt } from "./road.ts";
import type { Solid } from "./solid.ts";
import type { Street } from "./street.ts";

/** What the parts that fill a street share: where things go, and their numbering. */
export class Builder {
  #instance = 0;

  constructor(
    readonly street: Omit<Street, "solids">,
    readonly random: Random,
    readonly solids: Solid[],
  ) {}

  /** A fresh instance id. */
  nextInstance(): number {
    return ++this.#instance;
  }

  /** Whether a place along the road lies in a side street, with a margin in metres. */
  inJunction(at: number, margin: number): boolean {
    return this.street.junctions.some((junction) =>
      Math.abs(at - junction.at) < junction.half + margin
    );
  }

  /** Offset of the facades on a side. */
  facadeOffset(side: -1 | 1): number {
    const { pavement, grass } = this.street.sides[side];
    return this.street.halfWidth + pavement + grass;
  }

  /** Adds a solid whose foot stands at (s, d), `foot` metres above the road. */
  add(
    s: number,
    d: number,
    foot: number,
    part:
      & Pick<Solid, "shape" | "across" | "up" | "along" | "classId" | "instance" | "material">
      & Partial<Solid>,
    turn = 0,
  ): void {
    const { x, z, heading } = stationAt(this.street.curvature, s, d);
    this.solids.push({
      leanAcross: 0,
      leanAlong: 0,
      cut: "none",
      velocity: [0, 0],
      ...part,
      x,
      y: -(foot + part.up),
      z,
      heading: heading + turn,
    });
  }
}
