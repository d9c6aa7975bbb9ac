/**
 * Ctrl-C that saves first: the first interrupt asks the training loop to stop after the step it is
 * in, a second one ends the process at once.
 *
 * @module
 */

/** Turns SIGINT and SIGTERM into an abort signal until disposed. */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  readonly #signals: readonly Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM"];
  readonly #listener: () => void;

  /** `onFirst` tells the user that the run saves before it ends. */
  constructor(onFirst: () => void) {
    this.#listener = () => {
      if (this.#controller.signal.aborted) Deno.exit(130);
      onFirst();
      this.#controller.abort();
    };
    for (const signal of this.#signals) Deno.addSignalListener(signal, this.#listener);
  }

  /** Aborted after the first interrupt. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of this.#signals) Deno.removeSignalListener(signal, this.#listener);
  }
}
