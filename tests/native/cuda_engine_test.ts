/**
 * The engine's copies to and from a device, on a device whose memory is the process's own: the CPU library has the
 * same kernels under the same names, on pointers. What the kernels compute on a GPU is checked by bench/gpu.ts.
 */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { CudaEngine } from "../../lib/engine/native/cuda_engine.ts";
import type { CudaDevice, CudaLibrary } from "../../lib/engine/native/cuda_library.ts";
import { cudaKernelSymbols, type CudaSymbols } from "../../lib/engine/native/cuda_symbols.ts";
import { hotLibrary, preferHotLibrary } from "../../lib/engine/native/hot.ts";
import { type NativeLibrary, sharedLibrary } from "../../lib/engine/native/library.ts";
import { DeviceError, DeviceMemoryError } from "../../lib/errors.ts";
import { tinyMixConfig } from "../../lib/mix/config.ts";
import { mixImages } from "../../lib/mix/mix_images.ts";
import type { MixSource } from "../../lib/mix/paste.ts";
import { similarity } from "../../lib/evaluate/similarity.ts";
import { randomStream } from "../../lib/random.ts";
import { componentStatistics } from "../../lib/regions/component_statistics.ts";
import { connectedComponents } from "../../lib/regions/connected_components.ts";

const library = sharedLibrary();
const DEVICE: CudaDevice = {
  index: 0,
  name: "this process",
  capability: "0.0",
  memoryBytes: 0,
  multiprocessors: 0,
  bytesPerSecond: 0,
};

function engineTest(name: string, fn: (native: NativeLibrary) => void) {
  Deno.test({
    name: library ? name : `${name} (ignored: no native library here)`,
    ignore: !library,
    fn: () => fn(library!),
  });
}

/**
 * A CUDA library that computes in this process, and counts what it lends and what came back.
 *
 * @param most bytes that it has to lend.
 */
function pretendLibrary({ path, check }: NativeLibrary, most = Infinity) {
  const kernels = Deno.dlopen(path, cudaKernelSymbols);
  const lent = new Map<bigint, Uint8Array<ArrayBuffer>>();
  const counts = { allocations: 0, handles: 0, copied: 0, bytes: 0 };
  const view = (address: bigint, bytes: bigint) => {
    const whole = lent.get(address)!;
    assert(bytes <= whole.length, "more bytes than were lent");
    counts.copied += Number(bytes);
    return whole.subarray(0, Number(bytes));
  };
  const bytesOf = (array: AllowSharedBufferSource) =>
    ArrayBuffer.isView(array)
      ? new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
      : new Uint8Array(array);
  const memory: Partial<CudaSymbols> = {
    cpcdr_cuda_create: (_, handle) => ((handle as BigUint64Array)[0] = 7n, counts.handles++, 0),
    cpcdr_cuda_destroy: (handle) => (counts.handles--, Number(handle !== 7n)),
    cpcdr_cuda_use: (handle) => Number(handle !== 7n),
    cpcdr_cuda_set_precision: (_, precision) => Number(precision !== 0),
    cpcdr_cuda_synchronize: () => 0,
    cpcdr_cuda_alloc: (_, bytes, address) => {
      if (counts.bytes + Number(bytes) > most) return 2;
      counts.bytes += Number(bytes);
      // Rubbish, as a device's memory is.
      const block = new Uint8Array(Math.max(1, Number(bytes))).fill(0xA5);
      const at = Deno.UnsafePointer.value(Deno.UnsafePointer.of(block));
      lent.set(at, block);
      counts.allocations++;
      (address as BigUint64Array)[0] = at;
      return 0;
    },
    cpcdr_cuda_free: (_, address) => {
      counts.bytes -= lent.get(address as bigint)!.length;
      return Number(!lent.delete(address as bigint));
    },
    cpcdr_cuda_upload: (_, to, from, bytes) => {
      view(to as bigint, bytes as bigint).set(bytesOf(from!));
      return 0;
    },
    cpcdr_cuda_upload_all: (_, to, from, bytes, count) => {
      for (let i = 0; i < count; i++) {
        const address = Deno.UnsafePointer.create((from as BigUint64Array)[i])!;
        const target = view((to as BigUint64Array)[i], (bytes as BigInt64Array)[i]);
        new Deno.UnsafePointerView(address).copyInto(target);
      }
      return 0;
    },
    cpcdr_cuda_download: (_, to, from, bytes) => {
      bytesOf(to!).set(view(from as bigint, bytes as bigint));
      return 0;
    },
  };
  const symbols = { ...kernels.symbols, ...memory } as CudaSymbols;
  const pretended: CudaLibrary = { path, symbols, runtime: "0.0", check, close() {} };
  return { pretended, lent, counts, [Symbol.dispose]: () => kernels.close() };
}

function drawSource(): MixSource {
  const height = 24, width = 40, random = randomStream(Date.now(), "engine");
  const ids = Int32Array.from({ length: height * width }, (_, i) => Math.floor(i % width / 20));
  const regions = [0, 1].map((id) => ({
    area: height * 20,
    top: 0,
    left: 20 * id,
    bottom: height,
    right: 20 * id + 20,
    disparity: random.uniform(),
  }));
  return {
    height,
    width,
    rgb: Uint8Array.from({ length: 3 * ids.length }, () => random.integer(256)),
    depth: { height, width, disparity: Float32Array.from(ids, () => random.uniform()) },
    regions: { height, width, ids, regions },
    horizon: height / 2,
  };
}

engineTest("CudaEngine runs every hot kernel on copies, and gives all memory back", (native) => {
  using pretence = pretendLibrary(native);
  const { pretended, lent, counts } = pretence;
  const map = Float32Array.from({ length: 2 * 30 * 50 }, () => Math.floor(Math.random() * 3));
  const rows = Float32Array.from({ length: 12 * 8 }, () => Math.random() - 0.5);
  const sources = [drawSource(), drawSource()];
  const run = (engine: NativeLibrary | CudaEngine) => {
    const labels = connectedComponents(
      map,
      [2, 30, 50],
      { connectivity: 8, maxJump: 0, background: 1 },
      engine,
    );
    const first = { labels: labels.labels.subarray(0, 1500), count: labels.counts[0] };
    return {
      labels,
      statistics: componentStatistics(first, [30, 50], { values: map.subarray(0, 1500) }, engine),
      mixed: mixImages(sources, tinyMixConfig, randomStream(1, "engine"), engine),
      similar: similarity(rows, rows, { dimension: 8, kind: "cosine" }, engine),
    };
  };
  {
    using engine = new CudaEngine(pretended, DEVICE);
    assertEquals(run(engine), run(native));
    assert(counts.copied > map.byteLength);
    const { allocations } = counts;
    run(engine);
    assertEquals(counts.allocations, allocations, "a second round allocates again");
  }
  assertEquals([lent.size, counts.handles], [0, 0]);
});

engineTest("CudaEngine hands on what the library refuses", (native) => {
  using pretence = pretendLibrary(native);
  using engine = new CudaEngine(pretence.pretended, DEVICE);
  const labels = { labels: Int32Array.of(0, 5), count: 1 };
  assertThrows(
    () => componentStatistics(labels, [1, 2], {}, engine),
    DeviceError,
    "a label beyond count",
  );
  assertThrows(() => new CudaEngine(pretence.pretended, DEVICE, "tf32"), DeviceError);
  assertEquals(pretence.counts.handles, 1);
});

engineTest("preferHotLibrary() decides where the hot kernels run", (native) => {
  using pretence = pretendLibrary(native);
  using engine = new CudaEngine(pretence.pretended, DEVICE);
  preferHotLibrary(engine);
  try {
    assertEquals(hotLibrary(), engine);
    similarity(Float32Array.of(1, 0), Float32Array.of(0, 1), { dimension: 2, kind: "dot" });
    assert(pretence.counts.copied > 0);
  } finally {
    preferHotLibrary(undefined);
  }
  assertEquals(hotLibrary(), native);
});

/** Similarity of so many rows with one, of two elements each. */
function compare(engine: CudaEngine, rows: number): Float32Array {
  const a = Float32Array.from({ length: 2 * rows }, (_, at) => at);
  return similarity(a, Float32Array.of(0, 1), { dimension: 2, kind: "dot" }, engine);
}

engineTest("CudaEngine makes room for calls that grow", (native) => {
  // 12 bytes a row, and the other row's 8.
  using pretence = pretendLibrary(native, 5000);
  using engine = new CudaEngine(pretence.pretended, DEVICE);
  for (let rows = 10; rows <= 400; rows += 10) {
    assertEquals(compare(engine, rows).at(-1), 2 * rows - 1, `${rows} rows`);
  }
  assert(pretence.counts.bytes <= 12 * 400 + 1000, "smaller blocks are kept beside larger ones");
});

engineTest("CudaEngine begins anew where a small array holds a large block", (native) => {
  using pretence = pretendLibrary(native, 5000);
  using engine = new CudaEngine(pretence.pretended, DEVICE);
  // One row against many takes the large block for its eight bytes.
  compare(engine, 200);
  const many = new Float32Array(2 * 400).fill(1);
  const options = { dimension: 2, kind: "dot" } as const;
  assertEquals(
    similarity(Float32Array.of(2, 3), many, options, engine),
    new Float32Array(400).fill(5),
  );
  const error = assertThrows(() => compare(engine, 1000), DeviceMemoryError);
  assertMatch(error.message, /^Cannot compute on this process: .*--device cpu$/);
  assertEquals(compare(engine, 400).length, 400, "a call that is too large leaves no trace");
});

engineTest("CudaEngine is disposed of once, and refuses calls afterwards", (native) => {
  using pretence = pretendLibrary(native);
  const engine = new CudaEngine(pretence.pretended, DEVICE);
  compare(engine, 3);
  engine[Symbol.dispose]();
  engine[Symbol.dispose]();
  assertEquals([pretence.lent.size, pretence.counts.handles], [0, 0]);
  const error = assertThrows(() => compare(engine, 3), DeviceError);
  assertMatch(error.message, /^Cannot use this process: its engine was disposed of; /);
  assertEquals(pretence.lent.size, 0);
});
