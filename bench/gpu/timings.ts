/**
 * How fast the CUDA kernels are on arrays that are on the device already.
 *
 * @module
 */

import type { CudaDevice, CudaLibrary } from "../../lib/engine/native/cuda_library.ts";
import { CudaEngine } from "../../lib/engine/native/cuda_engine.ts";
import type { HotLibrary } from "../../lib/engine/native/hot.ts";
import { paperMixConfig } from "../../lib/mix/config.ts";
import { mixImages } from "../../lib/mix/mix_images.ts";
import { randomStream } from "../../lib/random.ts";
import type { MixedBatch } from "../../lib/records.ts";
import { labelPeers, torchLoop, torchLoss } from "./cuda_peers.ts";
import { drawSource, unitRows } from "./inputs.ts";
import type { Timing } from "./timing.ts";

const BATCH = 16, HEIGHT = 384, WIDTH = 768, PIXELS = BATCH * HEIGHT * WIDTH;
const N = 115_200, K = 1000, D = 128;
/** Products of N x K x D that one loss forms, in float32 and in TF32: native/shared/kept_loss_call.h. */
const PRODUCTS = [4, 3];

/** Milliseconds before anything is measured. */
const WARM_UP = 200;

/** A handle with arrays on it. */
class Bench implements Disposable {
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
    const address = this.room(array.byteLength), bytes = BigInt(array.byteLength);
    this.library.check(
      this.library.symbols.cpcdr_cuda_upload(this.#handle, address, array, bytes),
    );
    return address;
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
    const times = Array.from({ length: rounds }, round).sort((a, b) => a - b);
    return times[rounds >> 1];
  }
}

/** Times every kernel. */
export async function* timeKernels(
  library: CudaLibrary,
  device: CudaDevice,
  rounds: number,
): AsyncGenerator<Timing> {
  yield* timeLabels(library, device, rounds);
  yield await timeBlobs(library, device, rounds);
  yield* timeMixing(library, device, rounds);
  yield* await torchLoop();
  yield* await timeLosses(library, device, rounds);
}

function bandwidth(device: CudaDevice, bytes: number, milliseconds: number): string {
  const speed = bytes / milliseconds * 1000;
  const peak = device.bytesPerSecond
    ? `, ${(100 * speed / device.bytesPerSecond).toFixed(0)}% of the memory's peak`
    : "";
  return `${(speed / 1e9).toFixed(0)} GB/s${peak}`;
}

/** A batch in the report, and one that outgrows the card's cache and hides how long a launch takes. */
const LABEL_BATCHES = [BATCH, 8 * BATCH];
/** Calls between two marks: one is over before the next is launched. */
const CALLS = 10;

/** The floor is to read each value and write each label once, 8 bytes a pixel. */
function* timeLabels(library: CudaLibrary, device: CudaDevice, rounds: number): Generator<Timing> {
  using bench = new Bench(library, device);
  const random = randomStream(0, "gpu", "labels");
  const maps: Record<string, (i: number) => number> = {
    "20 levels of hills": (i) =>
      Math.floor(10 + 6 * Math.sin(i % WIDTH / 37) + 4 * Math.cos(Math.floor(i / WIDTH) / 23)),
    "noise of 10 values": () => random.integer(10),
    "one value": () => 1,
  };
  const most = Math.max(...LABEL_BATCHES) * HEIGHT * WIDTH;
  const labels = bench.room(4 * most), counts = bench.room(4 * Math.max(...LABEL_BATCHES));
  for (const [name, draw] of Object.entries(maps)) {
    const values = new Float32Array(most);
    for (let i = 0; i < PIXELS; i++) values[i] = draw(i);
    for (let at = PIXELS; at < most; at += PIXELS) values.copyWithin(at, 0, PIXELS);
    const map = bench.put(values);
    for (const batch of LABEL_BATCHES) {
      const sizes = Int32Array.of(batch, HEIGHT, WIDTH, 8, 0);
      const label = () => library.symbols.cpcdr_label(map, labels, counts, sizes, 0, 0);
      const milliseconds = bench.time(rounds, label, CALLS);
      yield {
        name: `labels of ${batch} x ${HEIGHT} x ${WIDTH}, ${name}`,
        milliseconds,
        share: bandwidth(device, 8 * batch * HEIGHT * WIDTH, milliseconds),
        peer: "8 bytes a pixel; the aim is 50%",
      };
    }
  }
}

/** Two values, which is all that the peers label; they must count the same components. */
async function timeBlobs(
  library: CudaLibrary,
  device: CudaDevice,
  rounds: number,
): Promise<Timing> {
  using bench = new Bench(library, device);
  const random = randomStream(0, "gpu", "blobs");
  const [a, b] = [random.uniform(9, 11), random.uniform(9, 11)];
  const maps = Uint8Array.from({ length: PIXELS }, (_, i) => {
    const x = i % WIDTH, y = Math.floor(i / WIDTH);
    return Number(Math.sin(x / a) + Math.sin(y / b) + 0.3 * random.normal() > 0.2);
  });
  const map = bench.put(Float32Array.from(maps)), labels = bench.room(4 * PIXELS);
  const counts = bench.room(4 * BATCH), sizes = Int32Array.of(BATCH, HEIGHT, WIDTH, 8, 1);
  const label = () => library.symbols.cpcdr_label(map, labels, counts, sizes, 0, 0);
  const milliseconds = bench.time(rounds, label, CALLS);
  const count = bench.get(counts, new Int32Array(BATCH)).reduce((sum, one) => sum + one);
  return {
    name: `labels of ${BATCH} x ${HEIGHT} x ${WIDTH}, noisy blobs of two values`,
    milliseconds,
    share: bandwidth(device, 8 * PIXELS, milliseconds),
    peer: await labelPeers(maps, [BATCH, HEIGHT, WIDTH], rounds, { milliseconds, count }),
  };
}

/**
 * With copies of sources and results, since plans are drawn on the host: the whole call as the module makes it. Then
 * its parts: drawing alone, and the device alone, with the plan's copies but without those of pixels.
 */
function* timeMixing(library: CudaLibrary, device: CudaDevice, rounds: number): Generator<Timing> {
  using engine = new CudaEngine(library, device);
  using bench = new Bench(library, device);
  const random = randomStream(0, "gpu", "mix");
  const sources = Array.from({ length: BATCH / 2 }, () => drawSource(random, HEIGHT, WIDTH));
  // A batch takes over the memory of the one before.
  let batch: MixedBatch | undefined;
  const medianOf = (on: HotLibrary) => {
    const times = Array.from({ length: rounds + 1 }, (_, round) => {
      const started = performance.now();
      batch = mixImages(
        sources,
        paperMixConfig,
        randomStream(round, "gpu", "mix"),
        on,
        batch,
      );
      return performance.now() - started;
    }).slice(1).sort((a, b) => a - b);
    return times[rounds >> 1];
  };
  const row = (part: string, milliseconds: number, peer: string) => ({
    name: `mixing ${BATCH / 2} images of ${HEIGHT} x ${WIDTH} into ${BATCH}, ${part}`,
    milliseconds,
    share: bandwidth(device, (11 * PIXELS) / 2 + 20 * PIXELS, milliseconds),
    peer,
  });
  yield row(
    "copies and drawing included",
    medianOf(engine),
    "sources read and results written once",
  );
  let last: Parameters<HotLibrary["symbols"]["cpcdr_composite"]> | undefined;
  const drawing = medianOf({
    check: engine.check,
    symbols: {
      ...engine.symbols,
      cpcdr_composite: (...call) => {
        last = call;
        return 0;
      },
    },
  });
  yield { ...row("drawing alone", drawing, "on one core"), share: "" };
  yield row("the device alone", timeComposite(bench, last!, rounds), "the plan's copies included");
}

/** Milliseconds of a call whose pixels are on the device. */
function timeComposite(
  bench: Bench,
  [sources, offsets, pastes, views, images, copies, regions, shown, sizes]: Parameters<
    HotLibrary["symbols"]["cpcdr_composite"]
  >,
  rounds: number,
): number {
  const bytes = [3, 4, 4].map((each) => each * HEIGHT * WIDTH);
  const addresses = BigUint64Array.from(
    sources as BigUint64Array,
    (from, i) => bench.putFrom(from, bytes[i % bytes.length]),
  );
  const [colours, ids, regionIds, numbers] = [images, copies, regions, shown].map((array) =>
    bench.room(array!.byteLength)
  );
  const { cpcdr_composite } = bench.library.symbols;
  return bench.time(
    rounds,
    () =>
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
      ),
  );
}

async function timeLosses(
  library: CudaLibrary,
  device: CudaDevice,
  rounds: number,
): Promise<Timing[]> {
  const { symbols } = library;
  const random = randomStream(0, "gpu", "loss");
  const groupCount = N / 16;
  const arrays = [
    unitRows(random, N, D),
    unitRows(random, K, D),
    Int32Array.from({ length: N }, () => random.integer(groupCount)),
  ];
  const sizes = Int32Array.of(N, K, D, groupCount, 3, N);
  const peer = await torchLoss({ n: N, k: K, d: D, groupCount, rounds });
  const precisions = Number(device.capability) >= 8 ? ["float32", "TF32"] : ["float32"];
  return precisions.map((precision, number) => {
    // A handle of its own, whose scratch this precision alone takes.
    using bench = new Bench(library, device);
    const held = Number(symbols.cpcdr_workspace_bytes());
    bench.setPrecision(number);
    const [features, prototypes, groups] = arrays.map((array) => bench.put(array));
    const outputs = [8, 4 * N, 4 * N * D, 4 * K * D].map((bytes) => bench.room(bytes));
    const [result, nearest, dfeatures, dprototypes] = outputs;
    const loss = () =>
      symbols.cpcdr_prototype_loss(
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
    const milliseconds = bench.time(rounds, loss);
    const memory = (Number(symbols.cpcdr_workspace_bytes()) - held) / (2 * N * K);
    console.error(`kernels of the prototype loss in ${precision}:`);
    traceCall(library, device, number, loss);
    const flops = PRODUCTS[number] * 2 * N * K * D / milliseconds / 1e9;
    const ratio = peer.milliseconds ? `${(peer.milliseconds / milliseconds).toFixed(1)}x ` : "";
    return {
      name: `prototype loss with gradients, ${N} x ${K} x ${D}, ${precision}`,
      milliseconds,
      share: `${flops.toFixed(1)} TFLOP/s, memory ${memory.toFixed(2)} N x K half matrices`,
      peer: `${ratio}${peer.text}`,
    };
  });
}

/** Tells on stderr how long each kernel of a call takes: a warm one, on a handle that traces. */
function traceCall(
  library: CudaLibrary,
  device: CudaDevice,
  precision: number,
  call: () => number,
) {
  Deno.env.set("CPCDR_CUDA_TRACE", "1");
  using bench = new Bench(library, device);
  Deno.env.delete("CPCDR_CUDA_TRACE");
  bench.setPrecision(precision);
  bench.run(call);
  console.error("warm:");
  bench.run(call);
}
