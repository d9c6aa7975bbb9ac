/** The networks at their published sizes, against torchvision's own (vision.json, by torch_vision.py). */
import * as tf from "@tensorflow/tfjs-core";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { featurePyramid } from "../../lib/nn/fpn.ts";
import { Sgd } from "../../lib/nn/optimizers.ts";
import { ParameterStore } from "../../lib/nn/parameters.ts";
import { resnet } from "../../lib/nn/resnet.ts";
import { encoder } from "../../lib/pretrain/encoder.ts";
import { randomStream } from "../../lib/random.ts";
import { PRESETS } from "../../lib/run/presets.ts";
import oracle from "../oracles/vision.json" with { type: "json" };
import { assertClose, flat, flatGradient, waveImage, waveState } from "../oracles/waves.ts";

await useDevice("cpu");

type Shapes = Record<string, number[]>;

/** Shapes by name as they are exported, without a copy of the values. */
function shapesOf(store: ParameterStore, prefix = ""): Shapes {
  const own = store.entries().filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, { variable: { shape } }]) => {
    const [h, w, i, o] = shape;
    return [name.slice(prefix.length), shape.length === 4 ? [o, i, h, w] : shape];
  }));
}

function trained(store: ParameterStore, prefix = ""): number {
  return store.entries().filter(([name, { trainable }]) => trainable && name.startsWith(prefix))
    .reduce((sum, [, { variable }]) => sum + variable.size, 0);
}

Deno.test("resnet() 18 and 34 have torchvision's names, shapes and number of weights", () => {
  // 50 is part of the next test; its weights take seconds to draw.
  for (const { depth, parameters, trained: weights } of oracle.resnets.slice(0, 2)) {
    const store = new ParameterStore(randomStream(3));
    resnet(store.root, { depth: depth as 18 | 34 | 50, width: 64, inputChannels: 3 });
    assertEquals(shapesOf(store), parameters as unknown as Shapes);
    assertEquals(trained(store), weights);
    store.dispose();
  }
  assertEquals(oracle.resnets.map(({ trained }) => trained), [11_176_512, 21_284_672, 23_508_032]);
});

Deno.test("encoder() of preset paper is ResNet-50 with the published Panoptic-FPN", () => {
  const store = new ParameterStore(randomStream(3));
  encoder(store.root, PRESETS.paper.pretrain);
  const { parameters } = oracle.resnets.find(({ depth }) => depth === 50)!;
  assertEquals(shapesOf(store, "backbone."), parameters as unknown as Shapes);
  assertEquals(trained(store, "backbone."), 23_508_032);
  assertEquals(shapesOf(store, "pyramid."), oracle.panopticFpn.parameters as unknown as Shapes);
  assertEquals(trained(store, "pyramid."), oracle.panopticFpn.trained);
  assertEquals(shapesOf(store, "projector."), { "0.weight": [128, 128, 1, 1], "0.bias": [128] });
  store.dispose();
  const { height, width, mix, pretrain } = PRESETS.paper;
  assertEquals([height, width, 2 * mix.sources], [384, 768, 16]);
  assertEquals([pretrain.prototypes, pretrain.embeddingSize], [1000, 128]);
});

for (const { depth, shape, outputs } of oracle.answering) {
  Deno.test(`resnet() ${depth} at full width answers as torchvision's does`, () => {
    const { parameters } = oracle.resnets.find((entry) => entry.depth === depth)!;
    const store = new ParameterStore(randomStream(1));
    const net = resnet(store.root, { depth: depth as 18 | 50, width: 64, inputChannels: 3 });
    store.import(waveState(parameters as unknown as Shapes));
    tf.tidy(() =>
      net(waveImage(shape, 0), { training: false }).slice(1).forEach((y, i) =>
        assertClose(flat(y.dataSync()), outputs[i], 1e-4, `stage ${i + 1}`)
      )
    );
    store.dispose();
  });
}

Deno.test("resnet() 18 takes the same training steps as torchvision's", async () => {
  const { shape, rate, momentum, weightDecay, losses, gradients, moved } = oracle.training;
  const store = new ParameterStore(randomStream(1));
  const net = resnet(store.root, { depth: 18, width: 64, inputChannels: 3 });
  store.import(waveState(oracle.resnets[0].parameters as unknown as Shapes));
  const optimizer = new Sgd(store.trainable(), { momentum, weightDecay });
  const variables = new Map(store.entries());
  losses.forEach((expected, step) =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => {
        const y = net(waveImage(shape, 0), { training: true })[4];
        const [b, h, w, c] = y.shape;
        return tf.mean(tf.mul(y, waveImage([b, c, h, w], 1))) as tf.Scalar;
      }, store.trainable());
      assertAlmostEquals(value.dataSync()[0], expected, 1e-4, `loss of step ${step}`);
      for (const [name, summary] of step === 0 ? Object.entries(gradients) : []) {
        const gradient = grads[variables.get(name)!.variable.name];
        assertClose(flatGradient(tf.mul(gradient, 1e3)), summary, 1e-3, `gradient of ${name}`);
      }
      optimizer.step(grads, rate);
    })
  );
  const state = await store.export();
  for (const [name, summary] of Object.entries(moved)) {
    const { shape, data } = state.get(name)!;
    const ours = shape.length === 4
      ? tf.tidy(() =>
        tf.transpose(tf.tensor4d(data, shape as [number, number, number, number]), [0, 2, 3, 1])
          .dataSync()
      )
      : data;
    assertClose(flat(ours), summary, 1e-3, `${name} after two steps`);
  }
  optimizer.dispose();
  store.dispose();
});

for (const { training, parameters, output, gradients } of oracle.pyramids) {
  const how = training ? "training" : "answering";
  Deno.test(`featurePyramid() with a top-down path of its own, ${how}, agrees with torchvision`, () => {
    const store = new ParameterStore(randomStream(1));
    const pyramid = featurePyramid(store.root, {
      inputChannels: [3, 4, 5, 6],
      topDownChannels: 5,
      channels: 3,
    });
    assertEquals(shapesOf(store), parameters as unknown as Shapes);
    store.import(waveState(parameters as unknown as Shapes));
    tf.tidy(() => {
      const maps = [0, 1, 2, 3].map((i) => waveImage([2, 3 + i, 16 >> i, 24 >> i], i));
      const { grads } = tf.variableGrads(() => {
        const y = pyramid(maps, { training });
        assertClose(flat(y.dataSync()), output, 2e-5, "output");
        const [b, h, w, c] = y.shape;
        return tf.sum(tf.mul(y, waveImage([b, c, h, w], 1))) as tf.Scalar;
      }, store.trainable());
      const variables = new Map(store.entries());
      for (const [name, summary] of Object.entries(gradients)) {
        const gradient = grads[variables.get(name)!.variable.name];
        assertClose(flatGradient(gradient), summary as number[], 3e-4, `gradient of ${name}`);
      }
    });
    store.dispose();
  });
}
