/**
 * The peer cc3d (W. Silversmith), a C++ header: built by labelling.ts where `CPCDR_CC3D` names the folder of its
 * `cc3d.hpp`, and called in this process.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { DeviceError } from "../../lib/errors.ts";

/** Answers how many components a map `[H,W]` without zeros has; their ids go to `labels`. */
export type Cc3d = (
  map: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>,
  size: readonly [height: number, width: number],
  labels: Uint32Array<ArrayBuffer>,
) => number;

const ARGUMENTS = ["buffer", "i32", "i32", "buffer"] as const;

/**
 * Builds it in a folder; undefined where `CPCDR_CC3D` is not set.
 *
 * @throws {DeviceError} when it does not compile.
 */
export async function buildCc3d(folder: string): Promise<Cc3d | undefined> {
  const headers = Deno.env.get("CPCDR_CC3D");
  if (!headers) return undefined;
  const source = fromFileUrl(new URL("cc3d_peer.cpp", import.meta.url));
  const library = join(folder, "cc3d_peer.so");
  const flags = ["-O3", "-march=native", "-std=c++17", "-shared", "-fPIC", "-w"];
  const { success, stderr } = await new Deno.Command(Deno.env.get("CXX") ?? "g++", {
    args: [...flags, `-I${headers}`, source, "-o", library],
    stderr: "piped",
  }).output();
  if (!success) {
    const reason = new TextDecoder().decode(stderr).split("\n")[0];
    throw new DeviceError(
      `Cannot compare with cc3d: expected its cc3d.hpp in ${headers}; correct CPCDR_CC3D (${reason})`,
    );
  }
  const { symbols } = Deno.dlopen(library, {
    label_bytes: { parameters: ARGUMENTS, result: "i64" },
    label_floats: { parameters: ARGUMENTS, result: "i64" },
  });
  return (map, [height, width], labels) =>
    Number(
      map instanceof Uint8Array
        ? symbols.label_bytes(map, height, width, labels)
        : symbols.label_floats(map, height, width, labels),
    );
}
