import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DeviceError, DeviceLostError, DeviceMemoryError } from "../../../lib/errors.ts";
import { WebGpuBackend } from "../../../lib/engine/webgpu/backend.ts";
import { openDevice } from "../../../lib/engine/webgpu/device.ts";
import type { Shader } from "../../../lib/engine/webgpu/program.ts";
import { adapter, gpuTest } from "./support.ts";

function backend(): WebGpuBackend {
  return tf.backend() as WebGpuBackend;
}

gpuTest("readSync() answers what the host knows and refuses the rest", async () => {
  const x = tf.tensor1d([1, 2, 3]);
  assertEquals([...x.dataSync()], [1, 2, 3]);
  const y = tf.exp(x);
  assertThrows(() => y.dataSync(), DeviceError, "use await tensor.data()");
  assertEquals((await y.data()).length, 3);
});

gpuTest("values travel as their types say", async () => {
  const bools = tf.tensor1d([true, false, true, true, false], "bool");
  assertEquals([...await tf.logicalNot(bools).data()], [0, 1, 0, 0, 1]);
  assert(await tf.logicalNot(bools).data() instanceof Uint8Array);
  const integers = tf.tensor1d([2 ** 30, -7, 0], "int32");
  const sum = await tf.add(integers, integers).data();
  assert(sum instanceof Int32Array);
  assertEquals([...sum], [-(2 ** 31), -14, 0]);
  assertEquals([...await tf.cast(tf.tensor1d([2.7, -2.7]), "int32").data()], [2, -2]);
  assertEquals((await tf.add(tf.zeros([0, 3]), 1).data()).length, 0);
});

gpuTest("arrays over one dimension's workgroups are folded", async () => {
  // More than 65535 workgroups of 256 invocations, one element each.
  const [rows, columns] = [65537, 257];
  const x = tf.transpose(tf.ones([rows, columns]));
  const places = tf.tidy(() => tf.add(x, tf.range(0, rows)));
  const last = await tf.slice(places, [columns - 1, rows - 2], [1, 2]).data();
  assertEquals([...last], [rows - 1, rows]);
  tf.dispose([x, places]);
  backend().pool.clear();
});

gpuTest("matrices over one dimension's workgroups are made by fewer invocations", async () => {
  // A workgroup makes at most 64 rows.
  const rows = 65536 * 64 + 3;
  const x = tf.range(0, rows);
  const doubled: tf.Tensor[] = [
    tf.matMul(tf.reshape(x, [rows, 1]), tf.tensor2d([[2, 1]])),
    tf.conv2d(
      tf.reshape<tf.Rank.R4>(x, [1, 1, rows, 1]),
      tf.tensor4d([2, 1], [1, 1, 1, 2]),
      1,
      "valid",
    ),
  ];
  for (const y of doubled) {
    const last = await tf.slice(tf.reshape(y, [rows, 2]), [rows - 2, 0], [2, 2]).data();
    assertEquals([...last], [2 * (rows - 2), rows - 2, 2 * (rows - 1), rows - 1]);
  }
  tf.dispose([x, ...doubled]);
  backend().pool.clear();
});

gpuTest("results that are freed leave their memory to the next", async () => {
  const x = tf.randomNormal([100, 100]);
  const run = async () => {
    const y = tf.tidy(() => tf.sum(tf.matMul(tf.exp(x), x, true)));
    await y.data();
    y.dispose();
    return backend().pool.idleBytes + backend().pool.lentBytes;
  };
  const bytes = await run();
  for (let i = 0; i < 20; i++) assertEquals(await run(), bytes);
});

gpuTest("uploads do not overtake kernels that still read the memory", async () => {
  const sums: tf.Tensor[] = [];
  for (let i = 0; i < 30; i++) {
    sums.push(tf.tidy(() => tf.sum(tf.square(tf.tensor(new Float32Array(1000).fill(i))))));
  }
  for (const [i, sum] of sums.entries()) assertEquals((await sum.data())[0], 1000 * i * i);
});

gpuTest("a tensor that no binding holds is refused", () => {
  const size = backend().pool.idleBytes + 2 ** 40;
  assertThrows(() => tf.fill([size], 1), DeviceMemoryError, "use a smaller batch");
});

const broken: Shader<{ it: number }> = {
  name: "broken",
  source: () => ({ reads: {}, writes: { out: "f32" }, uniforms: {}, code: "fn main( {" }),
};

/** A device of its own, which a test may break. */
async function ownBackend() {
  const device = await openDevice(adapter!);
  return { device, backend: new WebGpuBackend(device) };
}

gpuTest("an error in a program shows its line, its column and its source", async () => {
  const { device, backend } = await ownBackend();
  const out = backend.output([4]);
  backend.run({
    shader: broken,
    variant: { it: 1 },
    reads: [],
    writes: [out],
    uniforms: {},
    groups: [1, 1, 1],
  });
  const error = await assertRejects(() => backend.read(out.dataId), DeviceError);
  assert(/compile broken/.test(error.message) && /\d+:\d+/.test(error.message), error.message);
  assert(error.message.includes("fn main( {"), error.message);
  device.handle.destroy();
});

gpuTest("a device that is lost says so, with what to do", async () => {
  const { device, backend } = await ownBackend();
  const x = backend.output([4]);
  device.handle.destroy();
  await assertRejects(() => backend.read(x.dataId), DeviceLostError, "--resume");
  assertThrows(() => backend.output([4]), DeviceLostError, "the device was lost");
});

gpuTest("the limits that every device has are enough", async () => {
  const device = await openDevice(adapter!, { defaultLimits: true });
  const own = new WebGpuBackend(device);
  const x = own.known([2, 3], "float32", Float32Array.of(1, 2, 3, 4, 5, 6));
  const { kernelFunc } = tf.getKernel("BatchMatMul", "webgpu");
  const product = kernelFunc({
    inputs: { a: x, b: x },
    attrs: { transposeA: false, transposeB: true },
    backend: own,
  }) as tf.TensorInfo;
  assertEquals([...await own.read(product.dataId) as Float32Array], [14, 32, 32, 77]);
  assertThrows(() => own.output([2 ** 26]), DeviceMemoryError, "expected at most 134217728 bytes");
  device.handle.destroy();
});
