import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { useDevice } from "../../lib/engine/device.ts";
import { CheckpointError } from "../../lib/errors.ts";
import { Adam, type Optimizer, Sgd } from "../../lib/nn/optimizers.ts";
import { polynomial, stepwise, warmupCosine } from "../../lib/nn/schedules.ts";
import oracle from "../oracles/nn.json" with { type: "json" };
import { wave } from "../oracles/waves.ts";

/** Where the updates are composed of tfjs-core's operations, and where they are kernels. */
const backends = new Set(["cpu", (await useDevice("cpu")).engine === "native" ? "native" : "cpu"]);

function take(optimizer: Optimizer, variable: tf.Variable, step: number): void {
  tf.tidy(() => {
    const gradient = tf.tensor2d(wave([6], 2 * step), [2, 3]);
    optimizer.step({ [variable.name]: gradient }, 0.1 / (step + 1));
  });
}

for (const { kind, options, values } of oracle.optimizers) {
  const name = `${kind === "adam" ? "Adam" : "Sgd"}.step()`;
  const title = `${name} with ${JSON.stringify(options)} agrees with PyTorch`;
  for (const backend of backends) {
    Deno.test(`${title} (${backend})`, async () => {
      await tf.setBackend(backend);
      const before = tf.memory().numTensors;
      const variable = tf.tidy(() => tf.variable(tf.tensor2d(wave([6], 0.5), [2, 3])));
      const optimizer = kind === "adam"
        ? new Adam([variable], options)
        : new Sgd([variable], options);
      values.forEach((expected, step) => {
        take(optimizer, variable, step);
        variable.dataSync().forEach((v, i) => assertAlmostEquals(v, expected[i], 2e-6));
      });
      optimizer.dispose();
      variable.dispose();
      assertEquals(tf.memory().numTensors, before);
    });
  }
}

Deno.test("Adam.import() continues to the same bytes", async () => {
  const trace = async (interrupt: boolean) => {
    const variable = tf.tidy(() => tf.variable(tf.tensor2d(wave([6], 0.5), [2, 3])));
    let optimizer = new Adam([variable]);
    for (let step = 0; step < 6; step++) {
      if (interrupt && step === 3) {
        const state = await optimizer.export();
        optimizer.dispose();
        optimizer = new Adam([variable]);
        optimizer.import(state);
      }
      take(optimizer, variable, step);
    }
    const result = { value: variable.dataSync().slice(), state: await optimizer.export() };
    optimizer.dispose();
    variable.dispose();
    return result;
  };
  const interrupted = await trace(true);
  assertEquals(interrupted, await trace(false));
  assertEquals([...interrupted.state.get("step")!.data], [6]);
});

Deno.test("Sgd.step() leaves a variable without a gradient where it is", async () => {
  const [a, b] = [1, 2].map((value) => tf.tidy(() => tf.variable(tf.scalar(value))));
  const optimizer = new Sgd([a, b], { momentum: 0.9, weightDecay: 0.1 });
  tf.tidy(() => optimizer.step({ [b.name]: tf.scalar(1) }, 0.5));
  assertEquals(a.dataSync()[0], 1);
  assertAlmostEquals(b.dataSync()[0], 2 - 0.5 * 1.2, 1e-6);
  const other = new Adam([a, b]);
  const state = await optimizer.export();
  assertThrows(() => other.import(state), CheckpointError, `Cannot load "m.0"`);
  optimizer.dispose();
  other.dispose();
  a.dispose();
  b.dispose();
});

Deno.test("warmupCosine() rises linearly and falls to its final rate", () => {
  const rate = warmupCosine({ peak: 1, final: 0.1, warmupSteps: 4, steps: 15 });
  assertEquals([0, 1, 2, 3, 4].map(rate), [0.25, 0.5, 0.75, 1, 1]);
  assertAlmostEquals(rate(9), 0.55, 1e-12);
  assertAlmostEquals(rate(14), 0.1, 1e-12);
  assertAlmostEquals(rate(99), 0.1, 1e-12);
  assert(Number.isFinite(warmupCosine({ peak: 1, final: 0, warmupSteps: 0, steps: 1 })(0)));
});

Deno.test("stepwise() multiplies at its milestones", () => {
  const rate = stepwise(2, [3, 5], 0.5);
  assertEquals([0, 2, 3, 4, 5, 9].map(rate), [2, 2, 1, 1, 0.5, 0.5]);
});

Deno.test("polynomial() falls to 0 at the last step and stays", () => {
  const rate = polynomial(2, 10, 0.9);
  assertEquals(rate(0), 2);
  assertAlmostEquals(rate(5), 2 * 0.5 ** 0.9, 1e-12);
  assertAlmostEquals(polynomial(2, 10, 1)(7), 0.6, 1e-12);
  assertEquals([rate(10), rate(11)], [0, 0]);
});
