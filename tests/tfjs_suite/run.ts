/**
 * Runs tfjs-core's own op suite on one engine:
 *
 *     deno run -A tests/tfjs_suite/run.ts [native|cpu|webgpu] [--filter=TEXT] [--least=N] [--bundle=FILE]
 *         [--tiles=gpu|blocks]
 *
 * `--tiles` are those of a GPU, or blocks for every shape, in place of those of the adapter's class.
 *
 * The specs ship with the npm package, but only a bundler can load them; bundle and packages stay in a
 * cache folder; `--bundle` is such a bundle from elsewhere, for a machine without network. Counted apart and named at the end are specs that read tensors synchronously, which WebGPU
 * cannot, specs that contradict others, and kernels that an engine leaves out. The last line is `tfjs-core op
 * suite on <engine>: N passed, N failed, ...`. The exit code is 1 when a spec failed, or fewer than
 * `--least=N` passed.
 *
 * @module
 */

import { fromFileUrl, join, resolve, toFileUrl } from "@std/path";
import { libraryName } from "../../lib/engine/native/platform.ts";
import { findAdapter } from "../../lib/engine/webgpu/adapter.ts";
import { openDevice } from "../../lib/engine/webgpu/device.ts";
import { type Tiles, tilesOf } from "../../lib/engine/webgpu/tiles.ts";
import { smallBlock, tilesWith } from "../engine/webgpu/forms.ts";
import { run } from "../../native/build_support.ts";
import { prebuiltFolder } from "../../native/targets.ts";
import { cacheFolder } from "../cache_folder.ts";
import config from "../../deno.json" with { type: "json" };

const TOOLS = { esbuild: "0.28.2", "jasmine-core": "3.99.0" };

const TILES: Readonly<Record<string, Tiles>> = {
  gpu: tilesOf.gpu,
  blocks: tilesWith(smallBlock, 0),
};

/** What jasmine tells a reporter of one spec. */
interface SpecResult {
  readonly status: "passed" | "failed" | "pending" | "excluded";
  readonly fullName: string;
  readonly failedExpectations: readonly { readonly message: string }[];
}

function versionOf(name: keyof typeof config.imports): string {
  return config.imports[name].split("@").pop()!;
}

/** Installs the packages into the cache folder, unless these versions are there. */
async function install(folder: string): Promise<void> {
  const dependencies = {
    ...TOOLS,
    "@tensorflow/tfjs-core": versionOf("@tensorflow/tfjs-core"),
    "@tensorflow/tfjs-backend-cpu": versionOf("@tensorflow/tfjs-backend-cpu"),
    "deno-std": config.imports["@std/path"].match(/@([\d.]+)\//)![1],
  };
  const wanted = JSON.stringify({ private: true, dependencies });
  const path = join(folder, "package.json");
  if (await Deno.readTextFile(path).catch(() => "") === wanted) return;
  await Deno.mkdir(folder, { recursive: true });
  await run("npm", ["install", "--prefix", folder, "--no-package-lock", ...packages(dependencies)]);
  await Deno.writeTextFile(path, wanted);
}

function packages(dependencies: Record<string, string>): string[] {
  return Object.entries(dependencies).map(([name, version]) => `${name}@${version}`);
}

async function bundle(folder: string): Promise<string> {
  const outfile = join(folder, "suite.cjs");
  await run(join(folder, "node_modules/.bin/esbuild"), [
    fromFileUrl(new URL("entry.ts", import.meta.url)),
    "--bundle",
    // Not a module: one spec assigns to a variable that it never declares.
    "--format=cjs",
    "--main-fields=module,main",
    "--platform=node",
    "--log-level=error",
    // The package declares its tests free of side effects, which would drop them all.
    "--ignore-annotations",
    `--alias:@std/path=deno-std/path/mod.js`,
    '--define:import.meta.url="file:///"',
    `--outfile=${outfile}`,
  ], { NODE_PATH: join(folder, "node_modules") });
  return outfile;
}

function option(name: string): string | undefined {
  return Deno.args.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);
}

const engine = Deno.args.find((argument) => !argument.startsWith("--")) ?? "native";
const filter = option("filter");
const least = Number(option("least") ?? 1);
const cache = cacheFolder("cpcdr-op-suite");
let suite = option("bundle");
if (!suite) {
  await install(cache);
  suite = await bundle(cache);
}
Deno.env.set("TFJS_SUITE_ENGINE", engine);
Deno.env.set("CPCDR_LIBRARY", join(prebuiltFolder(), libraryName("cpu")));

if (engine === "webgpu") {
  const probe = await findAdapter();
  if (!probe.found) throw new Error(probe.reason);
  const tiles = option("tiles");
  if (tiles !== undefined && !(tiles in TILES)) throw new Error(`no such tiles: ${tiles}`);
  Object.assign(globalThis, {
    suiteDevice: await openDevice(probe.found),
    suiteTiles: tiles && TILES[tiles],
  });
}
const { jasmine } = (await import(toFileUrl(resolve(suite)).href)).default;
// A busy machine may take longer than jasmine's five seconds to compile a spec's programs.
jasmine.DEFAULT_TIMEOUT_INTERVAL = 120_000;
const environment = jasmine.getEnv();
environment.configure({
  random: false,
  ...(filter
    ? { specFilter: (spec: { getFullName(): string }) => spec.getFullName().includes(filter) }
    : {}),
});
/** What an engine says that would have to wait for the GPU in the middle of a kernel. */
const SYNCHRONOUS = /read a tensor synchronously|the host does not know the values/;
/** Specs that cannot pass together with another one, and why. */
const CONTRADICTED: Readonly<Record<string, string>> = {
  "gather webgpu {} fills with zero when index is out of bound":
    "another spec wants an error there, which is what this engine gives where the host knows the index",
};
let [passed, failed] = [0, 0];
/** Names of the specs that read synchronously, and how many specs want each kernel that is not there. */
const synchronous: string[] = [];
const contradicted: string[] = [];
const missing = new Map<string, number>();
environment.addReporter({
  specDone(result: SpecResult) {
    if (result.status === "passed") passed++;
    if (result.status !== "failed") return;
    const message = result.failedExpectations[0]?.message.split("\n")[0] ?? "";
    const kernel = message.match(/[Kk]ernel '(\w+)' not registered for backend/)?.[1];
    if (SYNCHRONOUS.test(message)) synchronous.push(result.fullName);
    else if (result.fullName in CONTRADICTED) contradicted.push(result.fullName);
    else if (kernel) missing.set(kernel, (missing.get(kernel) ?? 0) + 1);
    else {
      failed++;
      console.log(`FAILED ${result.fullName}\n  ${message}`);
    }
  },
});
await environment.execute();
for (const name of synchronous) console.log(`READS SYNCHRONOUSLY ${name}`);
for (const name of contradicted) console.log(`CONTRADICTED ${name}: ${CONTRADICTED[name]}`);
for (const [name, count] of missing) console.log(`WITHOUT KERNEL ${name}: ${count} specs`);
const without = [...missing.values()].reduce((sum, count) => sum + count, 0);
console.log(
  `tfjs-core op suite on ${engine}: ${passed} passed, ${failed} failed, ` +
    `${synchronous.length} read synchronously, ${contradicted.length} contradicted, ` +
    `${without} without kernel`,
);
if (passed < least) console.log(`expected at least ${least} passed, got ${passed}`);
Deno.exit(failed > 0 || passed < least ? 1 : 0);
