import * as tf from "@tensorflow/tfjs-core";
import { tilesOf } from "../../../lib/engine/webgpu/tiles.ts";
import { listed } from "../../../lib/engine/listed.ts";
import { adamStep, sgdStep } from "../../oracles/updates.ts";
import { assertClose, draw, kernelTest, runKernel, tensor } from "./support.ts";

const SIZE = 3 * 37;
const shape = [3, 37];

kernelTest("AdamUpdate follows torch.optim.Adam for ten steps", "cpcdr_adam", (random) => {
  for (const weightDecay of [0, 0.1]) {
    const attrs = { learningRate: 0.05, beta1: 0.8, beta2: 0.99, epsilon: 1e-3, weightDecay };
    const start = draw(random, shape);
    const [param, m, v] = [tensor(start), tf.zeros(shape), tf.zeros(shape)];
    let state = Array.from(start.values, (param) => ({ param, m: 0, v: 0 }));
    for (let step = 1; step <= 10; step++) {
      const grad = draw(random, shape);
      runKernel("AdamUpdate", listed([{ param, grad: tensor(grad), m, v }]), { ...attrs, step });
      state = state.map((s, i) => adamStep(s, grad.values[i], step, attrs));
    }
    assertClose(param, { shape, values: state.map((s) => s.param) }, 1e-5, "param");
    assertClose(m, { shape, values: state.map((s) => s.m) }, 1e-6, "m");
    assertClose(v, { shape, values: state.map((s) => s.v) }, 1e-6, "v");
  }
});

kernelTest("SgdUpdate follows torch.optim.SGD for ten steps", "cpcdr_sgd", (random) => {
  for (const [weightDecay, nesterov] of [[0, false], [0.1, false], [0.1, true]] as const) {
    const attrs = { learningRate: 0.05, momentum: 0.9, weightDecay };
    const start = draw(random, shape);
    const [param, velocity] = [tensor(start), tf.zeros(shape)];
    let state = Array.from(start.values, (param) => ({ param, velocity: 0 }));
    for (let step = 1; step <= 10; step++) {
      const grad = draw(random, shape);
      runKernel("SgdUpdate", listed([{ param, grad: tensor(grad), velocity }]), {
        ...attrs,
        nesterov,
      });
      state = state.map((s, i) => sgdStep(s, grad.values[i], attrs, nesterov));
    }
    assertClose(param, { shape, values: state.map((s) => s.param) }, 1e-5, "param");
    assertClose(velocity, { shape, values: state.map((s) => s.velocity) }, 1e-5, "velocity");
  }
});

kernelTest("AdamUpdate keeps its bias correction at late steps", "cpcdr_adam", (random) => {
  const attrs = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
  const [start, grad] = [draw(random, shape), draw(random, shape)];
  for (const step of [1, 2, 1000, 100_000]) {
    const inputs = {
      param: tensor(start),
      grad: tensor(grad),
      m: tf.zeros(shape),
      v: tf.zeros(shape),
    };
    runKernel("AdamUpdate", listed([inputs]), { ...attrs, step });
    const values = Array.from(
      { length: SIZE },
      (_, i) => adamStep({ param: start.values[i], m: 0, v: 0 }, grad.values[i], step, attrs).param,
    );
    assertClose(inputs.param, { shape, values }, 1e-5, `step ${step}`);
  }
});

/** Five at a time, which neither divides the number of parameters nor is all. */
const tiles = { ...tilesOf.software, parameters: 5 };
/** Sizes that are no whole vectors, one of a single element. */
const SIZES = Array.from({ length: 17 }, (_, k) => k === 5 ? 1 : 3 + 7 * k % 40);

kernelTest("AdamUpdate moves many parameters, each by its own gradient", "cpcdr_adam", (random) => {
  const attrs = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3, weightDecay: 0.1 };
  const drawn = SIZES.map((size) =>
    Array.from({ length: 4 }, (_, k) => {
      const values = Array.from(draw(random, [size]).values);
      return k === 3 ? values.map(Math.abs) : values;
    })
  );
  const items = drawn.map((values) => {
    const [param, grad, m, v] = values.map((values) => tensor({ shape: [values.length], values }));
    return { param, grad, m, v };
  });
  runKernel("AdamUpdate", listed(items), { ...attrs, step: 3 });
  items.forEach(({ param, m, v }, k) => {
    const [start, grad, ...moments] = drawn[k];
    const expected = Array.from(start, (param, i) => {
      const state = { param, m: moments[0][i], v: moments[1][i] };
      return adamStep(state, grad[i], 3, attrs);
    });
    const shape = [SIZES[k]];
    assertClose(param, { shape, values: expected.map((s) => s.param) }, 1e-5, `param ${k}`);
    assertClose(m, { shape, values: expected.map((s) => s.m) }, 1e-6, `m ${k}`);
    assertClose(v, { shape, values: expected.map((s) => s.v) }, 1e-6, `v ${k}`);
  });
}, { tiles });

kernelTest("SgdUpdate moves many parameters, each by its own gradient", "cpcdr_sgd", (random) => {
  const attrs = { learningRate: 0.1, momentum: 0.9, weightDecay: 0.1 };
  const drawn = SIZES.map((size) => [0, 1, 2].map(() => Array.from(draw(random, [size]).values)));
  const items = drawn.map((values) => {
    const [param, grad, velocity] = values.map((values) =>
      tensor({ shape: [values.length], values })
    );
    return { param, grad, velocity };
  });
  runKernel("SgdUpdate", listed(items), attrs);
  items.forEach(({ param, velocity }, k) => {
    const [start, grad, moment] = drawn[k];
    const expected = Array.from(
      start,
      (param, i) => sgdStep({ param, velocity: moment[i] }, grad[i], attrs, false),
    );
    const shape = [SIZES[k]];
    assertClose(param, { shape, values: expected.map((s) => s.param) }, 1e-5, `param ${k}`);
    assertClose(velocity, { shape, values: expected.map((s) => s.velocity) }, 1e-6, `moment ${k}`);
  });
}, { tiles });
