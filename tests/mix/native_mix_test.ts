import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import { sharedLibrary } from "../../lib/engine/native/library.ts";
import { DeviceError } from "../../lib/errors.ts";
import { type MixConfig, tinyMixConfig } from "../../lib/mix/config.ts";
import { mixImages } from "../../lib/mix/mix_images.ts";
import type { MixSource } from "../../lib/mix/paste.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import type { MixedBatch } from "../../lib/records.ts";
import { batchDigest } from "./batch_digest.ts";
import { drawConfig, drawSource } from "./random_sources.ts";

const library = sharedLibrary();
const SEED = Number(Deno.env.get("SEED") ?? Date.now() % 1_000_000);
const DIGEST = fromFileUrl(new URL("batch_digest.ts", import.meta.url));
/** The smallest of ImageNet's deviations: what a step of 8 bits is at most after normalisation. */
const STEP = 1 / 255 / 0.224;

function nativeTest(name: string, fn: (random: Random) => void) {
  const ignore = library === undefined;
  const run = () => {
    try {
      fn(randomStream(SEED, name));
    } catch (error) {
      throw new Error(`with SEED=${SEED}`, { cause: error });
    }
  };
  Deno.test({ name: ignore ? `${name} (ignored: no native library here)` : name, ignore, fn: run });
}

/** Mixes on both ways; ids must be the same, colours within a step of 8 bits. */
function assertAgrees(
  sources: readonly MixSource[],
  config: MixConfig,
  seed: number,
  what: string,
): MixedBatch {
  const got = mixImages(sources, config, randomStream(seed), library);
  const expected = mixImages(sources, config, randomStream(seed), null);
  assertEquals(got.copies, expected.copies, what);
  assertEquals(got.copyIds, expected.copyIds, what);
  assertEquals(got.regionIds, expected.regionIds, what);
  assertEquals(got.regionOffsets, expected.regionOffsets, what);
  got.images.forEach((value, i) => {
    if (Math.abs(value - expected.images[i]) <= STEP) return;
    throw new Error(`${what} value ${i}: expected ${expected.images[i]}, got ${value}`);
  });
  return got;
}

nativeTest("mixImages() of the library agrees with plain TypeScript", (random) => {
  for (let round = 0; round < 60; round++) {
    // Some with many blocks, of which whole ones may be passed over.
    const times = round % 12 === 0 ? 3 : 1;
    const height = 2 + random.integer(60 * times), width = 2 + random.integer(90 * times);
    const sources = Array.from(
      { length: 1 + random.integer(4) },
      () => drawSource(random, height, width),
    );
    const config = drawConfig(random), seed = random.bits();
    assertAgrees(sources, config, seed, `round ${round}: ${height} x ${width} ${config.paste}`);
  }
});

nativeTest("mixImages() of the library agrees where a batch is larger than caches", (random) => {
  const height = 400 + random.integer(50), width = 1100 + random.integer(50);
  const sources = [drawSource(random, height, width), drawSource(random, height, width)];
  const batch = assertAgrees(sources, tinyMixConfig, random.bits(), `${height} x ${width}`);
  assert(20 * batch.copyIds.length > 2 ** 25, "no longer larger than what cpu/stream.h says");
});

nativeTest(
  "mixImages() of the library gives the same bytes on one thread and on several",
  (random) => {
    const sources = Array.from({ length: 4 }, () => drawSource(random, 64, 128));
    const mix = () => mixImages(sources, tinyMixConfig, randomStream(SEED), library);
    try {
      library!.setThreads(1);
      const alone = mix();
      library!.setThreads(3);
      assertEquals(mix(), alone);
    } finally {
      library!.setThreads(0);
    }
  },
);

Deno.test({
  name: "mixImages() of the library gives the same bytes on every instruction set",
  ignore: library === undefined || !library.isa.startsWith("avx"),
  async fn() {
    const expected = await batchDigest(SEED);
    for (const isa of ["baseline", "avx2"]) {
      const { success, stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", DIGEST, String(SEED)],
        env: { CPCDR_ISA: isa },
      }).output();
      assert(success, isa);
      assertEquals(new TextDecoder().decode(stdout).trim(), expected, `${isa} with SEED=${SEED}`);
    }
  },
});

nativeTest("mixImages() writes over every pixel of a batch it is given, on both ways", (random) => {
  const sources = Array.from({ length: 3 }, () => drawSource(random, 33, 70));
  for (const engine of [library!, null]) {
    const mix = (seed: number, into?: MixedBatch) =>
      mixImages(sources, drawConfig(randomStream(seed)), randomStream(seed), engine, into);
    const old = mix(SEED), expected = mix(SEED + 1), got = mix(SEED + 1, old);
    assertStrictEquals(got.images, old.images);
    assertStrictEquals(got.copyIds, old.copyIds);
    assertStrictEquals(got.regionIds, old.regionIds);
    assertEquals(got, expected);
    const fewer = mixImages(sources.slice(1), tinyMixConfig, randomStream(SEED), engine, got);
    assertNotStrictEquals(fewer.images, got.images);
  }
});

nativeTest("cpcdr_composite() answers a status to bad plans", () => {
  const { symbols, check } = library!;
  const rgb = new Uint8Array(12), disparity = new Float32Array(4), ids = new Int32Array(4);
  const pointers = BigUint64Array.from(
    [rgb, disparity, ids],
    (array) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(array)),
  );
  const paste = [0, 0, -1, 0, 0, 2, 2, 0, 0, 2, 2, 1, 0, ...new Array(10).fill(0)];
  const view = [0, 1, 0, 1, 0, 0, ...new Array(10).fill(0)];
  const call = (paste: number[], view: number[], sizes: number[]) =>
    symbols.cpcdr_composite(
      pointers,
      new Int32Array(1),
      Float64Array.from(paste),
      Float64Array.from(view),
      new Float32Array(12),
      new Int32Array(4),
      new Int32Array(4),
      new Int32Array(1),
      Int32Array.from(sizes),
    );
  const sizes = [1, 2, 2, 1, 1, 1, 1];
  assertEquals(call(paste, view, sizes), 0);
  const wrong: [number, number][] = [[0, 1], [0, -1], [1, 1], [3, -1], [5, 3], [3, 2], [9, 0], [
    11,
    0,
  ]];
  for (const [field, value] of wrong) {
    assertEquals(call(paste.with(field, value), view, sizes), 1, `paste field ${field} = ${value}`);
  }
  assertEquals(call(paste, view.with(0, 1), sizes), 1);
  assertEquals(call(paste, view, sizes.with(1, 0)), 1);
  assertThrows(() => check(1), DeviceError, "composite:");
});
