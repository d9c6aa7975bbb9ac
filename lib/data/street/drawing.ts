/**
 * Which frame of which street is drawn; the same for this thread and for workers.
 *
 * @module
 */

import { randomStream } from "../../random.ts";
import type { Size } from "../dataset.ts";
import { drawStreet } from "./draw_street.ts";
import { renderStreet } from "./render.ts";

/** One frame. */
export interface FrameOrder extends Size {
  readonly seed: number;
  readonly split: string;
  /** Number of the street in its split. */
  readonly street: number;
  /** Since the street's start. */
  readonly seconds: number;
}

/** What is drawn: a frame without its name. */
export type Drawn = ReturnType<typeof renderStreet>;

/** Draws a frame. */
export function drawFrame({ seed, split, street, seconds, height, width }: FrameOrder): Drawn {
  return renderStreet(
    drawStreet(randomStream(seed, "street", split, street)),
    seconds,
    height,
    width,
  );
}
