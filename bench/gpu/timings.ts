/**
 * How fast the CUDA kernels are on arrays that are on the device already.
 *
 * @module
 */

import type { CudaDevice, CudaLibrary } from "../../lib/engine/native/cuda_library.ts";
import { CudaEngine } from "../../lib/engine/native/cuda_engine.ts";
import { randomStream } from "../../lib/random.ts";
import {
  BATCH,
  CallBench,
  compositeCall,
  D,
  GROUPS,
  HEIGHT,
  K,
  labelCalls,
  lossArrays,
  lossCall,
  N,
  PIXELS,
  precisionsOf,
  similarityCall,
  WIDTH,
} from "./calls.ts";
import { labelPeers, torchLoop, torchLoss } from "./cuda_peers.ts";
import { medianOf, Mixing } from "./mixing.ts";
import type { Timing } from "./timing.ts";

/** Products of N x K x D that one loss forms, in float32 and in TF32: native/shared/loss/kept_loss_call.h. */
const PRODUCTS = [4, 3];

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
  const arrays = lossArrays();
  yield* timeSimilarities(library, device, arrays, rounds);
  yield* await timeLosses(library, device, arrays, rounds);
}

function bandwidth(device: CudaDevice, bytes: number, milliseconds: number): string {
  const speed = bytes / milliseconds * 1000;
  const peak = device.bytesPerSecond
    ? `, ${(100 * speed / device.bytesPerSecond).toFixed(0)}% of the memory's peak`
    : "";
  return `${(speed / 1e9).toFixed(0)} GB/s${peak}`;
}

/** Calls between two marks: one is over before the next is launched. */
const CALLS = 10;

/** The floor is to read each value and write each label once, 8 bytes a pixel. */
function* timeLabels(library: CudaLibrary, device: CudaDevice, rounds: number): Generator<Timing> {
  using bench = new CallBench(library, device);
  for (const { name, batch, call } of labelCalls(bench)) {
    const milliseconds = bench.time(rounds, call, CALLS);
    yield {
      name: `labels of ${batch} x ${HEIGHT} x ${WIDTH}, ${name}`,
      milliseconds,
      share: bandwidth(device, 8 * batch * HEIGHT * WIDTH, milliseconds),
      peer: "8 bytes a pixel; the aim is 50%",
    };
  }
}

/** Two values, which is all that the peers label; they must count the same components. */
async function timeBlobs(
  library: CudaLibrary,
  device: CudaDevice,
  rounds: number,
): Promise<Timing> {
  using bench = new CallBench(library, device);
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
  using bench = new CallBench(library, device);
  const mixing = new Mixing(engine);
  const row = (part: string, milliseconds: number, peer: string) => ({
    name: `mixing ${BATCH / 2} images of ${HEIGHT} x ${WIDTH} into ${BATCH}, ${part}`,
    milliseconds,
    share: bandwidth(device, (11 * PIXELS) / 2 + 20 * PIXELS, milliseconds),
    peer,
  });
  yield row(
    "copies and drawing included",
    medianOf(rounds, (round) => mixing.mix(round)),
    "sources read and results written once",
  );
  const drawing = medianOf(rounds, (round) => mixing.draw(round));
  yield { ...row("drawing alone", drawing, "on one core"), share: "" };
  const composite = compositeCall(bench, mixing.draw(0));
  yield row("the device alone", bench.time(rounds, composite), "the plan's copies included");
}

/** The floor is to write the matrix. */
function* timeSimilarities(
  library: CudaLibrary,
  device: CudaDevice,
  arrays: ReturnType<typeof lossArrays>,
  rounds: number,
): Generator<Timing> {
  for (const [number, precision] of precisionsOf(device).entries()) {
    using bench = new CallBench(library, device);
    bench.setPrecision(number);
    const milliseconds = bench.time(rounds, similarityCall(bench, arrays), CALLS);
    yield {
      name: `cosines of ${N} and ${K} rows of ${D}, ${precision}`,
      milliseconds,
      share: bandwidth(device, 4 * N * K, milliseconds),
      peer: `${(2 * N * K * D / milliseconds / 1e9).toFixed(1)} TFLOP/s; the matrix written once`,
    };
  }
}

async function timeLosses(
  library: CudaLibrary,
  device: CudaDevice,
  arrays: ReturnType<typeof lossArrays>,
  rounds: number,
): Promise<Timing[]> {
  const peer = await torchLoss({ n: N, k: K, d: D, groupCount: GROUPS, rounds });
  return precisionsOf(device).map((precision, number) => {
    // A handle of its own, whose scratch this precision alone takes.
    using bench = new CallBench(library, device);
    const held = Number(library.symbols.cpcdr_workspace_bytes());
    bench.setPrecision(number);
    const milliseconds = bench.time(rounds, lossCall(bench, arrays));
    const memory = (Number(library.symbols.cpcdr_workspace_bytes()) - held) / (2 * N * K);
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
