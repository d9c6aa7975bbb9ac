import { assert, assertEquals, assertThrows } from "@std/assert";
import { ConfigError, DataError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import type { Frame } from "../../lib/records.ts";
import { depthTargets } from "../../lib/run/inputs.ts";
import { depthBatch, stackTargets } from "../../lib/run/stage_inputs.ts";

const [HEIGHT, WIDTH] = [4, 6];
const random = randomStream(Date.now(), "stage inputs");

function frameOf(k: number, height = HEIGHT): Frame {
  const rgb = Uint8Array.from({ length: 3 * height * WIDTH }, () => random.integer(256));
  return { name: `a/${k}`, sequence: "a", height, width: WIDTH, rgb };
}

const FRAMES = [0, 1, 2, 3].map((k) => frameOf(k));
const TARGETS = depthTargets(FRAMES, true);

Deno.test("stackTargets() lays targets and their sources one after the other", () => {
  const { count, target, sources, offsets } = stackTargets(FRAMES, [TARGETS[1], TARGETS[0]]);
  assertEquals(count, 2);
  assertEquals(target, Uint8Array.from([...FRAMES[1].rgb, ...FRAMES[0].rgb]));
  assertEquals(sources[0], Uint8Array.from([...FRAMES[0].rgb, ...FRAMES[1].rgb]));
  assertEquals(sources[1], Uint8Array.from([...FRAMES[2].rgb, ...FRAMES[2].rgb]));
  assertEquals(offsets, [[-1, 1], [1, 2]]);
});

Deno.test("depthBatch() refuses frames and targets of which no batch can be made", () => {
  const strangers = [{ target: 9, offsets: [-1, 1] as const }];
  const large = FRAMES.with(2, frameOf(2, 2 * HEIGHT));
  const grey = FRAMES.with(2, { ...FRAMES[2], rgb: new Uint8Array(HEIGHT * WIDTH) });
  const every = [{ target: 1, offsets: [-1, 1] as const }];
  const wrong: [() => unknown, typeof ConfigError | typeof DataError, string][] = [
    [() => depthBatch([], TARGETS, 2, 0, 0), ConfigError, "got 0 frames and 2 targets"],
    [() => depthBatch(FRAMES, [], 2, 0, 0), ConfigError, "got 0 targets and 2"],
    [() => depthBatch(FRAMES, TARGETS, 0, 0, 0), ConfigError, "got 4 targets and 0"],
    [() => depthBatch(FRAMES, TARGETS, 1.5, 0, 0), ConfigError, "got 4 targets and 1.5"],
    [() => depthBatch(FRAMES, strangers, 1, 0, 0), ConfigError, "among 4 frames, got frame 9"],
    [() => depthBatch(large, every, 1, 0, 0), DataError, "to be 4 x 6, got 8 x 6 (a/2)"],
    [
      () => depthBatch(grey, every, 1, 0, 0),
      DataError,
      "as rgb of a/2 (4 x 6), got Uint8Array(24)",
    ],
    [() => stackTargets(FRAMES, []), ConfigError, "got 4 frames and 0 targets"],
  ];
  for (const [call, kind, message] of wrong) {
    const error = assertThrows(call, kind, message);
    assert(error.message.startsWith("Cannot make a depth batch: expected "), error.message);
  }
});
