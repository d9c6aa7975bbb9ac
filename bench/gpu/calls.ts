/**
 * Calls of the CUDA library whose arrays are on the device already: what timings.ts times and kernels.ts takes apart.
 *
 * @module
 */

import type { CudaDevice, CudaLibrary } from "../../lib/engine/native/cuda_library.ts";
import type { HotLibrary } from "../../lib/engine/native/hot.ts";
import { randomStream } from "../../lib/random.ts";
import { median } from "../peers/support.ts";
import { unitRows } from "./inputs.ts";

/** Maps of a batch, and their sizes. */
export const BATCH = 16, HEIGHT = 384, WIDTH = 768, PIXELS = BATCH * HEIGHT * WIDTH;
/** A batch in the report, and one that outgrows the card's cache and hides how long a launch takes. */
export const LABEL_BATCHES: readonly number[] = [BATCH, 8 * BATCH];
/** Sizes of the prototype loss: features, prototypes, numbers of each, and groups. */
export const N = 115_200, K = 1000, D = 128, GROUPS = N / 16;

/** Milliseconds before anything is measured. */
const WARM_UP = 200;

/** A handle with arrays on it. */
export class CallBench implements Disposable {
  readonly #handle: bigint;
  readonly #lent: bigint[] = [];

  constructor(readonly library: CudaLibrary, readonly device: CudaDevice) {
    const handle = new BigUint64Array(1);
    library.check(library.symbols.cpcdr_cuda_create(device.index, handle));
    this.#handle = handle[0];
  }

  [Symbol.dispose](): void {
    const { symbols } = this.library;
    for (const address of this.#lent) symbols.cpcdr_cuda_free(this.#handle, address);
    symbols.cpcdr_cuda_destroy(this.#handle);
  }

  setPrecision(precision: number): void {
    this.library.check(this.library.symbols.cpcdr_cuda_set_precision(this.#handle, precision));
  }

  room(bytes: number): bigint {
    const address = new BigUint64Array(1);
    this.library.check(
      this.library.symbols.cpcdr_cuda_alloc(this.#handle, BigInt(bytes), address),
    );
    this.#lent.push(address[0]);
    return address[0];
  }

  put(array: ArrayBufferView<ArrayBuffer>): bigint {
    const address = this.room(array.byteLength);
    this.upload(address, array);
    return address;
  }

  upload(to: bigint, array: ArrayBufferView<ArrayBuffer>): void {
    const bytes = BigInt(array.byteLength);
    this.library.check(this.library.symbols.cpcdr_cuda_upload(this.#handle, to, array, bytes));
  }

  /** Of memory of the process that an address of a call's arguments points to. */
  putFrom(from: bigint, bytes: number): bigint {
    const address = this.room(bytes);
    const [to, source] = [address, from].map((one) => BigUint64Array.of(one));
    const { symbols, check } = this.library;
    check(
      symbols.cpcdr_cuda_upload_all(this.#handle, to, source, BigInt64Array.of(BigInt(bytes)), 1),
    );
    return address;
  }

  get<T extends ArrayBufferView<ArrayBuffer>>(address: bigint, array: T): T {
    const bytes = BigInt(array.byteLength);
    this.library.check(
      this.library.symbols.cpcdr_cuda_download(this.#handle, array, address, bytes),
    );
    this.library.check(this.library.symbols.cpcdr_cuda_synchronize(this.#handle));
    return array;
  }

  /** One call, and the wait for it. */
  run(call: () => number): void {
    this.library.check(this.library.symbols.cpcdr_cuda_use(this.#handle));
    this.library.check(call());
    this.library.check(this.library.symbols.cpcdr_cuda_synchronize(this.#handle));
  }

  /** Median milliseconds on the device of one of `calls` calls in a row. */
  time(rounds: number, run: () => number, calls = 1): number {
    const { symbols, check } = this.library, elapsed = new Float32Array(1);
    check(symbols.cpcdr_cuda_use(this.#handle));
    const round = () => {
      check(symbols.cpcdr_cuda_mark(this.#handle, 0));
      for (let call = 0; call < calls; call++) check(run());
      check(symbols.cpcdr_cuda_mark(this.#handle, 1));
      check(symbols.cpcdr_cuda_elapsed(this.#handle, elapsed));
      return elapsed[0] / calls;
    };
    // An idle card has low clocks.
    for (const started = performance.now(); performance.now() - started < WARM_UP;) round();
    return median(Array.from({ length: rounds }, round));
  }
}

/** In which a device computes, by the number that {@linkcode CallBench.setPrecision} takes. */
export function precisionsOf(device: CudaDevice): readonly string[] {
  return Number(device.capability) >= 8 ? ["float32", "TF32"] : ["float32"];
}

/** A call that answers a status. */
export type Call = () => number;

/** Labelling of every kind of map, in batches of both sizes. */
export function* labelCalls(
  bench: CallBench,
): Generator<{ name: string; batch: number; call: Call }> {
  const random = randomStream(0, "gpu", "labels");
  const maps: Record<string, (i: number) => number> = {
    "20 levels of hills": (i) =>
      Math.floor(10 + 6 * Math.sin(i % WIDTH / 37) + 4 * Math.cos(Math.floor(i / WIDTH) / 23)),
    "noise of 10 values": () => random.integer(10),
    "one value": () => 1,
  };
  const most = Math.max(...LABEL_BATCHES) * HEIGHT * WIDTH;
  const labels = bench.room(4 * most), counts = bench.room(4 * Math.max(...LABEL_BATCHES));
  const map = bench.room(4 * most), values = new Float32Array(most);
  for (const [name, draw] of Object.entries(maps)) {
    for (let i = 0; i < PIXELS; i++) values[i] = draw(i);
    for (let at = PIXELS; at < most; at += PIXELS) values.copyWithin(at, 0, PIXELS);
    bench.upload(map, values);
    for (const batch of LABEL_BATCHES) {
      const sizes = Int32Array.of(batch, HEIGHT, WIDTH, 8, 0);
      const { cpcdr_label } = bench.library.symbols;
      yield { name, batch, call: () => cpcdr_label(map, labels, counts, sizes, 0, 0) };
    }
  }
}

/** The arguments of a call that composites. */
export type CompositeArguments = Parameters<HotLibrary["symbols"]["cpcdr_composite"]>;

/** A call with its pixels on the device; the plan is copied there by each call. */
export function compositeCall(
  bench: CallBench,
  [sources, offsets, pastes, views, images, copies, regions, shown, sizes]: CompositeArguments,
): Call {
  const bytes = [3, 4, 4].map((each) => each * HEIGHT * WIDTH);
  const addresses = BigUint64Array.from(
    sources as BigUint64Array,
    (from, i) => bench.putFrom(from, bytes[i % bytes.length]),
  );
  const [colours, ids, regionIds, numbers] = [images, copies, regions, shown].map((array) =>
    bench.room(array!.byteLength)
  );
  const { cpcdr_composite } = bench.library.symbols;
  return () =>
    cpcdr_composite(
      addresses,
      offsets,
      pastes,
      views,
      colours,
      ids,
      regionIds,
      numbers,
      sizes,
    );
}

/** The features, prototypes and groups of a loss. */
export function lossArrays(): ArrayBufferView<ArrayBuffer>[] {
  const random = randomStream(0, "gpu", "loss");
  return [
    unitRows(random, N, D),
    unitRows(random, K, D),
    Int32Array.from({ length: N }, () => random.integer(GROUPS)),
  ];
}

/** The prototype loss with its gradients. */
export function lossCall(bench: CallBench, arrays: ArrayBufferView<ArrayBuffer>[]): Call {
  const sizes = Int32Array.of(N, K, D, GROUPS, 3, N);
  const [features, prototypes, groups] = arrays.map((array) => bench.put(array));
  const outputs = [8, 4 * N, 4 * N * D, 4 * K * D].map((bytes) => bench.room(bytes));
  const [result, nearest, dfeatures, dprototypes] = outputs;
  const { cpcdr_prototype_loss } = bench.library.symbols;
  return () =>
    cpcdr_prototype_loss(
      features,
      prototypes,
      groups,
      result,
      nearest,
      dfeatures,
      dprototypes,
      sizes,
      0.05,
      0.1,
    );
}

/** Cosines of all features and prototypes. */
export function similarityCall(bench: CallBench, arrays: ArrayBufferView<ArrayBuffer>[]): Call {
  const sizes = Int32Array.of(N, K, D, 1);
  const [features, prototypes] = arrays.map((array) => bench.put(array));
  const out = bench.room(4 * N * K);
  const { cpcdr_similarity } = bench.library.symbols;
  return () => cpcdr_similarity(features, prototypes, out, sizes);
}
