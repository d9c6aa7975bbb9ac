/**
 * Prints SHA-256 of random batches that the native library mixes, for comparisons between processes.
 *
 *     deno run -A tests/mix/batch_digest.ts SEED
 */
import { sharedLibrary } from "../../lib/engine/native/library.ts";
import { mixImages } from "../../lib/mix/mix_images.ts";
import { randomStream } from "../../lib/random.ts";
import { sha256 } from "../../native/build_support.ts";
import { drawConfig, drawSource } from "./random_sources.ts";

/** Of batches small and, in the end, larger than caches. */
export async function batchDigest(seed: number): Promise<string> {
  const random = randomStream(seed, "digest"), library = sharedLibrary()!;
  const sizes = Array.from({ length: 30 }, () => [2 + random.integer(60), 2 + random.integer(90)]);
  const hashes: string[] = [];
  for (const [height, width] of [...sizes, [400, 1100]]) {
    const sources = Array.from({ length: 2 }, () => drawSource(random, height, width));
    const batch = mixImages(sources, drawConfig(random), random, library);
    for (const array of [batch.images, batch.copyIds, batch.regionIds]) {
      const bytes = new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
      hashes.push(await sha256(bytes));
    }
  }
  return hashes.join("\n");
}

if (import.meta.main) console.log(await batchDigest(Number(Deno.args[0])));
