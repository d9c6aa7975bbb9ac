/**
 * What the benches against peers share: the peer's process, rounds that alternate, and the answer.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { ConfigError, CpcdrError, DeviceError } from "../../lib/errors.ts";
import { textTable } from "../../lib/run/table.ts";
import { succeeds } from "../../native/build_support.ts";

/** One comparison; seconds or bytes, so less is better. */
export interface Case {
  readonly name: string;
  readonly unit: "s" | "bytes";
  readonly ours: number;
  readonly peer: number;
  readonly peerName: string;
  /** peer / ours: above 1 where ours is better. */
  readonly ratio: number;
}

/** A case from both figures. */
export function compared(
  name: string,
  unit: Case["unit"],
  ours: number,
  peer: number,
  peerName: string,
): Case {
  return { name, unit, ours, peer, peerName, ratio: peer / ours };
}

const REMEDY = "apt-get install python3-torch python3-torchvision, or point CPCDR_PYTHON to one";

/** A Python process that answers one JSON line for each; torch_peer.py is its other half. */
export class Peer implements AsyncDisposable {
  /** Such as "PyTorch 1.13.0". */
  name = "";
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  private constructor(python: string, script: string) {
    this.#process = new Deno.Command(python, {
      args: ["-B", fromFileUrl(new URL(script, import.meta.url))],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#reader = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /**
   * Starts a script of this folder, on so many threads.
   *
   * @throws {DeviceError} when no Python here has PyTorch.
   */
  static async start(script: string, threads: number): Promise<Peer> {
    const peer = new Peer(await findPython(), script);
    const hello = await peer.ask<{ name: string; threads: number }>({ do: "hello", threads });
    if (hello.threads !== threads) {
      throw new DeviceError(
        `Cannot compare with ${hello.name}: expected ${threads} threads, got ${hello.threads}; ` +
          "set CPCDR_THREADS to what both can have",
      );
    }
    peer.name = hello.name;
    return peer;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Calls a function of the script. @throws {DeviceError} when the process ends instead. */
  async ask<T>(request: { readonly do: string } & Record<string, unknown>): Promise<T> {
    await this.#writer.write(new TextEncoder().encode(JSON.stringify(request) + "\n"));
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) {
        throw new DeviceError(
          `Cannot go on with the peer: expected an answer to "${request.do}", got the end of its ` +
            "process; its own message is above",
        );
      }
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return JSON.parse(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#reader.cancel();
    await this.#process.status;
  }
}

/** `CPCDR_PYTHON`, or the first usual Python that has PyTorch. */
async function findPython(): Promise<string> {
  const wanted = Deno.env.get("CPCDR_PYTHON");
  const candidates = wanted ? [wanted] : ["/usr/bin/python3", "python3"];
  for (const python of candidates) {
    if (await succeeds(python, "-c", "import torch, torchvision")) return python;
  }
  throw new DeviceError(
    "Cannot compare with PyTorch: expected a Python that imports torch and torchvision, " +
      `got none (tried ${candidates.join(", ")}); ${REMEDY}`,
  );
}

/** `--rounds N` of the command line. @throws {ConfigError} when it is no count. */
export function roundsOption(otherwise: number): number {
  const at = Deno.args.indexOf("--rounds");
  if (at < 0) return otherwise;
  const rounds = Number(Deno.args[at + 1]);
  if (Number.isInteger(rounds) && rounds > 0) return rounds;
  throw new ConfigError(
    `Cannot run the bench: expected --rounds N with N from 1, got "${Deno.args[at + 1] ?? ""}"`,
  );
}

/** Runs a body with a folder that is gone afterwards. */
export async function withFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "cpcdr_bench_" });
  try {
    return await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Calls in a row of a side whose calls are short: at least so many, for at least so many seconds. */
const IN_A_ROW = 7, ROW_SECONDS = 0.05;

/**
 * A turn of several calls, the middle one of which counts. A core that slept takes milliseconds to wake up, and
 * the threads of a call that follows a pause may share one core for as long.
 */
export function inARow(call: () => number | Promise<number>): () => Promise<number> {
  return async () => {
    const seconds: number[] = [], started = performance.now();
    while (seconds.length < IN_A_ROW || performance.now() - started < 1000 * ROW_SECONDS) {
      seconds.push(await call());
    }
    return median(seconds);
  };
}

/** Medians of rounds in which all take turns, so that they see the same machine. */
export async function takeTurns(
  rounds: number,
  contenders: readonly (() => Promise<number> | number)[],
): Promise<number[]> {
  const seconds = contenders.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, contender] of contenders.entries()) seconds[i].push(await contender());
  }
  return seconds.map(median);
}

/** The middle value; the lower of two. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1];
}

/** Lets a process's peak of memory begin anew, where the system can. */
export async function forgetPeak(pid: number): Promise<void> {
  await Deno.writeTextFile(`/proc/${pid}/clear_refs`, "5").catch(() => {});
}

/** The most memory that a process has had resident, bytes; undefined where the system does not tell. */
export async function peakBytes(pid: number): Promise<number | undefined> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  const kibibytes = status.match(/VmHWM:\s+(\d+) kB/)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** Runs a bench; a deliberate error is one line and exit code 1. */
export async function runBench(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof CpcdrError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}

/** Runs a bench against a peer: progress and a table go to stderr, the last line of stdout is `{cases}`. */
export async function runPeerBench(main: () => Promise<Case[]>): Promise<void> {
  await runBench(async () => {
    const cases = await main();
    const figure = ({ unit }: Case, value: number) =>
      unit === "s" ? `${(value * 1000).toPrecision(4)} ms` : `${(value / 2 ** 20).toFixed(0)} MiB`;
    const rows = cases.map((c) => [
      c.name,
      figure(c, c.ours),
      figure(c, c.peer),
      c.ratio.toFixed(2),
    ]);
    const head = ["case", "ours", cases[0].peerName, "ratio"];
    console.error("\n" + textTable(head, rows));
    console.log(JSON.stringify({ cases }));
  });
}
