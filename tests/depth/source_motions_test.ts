import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals } from "@std/assert";
import { poseNetwork } from "../../lib/depth/pose_network.ts";
import { sourceMotions } from "../../lib/depth/source_motions.ts";
import { useDevice } from "../../lib/engine/device.ts";
import { ParameterStore } from "../../lib/nn/parameters.ts";
import { resnet, resnetChannels } from "../../lib/nn/resnet.ts";
import { randomStream } from "../../lib/random.ts";

await useDevice("cpu");

const ANSWERING = { training: false };

/** A pose network whose last layer does not begin at zero, so that answers depend on the frames. */
function network(seed: number, encoder: "own" | "shared") {
  const store = new ParameterStore(randomStream(seed));
  const settings = { poseWidth: 4, motionScale: 0.05, initialForward: 0.1 };
  const other = { depth: 18, width: 4, inputChannels: 3 } as const;
  const shared = encoder === "shared"
    ? { encode: resnet(store.root.child("other"), other), channels: resnetChannels(other)[4] }
    : undefined;
  const pose = poseNetwork(store.root, settings, shared);
  for (const variable of store.trainable()) {
    if (variable.name.includes("decoder.3")) variable.assign(tf.randomNormal(variable.shape));
  }
  return { pose, store };
}

const frames = (count: number) => tf.randomUniform([count, 64, 64, 3]) as tf.Tensor4D;

for (const encoder of ["own", "shared"] as const) {
  Deno.test(`sourceMotions() turns the motion round where the source is the earlier frame, ${encoder} encoder`, () => {
    const { pose, store } = network(Math.floor(Math.random() * 1e6), encoder);
    tf.tidy(() => {
      const [a, b] = [frames(2), frames(2)];
      const [forth] = sourceMotions(
        pose,
        { target: a, sources: [b, b], offsets: [[1, 2], [1, 2]] },
        ANSWERING,
      );
      const [back, other] = sourceMotions(
        pose,
        { target: b, sources: [a, a], offsets: [[-1, -2], [-1, -2]] },
        ANSWERING,
      );
      // Forth and back is no motion at all.
      const round = tf.matMul(back.rotation, forth.rotation);
      const eye = [1, 0, 0, 0, 1, 0, 0, 0, 1];
      round.dataSync().forEach((v, i) => assertAlmostEquals(v, eye[i % 9], 1e-5));
      const moved = tf.squeeze(tf.matMul(back.rotation, tf.expandDims(forth.translation, 2)), [2]);
      tf.add(moved, back.translation).dataSync().forEach((v) => assertAlmostEquals(v, 0, 1e-5));
      other.translation.dataSync().forEach((v, i) =>
        assertAlmostEquals(v, back.translation.dataSync()[i], 1e-5)
      );
      assert(forth.translation.dataSync().some((v) => Math.abs(v) > 1e-3));
    });
    store.dispose();
  });

  Deno.test(`sourceMotions() expects the camera as much farther ahead as there are frames between, ${encoder} encoder`, () => {
    const { pose, store } = network(Math.floor(Math.random() * 1e6), encoder);
    tf.tidy(() => {
      const image = frames(1);
      const [near, far] = sourceMotions(
        pose,
        { target: image, sources: [image, image], offsets: [[1], [3]] },
        ANSWERING,
      );
      const change = tf.sub(far.translation, near.translation).dataSync();
      [0, 0, -0.2].forEach((v, i) => assertAlmostEquals(change[i], v, 1e-6));
    });
    store.dispose();
  });
}
