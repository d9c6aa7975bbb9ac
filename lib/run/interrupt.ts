/**
 * Ctrl-C that saves first: while a stage trains, the first interrupt asks it to stop after the step that it is in;
 * at any other time, and the second time, it ends the process at once.
 *
 * @module
 */

/** What a shell expects of a process that was interrupted. */
const INTERRUPTED = 130;

/** Listens to SIGINT and SIGTERM until disposed. */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  readonly #signals: readonly Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM"];
  readonly #listener: () => void;
  #saving = false;

  /** `onFirst` tells the user that the run saves before it ends. */
  constructor(onFirst: () => void) {
    this.#listener = () => {
      if (!this.#saving || this.#controller.signal.aborted) Deno.exit(INTERRUPTED);
      onFirst();
      this.#controller.abort();
    };
    for (const signal of this.#signals) Deno.addSignalListener(signal, this.#listener);
  }

  /** Runs what stops by itself, saved, once the signal is aborted. */
  async saving<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#saving = true;
    try {
      return await work(this.#controller.signal);
    } finally {
      this.#saving = false;
    }
  }

  [Symbol.dispose](): void {
    for (const signal of this.#signals) Deno.removeSignalListener(signal, this.#listener);
  }
}
