import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import type { DepthBatch } from "../../lib/depth/augmentation.ts";
import { type DepthConfig, tinyDepthConfig } from "../../lib/depth/config.ts";
import { DepthTrainer } from "../../lib/depth/trainer.ts";
import { useDevice } from "../../lib/engine/device.ts";
import { CheckpointError } from "../../lib/errors.ts";
import { disparityModel } from "../../lib/export/onnx/disparity.ts";
import { featuresModel } from "../../lib/export/onnx/features.ts";
import { encodeOnnx } from "../../lib/export/onnx/schema.ts";
import type { PretrainConfig } from "../../lib/pretrain/config.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import { randomStream } from "../../lib/random.ts";
import type { Frame } from "../../lib/records.ts";
import { smallPretrainConfig } from "../pretrain/small_config.ts";
import { randomise } from "./randomise.ts";
import { assertNear, channelsLast, runOnnx } from "./run_onnx.ts";

await useDevice("cpu");

const seed = Date.now() % 1e6;
const random = randomStream(seed, "onnx");

/** Embedded streets at a size, drawn afresh. */
async function streets(count: number, height: number, width: number): Promise<Frame[]> {
  const scenes = streetScenes({
    seed,
    split: "validation",
    sequences: count,
    framesPerSequence: 1,
  });
  return await Promise.all(scenes.frames.map((_, i) => scenes.read(i, { height, width })));
}

/** Sizes with sides that are multiples of 32, drawn afresh. */
function randomSize(least: number): [number, number] {
  return [least + 32 * random.integer(3), least + 32 * random.integer(3)];
}

const NETWORKS: Readonly<Record<string, Partial<PretrainConfig>>> = {
  "ResNet-18 with two projector layers": {},
  "ResNet-18 that enlarges images": { enlarge: 2 },
  "ResNet-50 with a top-down path of its own": {
    depth: 50,
    topDownChannels: 6,
    projectorChannels: 0,
  },
};

for (const [name, change] of Object.entries(NETWORKS)) {
  Deno.test(`featuresModel() of ${name} gives the same embeddings in onnxruntime`, async () => {
    const config = { ...smallPretrainConfig, ...change };
    const pretrainer = new Pretrainer(config, seed);
    const state = randomise(await pretrainer.export(), random);
    pretrainer.import(state);
    const prototypes = await pretrainer.prototypes();
    const batches = [
      await streets(2, 64, 128),
      await streets(1, ...randomSize(32)),
      await streets(3, ...randomSize(32)),
    ];
    const model = featuresModel(state, config);
    assertEquals(model.outputs.map(({ dims }) => dims), [
      ["batch", config.embeddingSize, "rows", "columns"],
      ["batch", config.prototypes, "rows", "columns"],
    ]);
    const answers = await runOnnx(encodeOnnx(model), batches);
    for (const [i, frames] of batches.entries()) {
      const outputs = answers[i];
      const ours = await pretrainer.embed(frames);
      const { count, channels, values } = ours;
      assertEquals(outputs.embeddings.shape, [count, channels, ours.height, ours.width]);
      const what = `embeddings of ${count} x ${frames[0].height} x ${
        frames[0].width
      }, seed ${seed}`;
      assertNear(channelsLast(outputs.embeddings), values, 1e-4, what);
      const spread = Math.max(...values.map((v, i) => Math.abs(v - values[i % channels])));
      assert(spread > 0.01, "embeddings are all alike and show nothing");
      assertEquals(outputs.scores.shape[1], config.prototypes);
      const scores = channelsLast(outputs.scores);
      for (let k = 0; k < 200; k++) {
        const at = random.integer(scores.length), row = Math.floor(at / config.prototypes);
        let cosine = 0;
        for (let d = 0; d < channels; d++) {
          cosine += values[row * channels + d] *
            prototypes[(at % config.prototypes) * channels + d];
        }
        assertAlmostEquals(scores[at], cosine, 1e-4, `seed ${seed}`);
      }
    }
    const lacking = new Map([...state].filter(([name]) => name !== "pyramid.head.2.1.norm.bias"));
    assertThrows(
      () => featuresModel(lacking, config),
      CheckpointError,
      "pyramid.head.2.1.norm.bias",
    );
    pretrainer.dispose();
  });
}

const DEPTH_NETWORKS: Readonly<Record<string, Partial<DepthConfig>>> = {
  "preset tiny": { width: 4, decoderWidth: 2 },
  "Monodepth2's form": {
    width: 4,
    decoderWidth: 3,
    decoderNorm: false,
    imageSkip: false,
    scales: 4,
    meanDisparity: 0,
    initialDisparity: { far: 0.3, near: 0.3, horizon: 0.5 },
  },
};

/** Two streets of three frames: networks learn on them for a while, so that their statistics are real ones. */
async function threeFrames(): Promise<DepthBatch> {
  const [height, width] = [64, 128];
  const scenes = streetScenes({ seed, split: "train", sequences: 2, framesPerSequence: 3 });
  const frames = await Promise.all(scenes.frames.map((_, i) => scenes.read(i, { height, width })));
  const stack = (i: number) => Uint8Array.from([...frames[i].rgb, ...frames[3 + i].rgb]);
  return {
    count: 2,
    height,
    width,
    target: stack(1),
    sources: [stack(0), stack(2)],
    offsets: [[-1, -1], [1, 1]],
    intrinsics: [frames[1].intrinsics!, frames[4].intrinsics!],
  };
}

for (const [name, change] of Object.entries(DEPTH_NETWORKS)) {
  Deno.test(`disparityModel() of ${name} gives the same inverse depths in onnxruntime`, async () => {
    // Statistics become real ones, weights stay about where they began.
    const config = { ...tinyDepthConfig, ...change, learningRate: 1e-5 };
    const trainer = new DepthTrainer(config, seed);
    const video = await threeFrames();
    for (let step = 0; step < 30; step++) await trainer.step(video, step);
    const state = await trainer.export();
    // At its beginning the map is almost even.
    const head = "depth.decoder.disparity.0.weight", { shape, data } = state.get(head)!;
    state.set(head, { dtype: "F32", shape, data: Float32Array.from(data, (w) => 5 * w) });
    trainer.import(state);
    const batches = [await streets(2, 64, 128), await streets(1, ...randomSize(64))];
    const answers = await runOnnx(encodeOnnx(disparityModel(state, config)), batches);
    for (const [i, frames] of batches.entries()) {
      const { inverse_depth } = answers[i];
      const maps = await trainer.predict(frames);
      const [{ height, width }] = frames;
      assertEquals(inverse_depth.shape, [frames.length, 1, height, width]);
      const ours = maps.flatMap(({ disparity }) => [...disparity]);
      const largest = Math.max(...ours);
      assert(largest > 1.02 * Math.min(...ours), `the map is flat, seed ${seed}`);
      assertNear(inverse_depth.data, ours, 1e-4 * largest, `${height} x ${width}, seed ${seed}`);
    }
    trainer.dispose();
  });
}
