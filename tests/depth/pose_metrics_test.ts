import { assert, assertAlmostEquals, assertThrows } from "@std/assert";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import {
  meanPoseScore,
  poseMetrics,
  relativeMotion,
  type RigidMotion,
} from "../../lib/depth/pose_metrics.ts";
import { DataError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";

const UNTURNED = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/** The camera moves by (x, y, z) without turning: points move the other way. */
function moved(x: number, y: number, z: number): RigidMotion {
  return { rotation: UNTURNED, translation: [-x, -y, -z] };
}

/** A turn about the vertical axis. */
function turned(degrees: number): number[] {
  const [c, s] = [Math.cos(degrees * Math.PI / 180), Math.sin(degrees * Math.PI / 180)];
  return [c, 0, s, 0, 1, 0, -s, 0, c];
}

Deno.test("poseMetrics() by hand", () => {
  const truth = [moved(0, 0, -2), moved(0, 0, 2)];
  // Half the length, as scale is unknown: no error.
  const right = poseMetrics([moved(0, 0, -1), moved(0, 0, 1)], truth);
  assertAlmostEquals(right.ate, 0, 1e-12);
  assertAlmostEquals(right.rotation, 0, 1e-6);
  assertAlmostEquals(right.direction, 0, 1e-6);
  // Positions (0,0,-1) and (1,0,1): s = (2 + 2) / (1 + 2), differences (0,0,2/3), (4/3,0,-2/3).
  const skew = poseMetrics([moved(0, 0, -1), moved(1, 0, 1)], truth);
  assertAlmostEquals(skew.ate, Math.sqrt((4 + 16 + 4) / 9) / 3, 1e-12);
  assertAlmostEquals(skew.direction, 45 / 2, 1e-6);
  const turn = poseMetrics(
    [{ ...moved(0, 0, -2), rotation: turned(3) }, { ...moved(0, 0, 2), rotation: turned(-5) }],
    truth,
  );
  assertAlmostEquals(turn.rotation, 4, 1e-6);
  // A motion of points that turns them puts the camera elsewhere, -R^T t, by as many degrees.
  assertAlmostEquals(turn.direction, 4, 1e-6);
});

Deno.test("poseMetrics() asks no direction of a camera that stands", () => {
  const standing = poseMetrics([moved(0, 0, 1), moved(0, 0, 1)], [moved(0, 0, 0), moved(0, 0, 0)]);
  assert(Number.isNaN(standing.direction));
  assertAlmostEquals(standing.ate, 0, 1e-12);
  const going = poseMetrics([moved(0, 0, 1), moved(0, 1, 0)], [moved(0, 0, 1), moved(0, 0, 1)]);
  assertAlmostEquals(meanPoseScore([standing, going]).direction, 45, 1e-6);
});

Deno.test("poseMetrics() refuses motions that truth does not go with", () => {
  const truth = [moved(0, 0, 1)];
  assertThrows(() => poseMetrics([], truth), DataError, "got 0 for 1");
  assertThrows(() => poseMetrics([], []), DataError, "got 0 for 0");
  assertThrows(() => poseMetrics([...truth, ...truth], truth), DataError, "got 2 for 1");
  const flat = { rotation: UNTURNED.slice(0, 4), translation: [0, 0] };
  assertThrows(() => poseMetrics(truth, [flat]), DataError, "got 4 and 2");
});

Deno.test("relativeMotion() carries points of the streets from camera to camera", async () => {
  const random = randomStream(Date.now(), "poses");
  const streets = streetScenes({
    seed: random.integer(1000),
    split: "train",
    sequences: 1,
    framesPerSequence: 3,
  });
  const size = { height: 64, width: 128 };
  const [from, , to] = await Promise.all(
    [0, 1, 2].map(async (i) => (await streets.read(i, size)).pose!),
  );
  const { rotation, translation } = relativeMotion(from, to);
  const world = (pose: Float64Array, p: number[]) =>
    [0, 1, 2].map((i) => pose[4 * i + 3] + p.reduce((sum, x, k) => sum + pose[4 * i + k] * x, 0));
  for (let n = 0; n < 20; n++) {
    const point = [random.normal(0, 5), random.normal(0, 2), random.uniform(2, 50)];
    const other = [0, 1, 2].map((i) =>
      translation[i] + point.reduce((sum, x, k) => sum + rotation[3 * i + k] * x, 0)
    );
    world(to, other).forEach((x, i) => assertAlmostEquals(x, world(from, point)[i], 1e-9));
  }
  // Two frames later the camera is further ahead: points come nearer.
  assert(translation[2] < 0);
});
