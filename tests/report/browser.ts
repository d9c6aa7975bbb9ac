/**
 * A headless Chromium, spoken to by its DevTools protocol.
 *
 * @module
 */

/** A message of the protocol: an answer has an id, an event a method. */
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** Names that distributions give to the program; `CHROMIUM` in the environment comes first. */
const PROGRAMS = ["chromium", "chromium-browser", "google-chrome", "chrome"];

const START_SECONDS = 60;

/** A browser with one page. */
export class Browser implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #socket: WebSocket;
  readonly #profile: string;
  readonly #waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  #session: string | undefined;
  #id = 0;
  /** All events so far. */
  readonly events: { readonly method: string; readonly params: Record<string, unknown> }[] = [];

  private constructor(process: Deno.ChildProcess, socket: WebSocket, profile: string) {
    [this.#process, this.#socket, this.#profile] = [process, socket, profile];
    socket.addEventListener("message", ({ data }) => this.#receive(JSON.parse(data)));
  }

  /** Starts the program and opens an empty page. @throws {Error} where there is none. */
  static async start(): Promise<Browser> {
    const profile = await Deno.makeTempDir();
    const process = await launch(profile);
    const socket = new WebSocket(await address(process.stderr));
    await new Promise((open, fail) => {
      socket.onopen = open;
      socket.onerror = fail;
    });
    const browser = new Browser(process, socket, profile);
    const { targetId } = await browser.send("Target.createTarget", { url: "about:blank" });
    const attached = await browser.send("Target.attachToTarget", { targetId, flatten: true });
    browser.#session = attached.sessionId as string;
    for (const domain of ["Page", "Runtime", "Network", "Log"]) {
      await browser.send(`${domain}.enable`);
    }
    return browser;
  }

  /** One command of the protocol and its answer. */
  async send(method: string, params: Record<string, unknown> = {}) {
    const id = ++this.#id;
    const waiting = Promise.withResolvers<Record<string, unknown>>();
    this.#waiting.set(id, waiting);
    const sessionId = this.#session;
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) }));
    return await waiting.promise;
  }

  /** Loads a page to its end; earlier events are forgotten. */
  async open(url: string): Promise<void> {
    this.events.length = 0;
    await this.send("Page.navigate", { url });
    while (!this.events.some(({ method }) => method === "Page.loadEventFired")) {
      await new Promise((wake) => setTimeout(wake, 20));
    }
  }

  /** The value of an expression in the page; promises are awaited. */
  async evaluate<T>(expression: string): Promise<T> {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", options);
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  }

  /** Presses and releases a key. */
  async press(key: string, modifiers = 0): Promise<void> {
    const codes: Record<string, number> = { Tab: 9, ArrowLeft: 37, ArrowRight: 39, ArrowDown: 40 };
    const common = { key, code: key, windowsVirtualKeyCode: codes[key], modifiers };
    await this.send("Input.dispatchKeyEvent", { type: "rawKeyDown", ...common });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...common });
  }

  /** Presses the mouse at one place and lets go at another, in pixels of the window. */
  async drag(from: readonly [number, number], to: readonly [number, number]): Promise<void> {
    const event = (type: string, [x, y]: readonly [number, number], buttons: number) =>
      this.send("Input.dispatchMouseEvent", { type, x, y, buttons, button: "left", clickCount: 1 });
    await event("mousePressed", from, 1);
    await event("mouseMoved", to, 1);
    await event("mouseReleased", to, 0);
  }

  /** Sets the window's size and the reader's preferred colours, on a screen or in print. */
  async look(
    width: number,
    height: number,
    scheme: "light" | "dark",
    media: "" | "print" = "",
  ): Promise<void> {
    const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 600 };
    await this.send("Emulation.setDeviceMetricsOverride", metrics);
    const features = [{ name: "prefers-color-scheme", value: scheme }];
    await this.send("Emulation.setEmulatedMedia", { media, features });
  }

  /** A PNG of the window, or of the whole page. */
  async screenshot(whole = false): Promise<Uint8Array> {
    const options = { format: "png", captureBeyondViewport: whole };
    const { data } = await this.send("Page.captureScreenshot", options);
    return Uint8Array.from(atob(data as string), (c) => c.charCodeAt(0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session = undefined;
    await this.send("Browser.close");
    await this.#process.status;
    this.#socket.close();
    await Deno.remove(this.#profile, { recursive: true }).catch(() => {});
  }

  #receive({ id, method, params, result, error }: Message): void {
    if (id === undefined) return void this.events.push({ method: method!, params: params ?? {} });
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result ?? {});
  }
}

async function launch(profile: string): Promise<Deno.ChildProcess> {
  const args = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    `--user-data-dir=${profile}`,
    "--remote-debugging-port=0",
    "about:blank",
  ];
  const wished = Deno.env.get("CHROMIUM");
  for (const program of wished ? [wished] : PROGRAMS) {
    try {
      return new Deno.Command(program, { args, stdout: "null", stderr: "piped" }).spawn();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  await Deno.remove(profile);
  throw new Error(
    `Cannot look at the report: expected one of ${PROGRAMS.join(", ")}, got none; install chromium`,
  );
}

/** Where the browser listens, which it says on stderr; goes on emptying the pipe. */
async function address(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stderr.pipeThrough(new TextDecoderStream()).getReader();
  const late = setTimeout(() => reader.cancel(), 1000 * START_SECONDS);
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      throw new Error(`Cannot start the browser: expected its address on stderr, got: ${text}`);
    }
    text += value;
    const found = text.match(/DevTools listening on (ws:\S+)/);
    if (!found) continue;
    clearTimeout(late);
    (async () => {
      while (!(await reader.read()).done);
    })();
    return found[1];
  }
}
