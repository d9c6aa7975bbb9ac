/**
 * Shadows that solids throw on the ground, found through a coarse grid so that a point asks only the
 * solids whose shadow can reach it.
 *
 * @module
 */

import { type Hit, intersect, type Solid } from "./solid.ts";
import type { Weather } from "./weather.ts";

const CELL = 4;

/** Answers how much direct light reaches a place on the ground. */
export class ShadowGrid {
  readonly #cells = new Map<number, number[]>();
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #hit: Hit = { t: 0, nx: 0, ny: 0, nz: 0, across: 0, height: 0, along: 0 };

  constructor(readonly solids: readonly Solid[], readonly weather: Weather) {
    this.#cos = Float64Array.from(solids, (solid) => Math.cos(solid.heading));
    this.#sin = Float64Array.from(solids, (solid) => Math.sin(solid.heading));
    if (weather.direct < 0.15) return;
    const [sx, sy, sz] = weather.sun;
    solids.forEach((solid, index) => {
      const top = -(solid.y - solid.up), reach = Math.min(60, top / -sy);
      const radius = Math.hypot(solid.across, solid.shape === "cylinder" ? 0 : solid.along) + 0.3;
      const steps = Math.max(1, Math.ceil((reach * Math.hypot(sx, sz)) / CELL));
      for (let k = 0; k <= steps; k++) {
        const t = reach * k / steps;
        this.#mark(index, solid.x - t * sx, solid.z - t * sz, radius);
      }
    });
  }

  #mark(index: number, x: number, z: number, radius: number): void {
    for (let i = Math.floor((x - radius) / CELL); i <= Math.floor((x + radius) / CELL); i++) {
      for (let j = Math.floor((z - radius) / CELL); j <= Math.floor((z + radius) / CELL); j++) {
        const key = i * 4096 + j;
        const cell = this.#cells.get(key);
        if (!cell) this.#cells.set(key, [index]);
        else if (cell[cell.length - 1] !== index && !cell.includes(index)) cell.push(index);
      }
    }
  }

  /** Whether a point just above the ground lies in the shade. */
  shades(x: number, y: number, z: number): boolean {
    const cell = this.#cells.get(Math.floor(x / CELL) * 4096 + Math.floor(z / CELL));
    if (!cell) return false;
    const [sx, sy, sz] = this.weather.sun;
    for (const index of cell) {
      // intersect() sees nothing nearer than its near plane, so the ray starts a little behind the point.
      const solid = this.solids[index];
      const hit = intersect(
        solid,
        this.#cos[index],
        this.#sin[index],
        x - 0.25 * sx,
        y - 0.25 * sy,
        z - 0.25 * sz,
        sx,
        sy,
        sz,
        200,
        this.#hit,
      );
      if (hit) return true;
    }
    return false;
  }
}
