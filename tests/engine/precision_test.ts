import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { type Precision, useDevice } from "../../lib/engine/device.ts";
import { openLibrary } from "../../lib/engine/native/library.ts";
import { findAdapter, takesMixed } from "../../lib/engine/webgpu/adapter.ts";
import { DeviceError } from "../../lib/errors.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import { randomStream } from "../../lib/random.ts";
import { draw, tensor } from "./kernels/support.ts";
import { smallPretrainConfig } from "../pretrain/small_config.ts";
import { syntheticBatch } from "../pretrain/synthetic_batch.ts";

const { library } = openLibrary();
const bfloat16 = library?.bfloat16 ?? false;

/** A test of mixed precision, where there is any. */
function mixedTest(name: string, body: (seed: number) => Promise<void>): void {
  const ignore = !bfloat16;
  const fn = async () => {
    const seed = Number(Deno.env.get("SEED") ?? Date.now() % 1_000_000);
    try {
      await body(seed);
    } catch (error) {
      throw new Error(`with SEED=${seed}`, { cause: error });
    } finally {
      await useDevice("cpu");
    }
  };
  Deno.test({ name: ignore ? `${name} (no bfloat16 here)` : name, ignore, fn });
}

/** The nearest bfloat16, by way of float64: 8 significant bits, the even one of two. */
function toBfloat16(x: number): number {
  if (x === 0) return 0;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(x))) - 7), steps = x / unit;
  const below = Math.floor(steps), rest = steps - below;
  return unit * (rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below);
}

interface Shape {
  readonly name: string;
  readonly x: readonly [number, number, number, number];
  readonly filter: readonly [number, number, number, number];
  readonly stride: number;
  /** Of an error, beside the root of the mean square of what comes out. */
  readonly bound: number;
}

/** Factors that are bfloat16 already lose nothing on their way, but where tiles are transformed (native/cpu/conv/winograd.h). */
const SHAPES: readonly Shape[] = [
  { name: "stride 2", x: [2, 9, 14, 19], filter: [3, 3, 19, 37], stride: 2, bound: 1e-5 },
  { name: "7 x 7, 3 channels", x: [2, 11, 13, 3], filter: [7, 7, 3, 64], stride: 2, bound: 1e-5 },
  { name: "1 x 1", x: [3, 5, 9, 33], filter: [1, 1, 33, 50], stride: 1, bound: 1e-5 },
  { name: "by tiles", x: [2, 19, 23, 53], filter: [3, 3, 53, 66], stride: 1, bound: 0.05 },
];

for (const { name, x: xShape, filter: filterShape, stride, bound } of SHAPES) {
  mixedTest(`mixed precision multiplies bfloat16 and adds up float32: ${name}`, async (seed) => {
    const random = randomStream(seed, name);
    const rounded = (shape: readonly number[]) => {
      const { values } = draw(random, shape);
      return { shape, values: Float32Array.from(values, toBfloat16) };
    };
    const x = rounded(xShape), filter = rounded(filterShape);
    const out = xShape.slice(1, 3).map((extent) => Math.ceil(extent / stride));
    const dy = rounded([xShape[0], ...out, filterShape[3]]);
    const convolve = async (precision: Precision) => {
      await useDevice("cpu", { precision });
      const of = (x: tf.Tensor, filter: tf.Tensor) =>
        tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, "same");
      const inputs = [tensor(x), tensor(filter)];
      const results = [of(inputs[0], inputs[1]), ...tf.grads(of)(inputs, tensor(dy))];
      return await Promise.all(results.map((result) => result.data<"float32">()));
    };
    const expected = await convolve("float32"), got = await convolve("mixed");
    expected.forEach((values, which) => {
      const size = Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
      values.forEach((value, i) => {
        const error = Math.abs(got[which][i] - value) / size;
        assert(error <= bound, `result ${which}, element ${i}: expected ${value}, off by ${error}`);
      });
    });
  });
}

mixedTest("mixed precision rounds factors to the nearest bfloat16", async (seed) => {
  const random = randomStream(seed, "rounding");
  const channels = 40, x = draw(random, [1, 1, 50, channels]);
  const { device, precision } = {
    device: await useDevice("cpu", { precision: "mixed" }),
    precision: "mixed",
  };
  assertEquals(device.precision, precision);
  assert(device.detail.includes("bfloat16"), device.detail);
  // A filter that hands channels on, one that the narrow loops do not take.
  const identity = tf.reshape(tf.eye(channels), [1, 1, channels, channels]) as tf.Tensor4D;
  const y = await tf.conv2d(tensor(x) as tf.Tensor4D, identity, 1, "same").data();
  assertEquals(Array.from(y), Array.from(x.values, toBfloat16));
});

mixedTest("pretraining in mixed precision learns as in float32", async (seed) => {
  const config = { ...smallPretrainConfig, width: 16, pyramidChannels: 64, steps: 30 };
  const learn = async (precision: Precision) => {
    await useDevice("cpu", { precision });
    const pretrainer = new Pretrainer(config, 0);
    const losses: number[] = [];
    for (let step = 0; step < 30; step++) {
      losses.push((await pretrainer.step(syntheticBatch(seed + step, 32, 64), step)).loss);
    }
    pretrainer.dispose();
    return losses;
  };
  const exact = await learn("float32"), mixed = await learn("mixed");
  const mean = (losses: readonly number[]) => losses.reduce((sum, loss) => sum + loss, 0) / 10;
  assert(mean(exact.slice(-10)) < 0.9 * mean(exact.slice(0, 10)), `float32 learns: ${exact}`);
  assert(exact.some((loss, step) => loss !== mixed[step]), "they differ");
  assert(Math.abs(mixed[0] / exact[0] - 1) < 0.02, `first losses ${exact[0]} and ${mixed[0]}`);
  const ratio = mean(mixed.slice(-10)) / mean(exact.slice(-10));
  assert(Math.abs(ratio - 1) < 0.1, `last losses ${exact.slice(-10)} and ${mixed.slice(-10)}`);
});

Deno.test({
  name: "mixed precision is refused where the processor has no bfloat16",
  ignore: library === undefined,
  async fn() {
    const device = new URL("../../lib/engine/device.ts", import.meta.url).href;
    const code = `import { useDevice } from ${JSON.stringify(device)};
      try { await useDevice("cpu", { precision: "mixed" }); console.log("taken"); }
      catch (error) { console.log(error.name, error.message); }`;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--config", fromFileUrl(new URL("../../deno.json", import.meta.url)), code],
      env: { CPCDR_ISA: "avx2", NO_COLOR: "1" },
    }).output();
    assertEquals(
      new TextDecoder().decode(stdout).trim(),
      "DeviceError Cannot compute with mixed precision: this processor " +
        `(${
          library!.isa === "baseline" ? "baseline" : "avx2"
        }) has no instructions for bfloat16; ` +
        "leave --precision mixed out",
    );
  },
});

Deno.test("mixed precision is refused on device webgpu where there is no GPU with float16", async () => {
  const { found } = await findAdapter();
  if (found && takesMixed(found)) {
    const { precision, detail } = await useDevice("webgpu", { precision: "mixed" });
    assertEquals([precision, detail.endsWith("float16")], ["mixed", true]);
    await useDevice("cpu");
    return;
  }
  const error = await assertRejects(
    () => useDevice("webgpu", { precision: "mixed" }),
    DeviceError,
  );
  assert(error.message.endsWith("or use --device cpu"), error.message);
});
