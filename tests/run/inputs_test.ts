import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../lib/errors.ts";
import type { Frame } from "../../lib/records.ts";
import { depthTargets } from "../../lib/run/inputs.ts";

/** Frames of videos of these lengths. */
function videos(...lengths: number[]): Frame[] {
  return lengths.flatMap((length, video) =>
    Array.from({ length }, (_, i) => ({
      name: `${video}/${i}`,
      sequence: `${video}`,
      height: 1,
      width: 1,
      rgb: new Uint8Array(3),
    }))
  );
}

Deno.test("depthTargets() takes frames between two others, or every frame of a long enough video", () => {
  const frames = videos(3, 2, 4);
  assertEquals(depthTargets(frames, false), [
    { target: 1, offsets: [-1, 1] },
    { target: 6, offsets: [-1, 1] },
    { target: 7, offsets: [-1, 1] },
  ]);
  assertEquals(depthTargets(frames, true), [
    { target: 0, offsets: [1, 2] },
    { target: 1, offsets: [-1, 1] },
    { target: 2, offsets: [-1, -2] },
    { target: 5, offsets: [1, 2] },
    { target: 6, offsets: [-1, 1] },
    { target: 7, offsets: [-1, 1] },
    { target: 8, offsets: [-1, -2] },
  ]);
});

Deno.test("depthTargets() refuses data without three frames in a row", () => {
  assertThrows(() => depthTargets(videos(2, 1, 2), true), ConfigError, "three frames in a row");
});
