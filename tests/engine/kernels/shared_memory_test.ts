import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { listed } from "../../../lib/engine/listed.ts";
import { DeviceError } from "../../../lib/errors.ts";
import { nativeTest, runKernel } from "./support.ts";

/** The pool lends no smaller arrays. */
const SIZE = 256;

/** A tensor of equal values in memory from the pool, which reading it would take from there. */
function pooled(value: number): tf.Tensor1D {
  return tf.add(tf.fill([SIZE], value - 1), 1) as tf.Tensor1D;
}

/** The same in memory that the pool never lent. */
function apart(value: number): tf.Tensor1D {
  return tf.tensor1d(new Float32Array(SIZE).fill(value));
}

type Operation = (a: tf.Tensor1D, b: tf.Tensor1D) => tf.Tensor;

const OPERATIONS: Record<string, Operation> = {
  complex: (a, b) => tf.complex(a, b),
  real: (a, b) => tf.real(tf.complex(a, b)),
  fft: (a, b) => tf.spectral.fft(tf.complex(a, b)),
  ifft: (a, b) => tf.spectral.ifft(tf.complex(a, b)),
  rfft: (a) => tf.spectral.rfft(a),
  irfft: (a, b) => tf.spectral.irfft(tf.complex(a, b)),
  stft: (a) => tf.signal.stft(a, 64, 32),
  concat: (a, b) => tf.concat([tf.complex(a, b), tf.complex(b, a)]),
};

/** What takes the memory that lies idle, so that whoever still reads it sees other values. */
function fillIdleMemory(): void {
  for (const size of [1, 1, 1, 1, 2, 2, 4, 4]) tf.fill([size * SIZE], 99);
}

nativeTest("fallbacks on complex numbers leave what is alive its memory", "cpcdr_binary", () => {
  for (const [name, run] of Object.entries(OPERATIONS)) {
    const expected = tf.tidy(() => run(apart(2), apart(3))).dataSync();
    const [a, b] = [pooled(2), pooled(3)];
    const result = tf.tidy(() => run(a, b));
    fillIdleMemory();
    assert(a.dataSync().every((value) => value === 2), `${name} lost its first input`);
    assert(b.dataSync().every((value) => value === 3), `${name} lost its second input`);
    const [c, d] = [pooled(2), pooled(3)];
    const last = tf.tidy(() => run(c, d));
    tf.dispose([c, d]);
    fillIdleMemory();
    assertEquals(result.dataSync(), expected, name);
    assertEquals(last.dataSync(), expected, `${name}, its inputs gone`);
  }
});

const ADAM = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3, weightDecay: 0, step: 1 };
const SGD = { learningRate: 0.1, momentum: 0.9, weightDecay: 0 };

/** Kernels that change some of their inputs in place; the others are of ones. */
const UPDATES: [name: string, changed: string[], others: string[], attrs: typeof ADAM | object][] =
  [
    ["AdamUpdate", ["param.0", "m.0", "v.0"], ["grad.0"], ADAM],
    ["SgdUpdate", ["param.0", "velocity.0"], ["grad.0"], SGD],
    ["MoveStatistics", ["mean", "variance"], ["batchMean", "batchVariance"], {
      momentum: 0.1,
      unbias: 2,
    }],
  ];

nativeTest("updates in place change variables, and nobody else's values", "cpcdr_adam", () => {
  for (const [name, changed, others, attrs] of UPDATES) {
    // Small arrays are none of the pool's.
    for (const size of [3, SIZE]) {
      const entries = changed.map((key, place) => {
        const source = tf.add(tf.fill([size], place + 1), 1);
        return { key, value: place + 2, source, variable: tf.variable(source) };
      });
      const inputs = {
        ...Object.fromEntries(entries.map(({ key, variable }) => [key, variable])),
        ...Object.fromEntries(others.map((key) => [key, tf.ones([size])])),
      };
      const update = () => runKernel(name, inputs, attrs as Record<string, number>);
      const clones = entries.map(({ variable }) => variable.clone());
      update();
      const first = entries.map(({ variable }) => variable.dataSync());
      const copies = first.map((values) => values.slice());
      update();
      entries.forEach(({ key, value, source, variable }, i) => {
        const what = `${name}, ${key} of ${size}`;
        for (const tensor of [source, clones[i]]) {
          assert(tensor.dataSync().every((x) => x === value), `${what}: what shares it changed`);
        }
        assertEquals(first[i], copies[i], `${what}: an array that was read changed`);
        assert(first[i].every((x) => x !== value), `${what} stays as it was`);
        assert(variable.dataSync().every((x, c) => x !== first[i][c]), `${what} moves once`);
        variable.dispose();
      });
    }
  }
});

nativeTest("updates in place keep memory that is the variable's alone", "cpcdr_sgd", () => {
  const [param, velocity] = [tf.variable(pooled(1)), tf.variable(pooled(0))];
  const inputs = listed<tf.Tensor>([{ param, velocity, grad: tf.ones([SIZE]) }]);
  runKernel("SgdUpdate", inputs, SGD);
  const lent = tf.memory() as tf.MemoryInfo & { poolLentBytes: number; poolIdleBytes: number };
  for (let step = 0; step < 3; step++) runKernel("SgdUpdate", inputs, SGD);
  const now = tf.memory() as typeof lent;
  assertEquals([now.poolLentBytes, now.poolIdleBytes], [lent.poolLentBytes, lent.poolIdleBytes]);
  tf.dispose([param, velocity]);
});

nativeTest("updates in place refuse shared tensors that are no variables", "cpcdr_sgd", () => {
  const param = tf.zeros([3]), grad = tf.ones([3]), velocity = tf.zeros([3]);
  runKernel("SgdUpdate", listed([{ param, grad, velocity }]), SGD);
  const clone = param.clone();
  assertThrows(
    () => runKernel("SgdUpdate", listed([{ param, grad, velocity }]), SGD),
    DeviceError,
    "expected a variable",
  );
  assertEquals(clone.shape, [3]);
});

nativeTest("a tensor whose array's buffer was shrunk is refused", "cpcdr_copy", () => {
  for (const length of [undefined, SIZE]) {
    for (const array of [Float32Array, Int32Array]) {
      const buffer = new ArrayBuffer(4 * SIZE, { maxByteLength: 4 * SIZE });
      // Without a length it is as long as the buffer is, with one it has none at last.
      const values = length === undefined ? new array(buffer) : new array(buffer, 0, length);
      const x = tf.tensor1d(values, array === Int32Array ? "int32" : "float32");
      const runs = [
        () => tf.tile(x, [2]),
        () => array === Int32Array ? tf.cast(x, "float32") : tf.exp(x),
      ];
      for (const run of runs) run();
      buffer.resize(16);
      for (const run of runs) assertThrows(run, DeviceError, `expected ${SIZE} elements`);
    }
  }
});
