import { assertAlmostEquals, assertEquals } from "@std/assert";
import { tinyDepthConfig } from "../../lib/depth/config.ts";
import { DepthTrainer } from "../../lib/depth/trainer.ts";
import { useDevice } from "../../lib/engine/device.ts";
import { randomStream } from "../../lib/random.ts";
import type { Frame } from "../../lib/records.ts";
import { predictDepth, scoreDepth } from "../../lib/run/depth_stage.ts";
import { Interrupt } from "../../lib/run/interrupt.ts";
import { MetricsLog } from "../../lib/run/storage/metrics_log.ts";
import { Progress } from "../../lib/run/progress.ts";

await useDevice("cpu");

const SIZE = { height: 64, width: 64 };
const random = randomStream(20261127, "depth stage");

function frame(i: number): Frame {
  const rgb = Uint8Array.from({ length: 3 * 64 * 64 }, () => random.integer(256));
  return { name: `${i}`, sequence: "", ...SIZE, rgb };
}

Deno.test("predictDepth() looks at every frame from both sides, whatever their number", async () => {
  const small = { ...tinyDepthConfig, width: 4, decoderWidth: 2, poseWidth: 4 };
  const trainer = new DepthTrainer(small, 3);
  const frames = Array.from({ length: 34 }, (_, i) => frame(i));
  using interrupt = new Interrupt(() => {});
  const session = {
    folder: "",
    log: new MetricsLog(""),
    progress: new Progress({ quiet: true }),
    interrupt,
    warn: () => {},
  };
  const { maps, frames: same } = await predictDepth(session, trainer, frames);
  assertEquals([maps.length, same], [34, frames]);
  for (const i of [0, 31, 32, 33]) {
    const [alone] = await trainer.predict([frames[i]], { mirror: true });
    alone.disparity.forEach((d, k) => assertAlmostEquals(maps[i].disparity[k], d, 1e-4 * d));
  }
  trainer.dispose();
});

Deno.test("scoreDepth() sets each map against its own frame's truth, beside a constant", () => {
  const truth = Float32Array.from({ length: 64 * 64 }, (_, i) => 1 + i % 7);
  const map = (depth: Float32Array) => ({ ...SIZE, disparity: depth.map((metres) => 1 / metres) });
  const other = truth.map((metres) => 8 - metres);
  const frames = [frame(0), { ...frame(1), depth: truth }, frame(2), { ...frame(3), depth: other }];
  const maps = [map(other), map(truth), map(truth), map(other)];
  const { score, constant } = scoreDepth(maps, frames)!;
  assertAlmostEquals(score.absRel, 0, 1e-6);
  assertEquals(score.a1, 1);
  // Everything at 4 metres, the median of both: off by |4 - g| / g.
  const absRel = (depth: Float32Array) =>
    depth.reduce((sum, metres) => sum + Math.abs(4 - metres) / metres, 0) / depth.length;
  assertAlmostEquals(constant.absRel, (absRel(truth) + absRel(other)) / 2, 1e-6);
  assertEquals(scoreDepth(maps, frames.map(({ depth: _, ...bare }) => bare)), undefined);
});
