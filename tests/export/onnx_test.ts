import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import * as onnx from "onnxruntime-node";
import { streetScenes } from "../../lib/data/street/scenes.ts";
import { type DepthConfig, tinyDepthConfig } from "../../lib/depth/config.ts";
import { DepthTrainer } from "../../lib/depth/trainer.ts";
import { useDevice } from "../../lib/engine/device.ts";
import { CheckpointError } from "../../lib/errors.ts";
import { disparityModel } from "../../lib/export/onnx/disparity.ts";
import { featuresModel } from "../../lib/export/onnx/features.ts";
import { encodeOnnx, type OnnxModel } from "../../lib/export/onnx/schema.ts";
import type { PretrainConfig } from "../../lib/pretrain/config.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import { randomStream } from "../../lib/random.ts";
import type { Frame } from "../../lib/records.ts";
import { smallPretrainConfig } from "../pretrain/small_config.ts";
import { randomise } from "./randomise.ts";

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

/** Frames as `[N,3,H,W]`, 0..1. */
function planes(frames: readonly Frame[]): onnx.Tensor {
  const [{ height, width }] = frames;
  const size = height * width;
  const values = new Float32Array(frames.length * 3 * size);
  frames.forEach(({ rgb }, n) =>
    rgb.forEach((v, i) => values[(3 * n + i % 3) * size + Math.floor(i / 3)] = v / 255)
  );
  return new onnx.Tensor("float32", values, [frames.length, 3, height, width]);
}

/** `[N,C,h,w]` as `[N,h,w,C]`. */
function channelsLast({ dims: [n, c, h, w], data }: onnx.Tensor): Float32Array {
  const size = h * w;
  return Float32Array.from({ length: n * c * size }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / c), i % c];
    const image = Math.floor(pixel / size);
    return Number(data[(image * c + channel) * size + pixel % size]);
  });
}

function assertNear(
  ours: ArrayLike<number>,
  theirs: ArrayLike<number>,
  bound: number,
  what: string,
) {
  assertEquals(ours.length, theirs.length, what);
  let worst = 0;
  for (let i = 0; i < ours.length; i++) worst = Math.max(worst, Math.abs(ours[i] - theirs[i]));
  assert(worst <= bound, `${what}: off by ${worst}, seed ${seed}`);
}

async function open(model: OnnxModel): Promise<onnx.InferenceSession> {
  return await onnx.InferenceSession.create(encodeOnnx(model));
}

/** Sizes with sides that are multiples of 32, drawn afresh. */
function randomSize(least: number): [number, number] {
  return [least + 32 * random.integer(3), least + 32 * random.integer(3)];
}

const NETWORKS: Readonly<Record<string, Partial<PretrainConfig>>> = {
  "ResNet-18 with two projector layers": {},
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
    const session = await open(featuresModel(state, config));
    const prototypes = await pretrainer.prototypes();
    for (
      const [count, size] of [[2, [64, 128]], [1, randomSize(32)], [3, randomSize(32)]] as const
    ) {
      const frames = await streets(count, ...size as [number, number]);
      const outputs = await session.run({ images: planes(frames) });
      const ours = await pretrainer.embed(frames);
      const { channels, values } = ours;
      assertEquals(outputs.embeddings.dims, [count, channels, ours.height, ours.width]);
      assertNear(
        channelsLast(outputs.embeddings),
        values,
        1e-4,
        `embeddings of ${count} x ${size}`,
      );
      const spread = Math.max(...values.map((v, i) => Math.abs(v - values[i % channels])));
      assert(spread > 0.01, "embeddings are all alike and show nothing");
      assertEquals(outputs.scores.dims[1], config.prototypes);
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
    await session.release();
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

for (const [name, change] of Object.entries(DEPTH_NETWORKS)) {
  Deno.test(`disparityModel() of ${name} gives the same inverse depths in onnxruntime`, async () => {
    const config = { ...tinyDepthConfig, ...change };
    const trainer = new DepthTrainer(config, seed);
    const state = randomise(await trainer.export(), random);
    trainer.import(state);
    const session = await open(disparityModel(state, config));
    for (const [count, size] of [[2, [64, 128]], [1, randomSize(64)]] as const) {
      const frames = await streets(count, ...size as [number, number]);
      const { inverse_depth } = await session.run({ images: planes(frames) });
      const maps = await trainer.predict(frames);
      assertEquals(inverse_depth.dims, [count, 1, ...size]);
      const ours = maps.flatMap(({ disparity }) => [...disparity]);
      const largest = Math.max(...ours);
      assert(largest > 1.05 * Math.min(...ours), "the map is flat and shows nothing");
      assertNear(inverse_depth.data as Float32Array, ours, 1e-4 * largest, `${count} x ${size}`);
    }
    await session.release();
    trainer.dispose();
  });
}
