/**
 * Cases of WebGPU on our engine and on tfjs-backend-webgpu, on the same adapter and the same numbers. Each side runs
 * in a process of its own (webgpu_side.ts), in turns. Both must agree on a number that comes out of each case before
 * it is timed; what fails starts both processes anew.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { TextLineStream } from "@std/streams";
import { CpcdrError, DeviceError } from "../../lib/errors.ts";
import { takeTurns } from "./support.ts";
import type { WebGpuCase } from "./webgpu_cases.ts";

/** Who is compared with. */
export const PEER = "tfjs-backend-webgpu 4.22.0";
const WARM_UP = 2, TOLERANCE = 1e-3;
/** How long a side may take for an answer, and rounds of a whole step. */
const SECONDS = 40, MOST_STEPS = 3;
/**
 * How long a round shall at least last: a wait for the GPU alone takes Deno 10 ms and more, and a card that was idle takes
 * some tens until its clock is up.
 */
const ROUND_SECONDS = 0.2, MOST_REPEATS = 2000;

/** Seconds of both sides, NaN where there are none, and why that is or why they do not count. */
export interface Compared {
  readonly case: WebGpuCase;
  readonly ours: number;
  readonly peer: number;
  readonly failure?: string;
}

interface Answer {
  readonly seconds: number;
  readonly check: number;
}

/** A process of webgpu_side.ts. */
class Side implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: ReadableStreamDefaultReader<string>;

  constructor(readonly name: "ours" | "peer") {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", fromFileUrl(new URL("webgpu_side.ts", import.meta.url)), name],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader() as ReadableStreamDefaultReader<string>;
  }

  /** The next answer; the peer prints a greeting before it. @throws {DeviceError} when the process ends instead. */
  async #read(): Promise<Answer> {
    for (;;) {
      const { value, done } = await this.#lines.read();
      if (done) {
        throw new DeviceError(
          `Cannot go on with ${this.name}: expected an answer, got the end of its process after ` +
            `${SECONDS} s at most; its own message is above`,
        );
      }
      if (value.startsWith('{"seconds"')) return JSON.parse(value);
    }
  }

  /** Seconds of one of `repeat` runs. A process that does not answer in time is ended. */
  async run(one: WebGpuCase, repeat: number): Promise<Answer> {
    const limit = setTimeout(() => this.#process.kill("SIGKILL"), SECONDS * 1000);
    try {
      const request = JSON.stringify({ case: one, repeat }) + "\n";
      await this.#writer.write(new TextEncoder().encode(request));
      return await this.#read();
    } finally {
      clearTimeout(limit);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#lines.cancel();
    await this.#process.status;
  }
}

/** Runs the cases one after the other. */
export async function* compareCases(
  cases: readonly WebGpuCase[],
  rounds: number,
): AsyncGenerator<Compared> {
  const left = [...cases];
  while (left.length > 0) {
    await using ours = new Side("ours");
    await using peer = new Side("peer");
    for (let one = left.shift(); one; one = left.shift()) {
      try {
        yield { case: one, ...await compareOne(one, rounds, ours, peer) };
      } catch (error) {
        if (!(error instanceof CpcdrError || error instanceof TypeError)) throw error;
        yield { case: one, ours: NaN, peer: NaN, failure: error.message };
        break;
      }
    }
  }
}

/** How often a side has to run for a round of some length, found by doubling; each side has its own speed. */
async function repeatsOf(side: Side, one: WebGpuCase): Promise<number> {
  for (let repeat = 1;; repeat = Math.min(MOST_REPEATS, 2 * repeat)) {
    const { seconds } = await side.run(one, repeat);
    if (repeat * seconds >= ROUND_SECONDS || repeat === MOST_REPEATS) return repeat;
  }
}

async function compareOne(one: WebGpuCase, rounds: number, ours: Side, peer: Side) {
  let failure: string | undefined;
  for (let round = 0; round < WARM_UP; round++) {
    const [a, b] = [await ours.run(one, 1), await peer.run(one, 1)];
    // From the second step on rounding grows: Adam's first steps divide by their own size.
    if (one.kind === "step" && round > 0) continue;
    if (Math.abs(a.check - b.check) <= TOLERANCE * (1 + Math.abs(b.check))) continue;
    failure = `the results are ${a.check} here and ${b.check} there`;
  }
  const sides: (() => Promise<number>)[] = [];
  for (const side of [ours, peer]) {
    const repeat = await repeatsOf(side, one);
    sides.push(async () => (await side.run(one, repeat)).seconds);
  }
  const enough = one.kind === "step" ? Math.min(rounds, MOST_STEPS) : rounds;
  const [seconds, theirs] = await takeTurns(enough, sides);
  return { ours: seconds, peer: theirs, failure };
}
