/** What networks begin with, by the rules that PyTorch and torchvision have. */
import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { kaimingUniform } from "../../lib/nn/initializers.ts";
import { conv2d, convNorm } from "../../lib/nn/layers.ts";
import { ParameterStore, type StateDict } from "../../lib/nn/parameters.ts";
import { randomStream } from "../../lib/random.ts";

await useDevice("cpu");

/** 3 x 3 kernels of 32 inputs and 64 outputs: enough weights for a deviation within a percent or two. */
const SHAPE = { inputChannels: 32, outputChannels: 64, kernelSize: 3 };
const [FAN_IN, FAN_OUT] = [9 * 32, 9 * 64];

async function begun(seed: number): Promise<StateDict> {
  const store = new ParameterStore(randomStream(seed, "begin"));
  conv2d(store.root.child("plain"), SHAPE);
  conv2d(store.root.child("decoder"), { ...SHAPE, initial: kaimingUniform });
  convNorm(store.root.child("conv"), store.root.child("norm"), { ...SHAPE, relu: true });
  const state = await store.export();
  store.dispose();
  return state;
}

function statistics(values: ArrayLike<number>) {
  const all = Array.from(values), mean = all.reduce((sum, v) => sum + v, 0) / all.length;
  const deviation = Math.sqrt(all.reduce((sum, v) => sum + (v - mean) ** 2, 0) / all.length);
  return { mean, deviation, largest: Math.max(...all.map(Math.abs)) };
}

/** Within a share that is many times what so many random numbers stray. */
function assertShare(got: number, wanted: number, share: number): void {
  assertAlmostEquals(got / wanted, 1, share, `${got}, expected ${wanted}`);
}

Deno.test("conv2d() begins with weights and offsets evenly within 1 / sqrt(fan in), as PyTorch", async () => {
  const state = await begun(1), bound = 1 / Math.sqrt(FAN_IN);
  for (const name of ["plain.weight", "plain.bias", "decoder.bias"]) {
    const { data } = state.get(name)!, { mean, deviation, largest } = statistics(data);
    const rough = data.length < 100 ? 0.2 : 0.02;
    assert(largest <= bound, `${name}: ${largest}`);
    assertShare(largest, bound, rough);
    assertShare(deviation, bound / Math.sqrt(3), rough);
    assert(Math.abs(mean) < rough * 2 * bound, `${name}: ${mean}`);
  }
});

Deno.test("convNorm() begins with He's weights for what goes out, and normalises plainly", async () => {
  const state = await begun(2);
  const { mean, deviation, largest } = statistics(state.get("conv.weight")!.data);
  assertShare(deviation, Math.sqrt(2 / FAN_OUT), 0.02);
  assert(Math.abs(mean) < 0.02 * deviation);
  // Normal numbers, not even ones: some lie beyond three deviations.
  assert(largest > 3 * deviation);
  for (
    const [name, value] of Object.entries({ weight: 1, bias: 0, running_mean: 0, running_var: 1 })
  ) {
    assertEquals(new Set(state.get(`norm.${name}`)!.data), new Set([value]), name);
  }
});

Deno.test("kaimingUniform() keeps the size of activations: a deviation of sqrt(2 / fan in)", async () => {
  const { deviation, largest } = statistics((await begun(3)).get("decoder.weight")!.data);
  assertShare(deviation, Math.sqrt(2 / FAN_IN), 0.02);
  assertShare(largest, Math.sqrt(6 / FAN_IN), 0.02);
});

Deno.test("ParameterStore draws the same weights for the same seed alone", async () => {
  const [first, again, other] = [await begun(4), await begun(4), await begun(5)];
  assertEquals(first, again);
  assertNotEquals(first.get("conv.weight")!.data, other.get("conv.weight")!.data);
});
