/**
 * Our WebGPU engine and tfjs-backend-webgpu on the same adapter: matrix products, the models'
 * convolutions, and a whole training step.
 *
 *     deno run -A bench/peers/webgpu.ts [--rounds N]
 *
 * Each side runs in a process of its own (webgpu_side.ts) on the same numbers, in turns. Both must agree
 * on a number that comes out of each case before it is timed.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { TextLineStream } from "@std/streams";
import { DeviceError } from "../../lib/errors.ts";
import { type Case, compared, roundsOption, runPeerBench, takeTurns } from "./support.ts";

const ROUNDS = 7, WARM_UP = 2, TOLERANCE = 1e-3;
const PEER = "tfjs-backend-webgpu 4.22.0";

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

  /** The next line that is JSON: the peer greets. @throws {DeviceError} when the process ends instead. */
  async read<T>(): Promise<T> {
    for (;;) {
      const { value, done } = await this.#lines.read();
      if (done) {
        throw new DeviceError(
          `Cannot go on with ${this.name}: expected an answer, got the end of its process; ` +
            "its own message is above",
        );
      }
      if (value.startsWith("{")) return JSON.parse(value);
    }
  }

  async run(name: string): Promise<Answer> {
    await this.#writer.write(new TextEncoder().encode(JSON.stringify({ case: name }) + "\n"));
    return await this.read();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#lines.cancel();
    await this.#process.status;
  }
}

async function main(): Promise<Case[]> {
  const rounds = roundsOption(ROUNDS);
  await using ours = new Side("ours");
  await using peer = new Side("peer");
  const { cases } = await ours.read<{ cases: string[] }>();
  await peer.read();
  const results: Case[] = [];
  for (const name of cases) {
    for (let round = 0; round < WARM_UP; round++) {
      const [a, b] = [await ours.run(name), await peer.run(name)];
      if (Math.abs(a.check - b.check) <= TOLERANCE * (1 + Math.abs(b.check))) continue;
      throw new DeviceError(
        `Cannot compare ${name}: expected the same result, got ${a.check} here and ${b.check} there`,
      );
    }
    const sides = [ours, peer].map((side) => async () => (await side.run(name)).seconds);
    const [seconds, theirs] = await takeTurns(rounds, sides);
    const result = compared(name, "s", seconds, theirs, PEER);
    console.error(`${name}: ${result.ratio.toFixed(2)}`);
    results.push(result);
  }
  return results;
}

if (import.meta.main) await runPeerBench(main);
