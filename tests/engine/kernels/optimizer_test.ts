import * as tf from "@tensorflow/tfjs-core";
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
      runKernel("AdamUpdate", { param, grad: tensor(grad), m, v }, { ...attrs, step });
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
      runKernel("SgdUpdate", { param, grad: tensor(grad), velocity }, { ...attrs, nesterov });
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
    runKernel("AdamUpdate", inputs, { ...attrs, step });
    const values = Array.from(
      { length: SIZE },
      (_, i) => adamStep({ param: start.values[i], m: 0, v: 0 }, grad.values[i], step, attrs).param,
    );
    assertClose(inputs.param, { shape, values }, 1e-5, `step ${step}`);
  }
});
