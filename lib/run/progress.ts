/**
 * What a run says while it works: one live line on a terminal, a line every few seconds elsewhere.
 *
 * @module
 */

import { clock } from "../report/words.ts";

/** Settings of {@linkcode Progress}. */
export interface ProgressOptions {
  /** Leaves out everything but warnings. */
  readonly quiet?: boolean;
  /** Whether the live line can be rewritten. */
  readonly terminal?: boolean;
  /** Milliseconds. */
  readonly now?: () => number;
  /** Bytes of memory that the process holds. */
  readonly memory?: () => number;
  readonly write?: (text: string) => void;
}

const TERMINAL_INTERVAL = 100;
const LINE_INTERVAL = 5000;

/** Writes to stderr, so that stdout is left to results. */
export class Progress {
  readonly #quiet: boolean;
  readonly #terminal: boolean;
  readonly #now: () => number;
  readonly #memory: () => number;
  readonly #write: (text: string) => void;
  /** Where it is computed, as the live line shows it; empty until that is settled. */
  device = "";
  #stage = "";
  #started = 0;
  #first = 0;
  #shown = -Infinity;
  #ended = false;

  constructor(options: ProgressOptions = {}) {
    this.#quiet = options.quiet ?? false;
    this.#terminal = options.terminal ?? Deno.stderr.isTerminal();
    this.#now = options.now ?? (() => performance.now());
    this.#memory = options.memory ?? (() => Deno.memoryUsage().rss);
    this.#write = options.write ??
      ((text) => Deno.stderr.writeSync(new TextEncoder().encode(text)));
  }

  /** One line that stays. */
  say(line: string): void {
    if (!this.#quiet) this.#write(`${this.#terminal ? "\r\x1b[K" : ""}${line}\n`);
  }

  /** A line that stays, and that `quiet` does not leave out. */
  warn(line: string): void {
    this.#write(`${this.#terminal ? "\r\x1b[K" : ""}warning: ${line}\n`);
  }

  /** {@linkcode Progress.update} of one stage, for what reports how far it is. */
  of(stage: string): (done: number, total: number) => void {
    return (done, total) => this.update(stage, done, total);
  }

  /**
   * Shows how far a stage is, where it is computed and the memory in use; rate and remaining time are
   * those since its first report.
   */
  update(stage: string, done: number, total: number, detail = ""): void {
    if (this.#quiet) return;
    const now = this.#now();
    if (stage !== this.#stage) {
      [this.#stage, this.#started, this.#first, this.#shown] = [stage, now, done, -Infinity];
      this.#ended = false;
    }
    if (this.#ended && done >= total) return; // The last line stands already.
    this.#ended = done >= total;
    const interval = this.#terminal ? TERMINAL_INTERVAL : LINE_INTERVAL;
    if (now - this.#shown < interval && done < total) return;
    this.#shown = now;
    const seconds = (now - this.#started) / 1000;
    const rate = (done - this.#first) / seconds;
    const timing = rate > 0 && Number.isFinite(rate)
      ? `  ${rate.toFixed(rate < 10 ? 2 : 1)}/s  ${clock((total - done) / rate)} left`
      : "";
    const place = `${this.device && `${this.device}, `}${megabytes(this.#memory())}`;
    const line = `${stage} ${done}/${total}${timing}${detail && `  ${detail}`}  ${place}`;
    this.#write(this.#terminal ? `\r\x1b[K${line}${done >= total ? "\n" : ""}` : `${line}\n`);
  }
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
