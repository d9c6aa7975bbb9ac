/** The module as somebody has it who imports it from a package server: no checkout, an empty home. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { libraryName, PLATFORM } from "../../lib/engine/native/platform.ts";
import { SHIPS_HERE } from "../../lib/engine/native/shipped.ts";
import { inTemporary } from "../data/files.ts";
import { type PackageServer, servePackage } from "./server.ts";

const LIBRARY = `native/prebuilt/${PLATFORM}/${libraryName("cpu")}`;

/** A test on the platform that a library ships for. */
function packageTest(name: string, work: (server: PackageServer, home: string) => Promise<void>) {
  Deno.test({
    name: SHIPS_HERE ? name : `${name} (ignored: no library ships for this platform)`,
    ignore: !SHIPS_HERE,
    fn: () =>
      inTemporary(async (home) => {
        await using server = await servePackage();
        await work(server, home);
      }),
  });
}

/** The packages from npm of this process, so that a fresh home does not fetch them again. */
async function npmCache(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).npmCache;
}

/** What the program prints, beside its lines on stderr that are not of downloads. */
interface Outcome {
  readonly engine: string;
  readonly product: number[];
  readonly labels: number[];
  readonly cosine: number;
  readonly lines: string[];
}

/** Imports the module in a fresh process and runs a product, labelling and similarity. */
async function use(server: PackageServer, home: string, more: Use = {}): Promise<Outcome> {
  const { permissions = ["--allow-all"], env = {} } = more;
  const program = join(home, "program.ts"), cache = join(home, "deno");
  await Deno.mkdir(cache, { recursive: true });
  await Deno.symlink(await npmCache(), join(cache, "npm")).catch(() => {});
  await Deno.writeTextFile(
    program,
    `
    import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
    import { connectedComponents, similarity, useDevice } from "${server.url}mod.ts";
    const { engine } = await useDevice("cpu", { threads: 1 });
    const product = tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5], [6]]));
    const map = new Float32Array([1, 1, 5]);
    const { labels } = connectedComponents(map, [1, 1, 3], { connectivity: 4, maxJump: 1 });
    const rows = [[3, 4], [4, 3]].map((row) => Float32Array.from(row));
    const [cosine] = similarity(rows[0], rows[1], { dimension: 2, kind: "cosine" });
    console.log(JSON.stringify({
      engine, product: [...await product.data()], labels: [...labels], cosine,
    }));`,
  );
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--no-lock", "--no-prompt", ...permissions, program],
    env: {
      HOME: home,
      LOCALAPPDATA: join(home, ".cache"),
      DENO_DIR: cache,
      NO_COLOR: "1",
      XDG_CACHE_HOME: "",
      ...env,
    },
    cwd: home,
  }).output();
  const said = new TextDecoder().decode(stderr).trim();
  const lines = said.split("\n").filter((line) => line && !/^(Download|Warning)/.test(line));
  const [last] = new TextDecoder().decode(stdout).trim().split("\n").slice(-1);
  assert(last, said);
  return { ...JSON.parse(last), lines };
}

interface Use {
  readonly permissions?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Expects the right answers, whoever computes. */
function assertWorks({ product, labels, cosine }: Outcome): void {
  assertEquals([product, labels], [[17, 39], [0, 0, 1]]);
  assert(Math.abs(cosine - 0.96) < 1e-6, String(cosine));
}

/** Expects the TypeScript engine and one line that holds these parts. */
function assertFallsBack(outcome: Outcome, ...parts: readonly string[]): void {
  assertWorks(outcome);
  assertEquals([outcome.engine, outcome.lines.length], ["tfjs-cpu", 1], outcome.lines.join("\n"));
  for (const part of parts) assertStringIncludes(outcome.lines[0], part);
}

const fetches = ({ asked }: PackageServer) => asked.filter((path) => path === LIBRARY).length;

packageTest(
  "the published module fetches its library once, and finds it after that",
  async (server, home) => {
    const first = await use(server, home);
    assertWorks(first);
    assertEquals([first.engine, first.lines, fetches(server)], ["native", [], 1]);
    const folder = join(home, ".cache", "cpcdr");
    const [entry] = [...Deno.readDirSync(folder)];
    const file = join(folder, entry.name, libraryName("cpu"));
    assertEquals(
      [...Deno.readDirSync(join(folder, entry.name))].length,
      1,
      "no temporary file stays",
    );

    server.override = (path) =>
      path === LIBRARY ? new Response("gone", { status: 404 }) : undefined;
    const second = await use(server, home);
    assertWorks(second);
    assertEquals([second.engine, second.lines, fetches(server)], ["native", [], 1]);

    // A damaged copy is not opened but fetched again.
    await Deno.writeFile(file, (await Deno.readFile(file)).slice(0, 1000));
    assertFallsBack(await use(server, home), "Cannot fetch", LIBRARY, "404");
    server.override = () => undefined;
    assertEquals((await use(server, home)).engine, "native");
  },
);

packageTest(
  "the published module uses no library that is not the one it was built with",
  async (server, home) => {
    const bytes = await Deno.readFile(new URL(`../../${LIBRARY}`, import.meta.url));
    bytes[Math.floor(Math.random() * bytes.length)] ^= 1;
    server.override = (path) => path === LIBRARY ? new Response(bytes) : undefined;
    assertFallsBack(await use(server, home), "expected SHA-256", LIBRARY);
    assertEquals(await Deno.stat(join(home, ".cache", "cpcdr")).catch(() => "none"), "none");
  },
);

packageTest(
  "the published module says in one line that it may not fetch, or keep, its library",
  async (server, home) => {
    const most = [`--allow-import=${server.host}`, "--allow-read", "--allow-ffi", "--allow-env"];
    assertFallsBack(
      await use(server, home, { permissions: [...most, `--allow-write=${home}`] }),
      `--allow-net=${server.host}`,
    );
    const net = `--allow-net=${server.host}`;
    assertFallsBack(
      await use(server, home, { permissions: [...most, net] }),
      "Cannot keep the native library",
    );
    // A file where the cache should be stands for what cannot be written.
    await Deno.writeTextFile(join(home, "file"), "");
    const refused = await use(server, home, { env: { XDG_CACHE_HOME: join(home, "file") } });
    assertFallsBack(refused, "Cannot keep the native library", "XDG_CACHE_HOME");
  },
);
