import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { CheckpointError, ConfigError } from "../../lib/errors.ts";
import { featurePyramid } from "../../lib/nn/fpn.ts";
import { convNorm, type Mode } from "../../lib/nn/layers.ts";
import { ParameterStore, type StateDict } from "../../lib/nn/parameters.ts";
import { resnet } from "../../lib/nn/resnet.ts";
import { randomStream } from "../../lib/random.ts";
import oracle from "../oracles/nn.json" with { type: "json" };
import { assertClose, flat, flatGradient, waveImage, waveState } from "../oracles/waves.ts";

await useDevice("cpu");

type Case = typeof oracle.networks[number];
type Maps = (x: tf.Tensor4D[], mode: Mode) => tf.Tensor4D[];

function build(test: Case, store: ParameterStore): { inputs: tf.Tensor4D[]; network: Maps } {
  const [b, , h, w] = test.shape;
  if (test.kind === "fpn") {
    const pyramid = featurePyramid(store.root, {
      inputChannels: [3, 4, 5, 6],
      channels: test.width,
    });
    return {
      inputs: [0, 1, 2, 3].map((i) => waveImage([b, 3 + i, h >> i, w >> i], i)),
      network: (x, mode) => [pyramid(x, mode)],
    };
  }
  const net = resnet(store.root, {
    depth: test.depth as 18 | 50,
    width: test.width,
    inputChannels: 3,
  });
  return { inputs: [waveImage(test.shape, 0)], network: ([x], mode) => net(x, mode) };
}

for (const test of oracle.networks) {
  const name = `${test.kind === "fpn" ? "featurePyramid()" : `resnet() ${test.depth}`}`;
  Deno.test(`${name} ${test.training ? "training" : "answering"} agrees with PyTorch`, async () => {
    const before = tf.memory().numTensors;
    const store = new ParameterStore(randomStream(1));
    tf.tidy(() => {
      const { inputs, network } = build(test, store);
      assertEquals(
        Object.fromEntries(store.entries().map(([name, p]) => [name, p.trainable])),
        Object.fromEntries(
          Object.entries(test.parameters).map(([name, entry]) => [name, (entry as unknown[])[1]]),
        ) as Record<string, boolean>,
      );
      const shapes = Object.entries(test.parameters)
        .map(([name, entry]) => [name, (entry as unknown[])[0] as number[]]);
      store.import(waveState(Object.fromEntries(shapes)));
      const { grads } = tf.variableGrads(() => {
        const outputs = network(inputs, { training: test.training });
        outputs.forEach((y, i) =>
          assertClose(flat(y.dataSync()), test.outputs[i], 2e-5, `output ${i}`)
        );
        const sums = outputs.map((y) => {
          const [b, h, w, c] = y.shape;
          return tf.sum(tf.mul(y, waveImage([b, c, h, w], 1)));
        });
        return tf.addN(sums) as tf.Scalar;
      }, store.trainable());
      const variables = new Map(store.entries());
      for (const [name, expected] of Object.entries(test.gradients)) {
        if (!expected) continue;
        const gradient = grads[variables.get(name)!.variable.name];
        assertClose(flatGradient(gradient), expected, 3e-4, `gradient of ${name}`);
      }
    });
    const state = await store.export();
    for (const [name, expected] of Object.entries(test.running)) {
      if (expected) assertClose(flat(state.get(name)!.data), expected, 2e-5, name);
    }
    store.dispose();
    assertEquals(tf.memory().numTensors, before);
  });
}

Deno.test("ParameterStore.import() restores what export() gave, byte for byte", async () => {
  const options = { depth: 18, width: 1, inputChannels: 3 } as const;
  const [a, b] = [1, 2].map((seed) => {
    const store = new ParameterStore(randomStream(seed));
    resnet(store.root, options);
    return store;
  });
  const state = await a.export();
  assert(state.get("conv1.weight")!.data[5] !== (await b.export()).get("conv1.weight")!.data[5]);
  b.import(state);
  assertEquals(await b.export(), state);
  assertEquals(state.get("conv1.weight")!.shape, [1, 3, 7, 7]);
  a.dispose();
  b.dispose();
});

Deno.test("ParameterStore.export() turns a convolution's axes as PyTorch has them", async () => {
  const store = new ParameterStore(randomStream(1));
  let next = 0;
  store.root.child("a").weight("weight", [1, 2, 3, 2], () => next++);
  const { shape, data } = (await store.export()).get("a.weight")!;
  assertEquals(shape, [2, 3, 1, 2]);
  // Element [o][i][0][x] was at x * 6 + i * 2 + o.
  assertEquals([...data], [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]);
  store.dispose();
});

Deno.test("ParameterStore.import() refuses other networks' weights and changes nothing", async () => {
  const store = new ParameterStore(randomStream(1));
  store.root.weight("a", [2], () => 1);
  store.root.weight("b", [2], () => 2);
  const a = { dtype: "F32", shape: [2], data: Float32Array.of(8, 9) } as const;
  const fitting: StateDict = new Map([["a", { ...a, shape: [2] }]]);
  assertThrows(() => store.import(fitting), CheckpointError, `Cannot load "b"`);
  const wrong: StateDict = new Map([...fitting, ["b", { ...a, shape: [1, 2] }]]);
  assertThrows(() => store.import(wrong), CheckpointError, "expected shape [2], got [1,2]");
  const more: StateDict = new Map([...fitting, ["fc", { ...a, shape: [2] }]]);
  assertThrows(() => store.import(more), CheckpointError, `got "fc"`);
  assertEquals([...(await store.export()).get("a")!.data], [1, 1]);
  assertThrows(() => store.root.weight("a", [1], () => 0), ConfigError, `parameter "a"`);
  store.dispose();
});

Deno.test("convNorm() refuses to learn from one value per channel", () => {
  const store = new ParameterStore(randomStream(1));
  const layer = convNorm(store.root.child("conv"), store.root.child("norm"), {
    inputChannels: 3,
    outputChannels: 3,
    kernelSize: 1,
    relu: false,
  });
  tf.tidy(() => {
    assertThrows(
      () => layer(tf.ones([1, 1, 1, 3]), { training: true }),
      ConfigError,
      "at least 2 values per channel",
    );
    assertEquals(layer(tf.ones([1, 1, 1, 3]), { training: false }).shape, [1, 1, 1, 3]);
  });
  store.dispose();
});

Deno.test("resnet() refuses a depth that it does not know", () => {
  const store = new ParameterStore(randomStream(1));
  const options = { depth: 19 as 18, width: 2, inputChannels: 3 };
  assertThrows(() => resnet(store.root, options), ConfigError, "got 19");
  store.dispose();
});
