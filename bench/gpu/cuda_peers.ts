/**
 * What the CUDA library is compared with on the same card: programs in Python, each a process. A peer that is not there
 * is said to be missing.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import type { Case } from "../peers/support.ts";
import type { Timing } from "./timing.ts";

const path = (name: string) => fromFileUrl(new URL(name, import.meta.url));
const python = () => Deno.env.get("CPCDR_PYTHON") ?? "python3";

/** The last line of a program's stdout as JSON, or undefined when it fails; its stderr is passed on. */
async function answer<T>(command: string, args: string[]): Promise<T | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(command, { args, stderr: "inherit" })
      .output();
    if (!success) return undefined;
    return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  }
}

/** Sizes of a prototype loss. */
export interface LossSizes {
  readonly n: number;
  readonly k: number;
  readonly d: number;
  readonly groupCount: number;
  readonly rounds: number;
}

/** Eager PyTorch's prototype loss. */
export async function torchLoss(
  { n, k, d, groupCount, rounds }: LossSizes,
): Promise<{ milliseconds?: number; text: string }> {
  const sizes = [n, k, d, groupCount, rounds].map(String);
  const theirs = await answer<{ name: string; milliseconds: number; bytes: number }>(
    python(),
    ["-B", path("torch_loss.py"), ...sizes],
  );
  if (!theirs) return { text: `no PyTorch with CUDA in ${python()}` };
  const { name, milliseconds, bytes } = theirs;
  const memory = (bytes / (2 * n * k)).toFixed(2);
  return {
    milliseconds,
    text: `eager ${name}: ${milliseconds.toFixed(2)} ms, memory ${memory} half matrices`,
  };
}

/** CuPy on the card and OpenCV on the CPU, labelling bytes; also says when they count other components. */
export async function labelPeers(
  maps: Uint8Array,
  shape: readonly number[],
  rounds: number,
  ours: { readonly milliseconds: number; readonly count: number },
): Promise<string> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeFile(file, maps);
    const args = ["-B", path("label_peer.py"), file, ...[...shape, rounds].map(String)];
    const theirs = await answer<Record<string, { milliseconds: number; count: number }>>(
      python(),
      args,
    );
    const texts = Object.entries(theirs ?? {}).map(([name, { milliseconds, count }]) => {
      const ratio = (milliseconds / ours.milliseconds).toFixed(1);
      const same = count === ours.count ? "" : ` **but ${count} components, not ${ours.count}**`;
      return `${ratio}x ${name}: ${milliseconds.toFixed(2)} ms${same}`;
    });
    return texts.join("; ") || "neither CuPy nor OpenCV";
  } finally {
    await Deno.remove(file);
  }
}

/** Mixing as a loop over pastes in PyTorch on CUDA; nothing where there is no such PyTorch. */
export async function torchLoop(): Promise<Timing[]> {
  const args = ["run", "-A", path("../peers/compositing.ts"), "--rounds", "3", "--cuda"];
  const [one] = (await answer<{ cases: Case[] }>(Deno.execPath(), args))?.cases ?? [];
  if (!one) return [];
  return [{
    name: `${one.name}, and PyTorch's loop on CUDA`,
    milliseconds: one.ours * 1000,
    share: "copies and drawing included",
    peer: `${one.ratio.toFixed(1)}x ${one.peerName}: ${(one.peer * 1000).toFixed(0)} ms`,
  }];
}
