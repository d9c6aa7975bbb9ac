/** Batches of frames through a model in onnxruntime, and its answers in our order of axes. */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import type { StateDict, StateTensor } from "../../lib/nn/parameters.ts";
import type { Frame } from "../../lib/records.ts";
import { decodeSafetensors, encodeSafetensors } from "../../lib/run/storage/safetensors.ts";
import { inTemporary } from "../data/files.ts";

const SCRIPT = fromFileUrl(new URL("onnxruntime.ts", import.meta.url));

/** `[N,C,H,W]` tensors by output, one record a batch. */
export async function runOnnx(
  model: Uint8Array,
  batches: readonly (readonly Frame[])[],
): Promise<Record<string, StateTensor>[]> {
  const results = batches.map((): Record<string, StateTensor> => ({}));
  await inTemporary(async (folder) => {
    const [path, inputs, outputs] = ["model.onnx", "inputs", "outputs"].map((name) =>
      join(folder, name)
    );
    await Deno.writeFile(path, model);
    const tensors: StateDict = new Map(batches.map((frames, i) => [String(i), planes(frames)]));
    await Deno.writeFile(inputs, encodeSafetensors({ tensors, metadata: {} }));
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-config", "--no-lock", SCRIPT, path, inputs, outputs],
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    for (const [name, tensor] of decodeSafetensors(await Deno.readFile(outputs), "x").tensors) {
      const [batch, output] = name.split("/");
      results[Number(batch)][output] = tensor;
    }
  });
  return results;
}

/** Frames as `[N,3,H,W]`, 0..1. */
function planes(frames: readonly Frame[]): StateTensor {
  const [{ height, width }] = frames;
  const size = height * width;
  const data = new Float32Array(frames.length * 3 * size);
  frames.forEach(({ rgb }, n) =>
    rgb.forEach((v, i) => data[(3 * n + i % 3) * size + Math.floor(i / 3)] = v / 255)
  );
  return { dtype: "F32", shape: [frames.length, 3, height, width], data };
}

/** `[N,C,h,w]` as `[N,h,w,C]`. */
export function channelsLast({ shape: [n, c, h, w], data }: StateTensor): Float32Array {
  const size = h * w;
  return Float32Array.from({ length: n * c * size }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / c), i % c];
    return data[(Math.floor(pixel / size) * c + channel) * size + pixel % size];
  });
}

/** No entry is further off than `bound`. */
export function assertNear(
  ours: ArrayLike<number>,
  theirs: ArrayLike<number>,
  bound: number,
  what: string,
): void {
  assertEquals(ours.length, theirs.length, what);
  let worst = 0;
  for (let i = 0; i < ours.length; i++) worst = Math.max(worst, Math.abs(ours[i] - theirs[i]));
  assert(worst <= bound, `${what}: off by ${worst}`);
}
