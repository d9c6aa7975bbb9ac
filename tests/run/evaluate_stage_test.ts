import { assert, assertEquals } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import { randomStream } from "../../lib/random.ts";
import type { Frame } from "../../lib/records.ts";
import { segment, unlabelledGroups } from "../../lib/run/evaluate_stage.ts";
import { smallPretrainConfig } from "../pretrain/small_config.ts";

await useDevice("cpu");

const [HEIGHT, WIDTH] = [32, 64];
const random = randomStream(20261127, "evaluate stage");

function frame(name: string): Frame {
  const rgb = Uint8Array.from({ length: 3 * HEIGHT * WIDTH }, () => random.integer(256));
  return { name, sequence: "", height: HEIGHT, width: WIDTH, rgb };
}

Deno.test("segment() names each pixel by what its nearest prototype stands for", async () => {
  const pretrainer = new Pretrainer(smallPretrainConfig, 3), frames = [frame("a"), frame("b")];
  const nearest = await pretrainer.assign(frames);
  const idOf = Int32Array.from({ length: smallPretrainConfig.prototypes }, () => random.integer(5));
  const segmented = await segment(pretrainer, frames, idOf);
  segmented.forEach((ids, i) =>
    assertEquals(Array.from(ids), Array.from(nearest[i], (k) => idOf[k]))
  );
  pretrainer.dispose();
});

Deno.test("unlabelledGroups() groups every prototype, in at most twelve colours", async () => {
  for (const prototypes of [5, 20]) {
    const pretrainer = new Pretrainer({ ...smallPretrainConfig, prototypes }, 3);
    const { groupOf, colours } = await unlabelledGroups(pretrainer, [frame("a"), frame("b")]);
    const count = Math.min(12, prototypes);
    assertEquals([groupOf.length, colours.length], [prototypes, count]);
    assertEquals(new Set(groupOf), new Set(Array.from({ length: count }, (_, group) => group)));
    assert(new Set(colours.map(String)).size === count);
    pretrainer.dispose();
  }
});
