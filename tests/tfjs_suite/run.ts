/**
 * Runs tfjs-core's own op suite on one engine:
 *
 *     deno run -A tests/tfjs_suite/run.ts [native|cpu|webgpu] [--filter=TEXT]
 *
 * The specs ship with the npm package, but only a bundler can load them; bundle and packages stay in a
 * cache folder. Specs that failed because they read tensors synchronously, which WebGPU cannot, or use
 * kernels that an engine leaves out are counted apart. The last line is `tfjs-core op suite on <engine>:
 * N passed, N failed, N read synchronously, N without kernel`; exit code 1 when a spec failed.
 *
 * @module
 */

import { fromFileUrl, join } from "@std/path";
import { findAdapter } from "../../lib/engine/webgpu/adapter.ts";
import { openDevice } from "../../lib/engine/webgpu/device.ts";
import config from "../../deno.json" with { type: "json" };

const TOOLS = { esbuild: "0.28.2", "jasmine-core": "3.99.0" };

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

async function run(command: string, args: string[], env: Record<string, string> = {}) {
  const output = await new Deno.Command(command, { args, env }).output();
  if (output.success) return;
  throw new Error(`${command} failed\n${new TextDecoder().decode(output.stderr)}`);
}

const engine = Deno.args.find((argument) => !argument.startsWith("--")) ?? "native";
const filter = Deno.args.find((argument) => argument.startsWith("--filter="))?.slice(9);
const cache = join(
  Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? ".", ".cache"),
  "cpcdr-op-suite",
);
await install(cache);
const suite = await bundle(cache);
Deno.env.set("TFJS_SUITE_ENGINE", engine);
Deno.env.set(
  "CPCDR_LIBRARY",
  fromFileUrl(
    new URL(
      `../../native/prebuilt/${Deno.build.os}-${Deno.build.arch}/libcpcdr_cpu.so`,
      import.meta.url,
    ),
  ),
);

if (engine === "webgpu") {
  const probe = await findAdapter();
  if (!probe.found) throw new Error(probe.reason);
  Object.assign(globalThis, { suiteDevice: await openDevice(probe.found) });
}
const { jasmine } = (await import(`file://${suite}`)).default;
const environment = jasmine.getEnv();
environment.configure({
  random: false,
  ...(filter
    ? { specFilter: (spec: { getFullName(): string }) => spec.getFullName().includes(filter) }
    : {}),
});
let [passed, failed, synchronous, missing] = [0, 0, 0, 0];
environment.addReporter({
  specDone(result: SpecResult) {
    if (result.status === "passed") passed++;
    if (result.status !== "failed") return;
    const message = result.failedExpectations[0]?.message.split("\n")[0] ?? "";
    let verdict = "FAILED";
    if (message.includes("read a tensor synchronously")) {
      verdict = "READS SYNCHRONOUSLY";
      synchronous++;
    } else if (message.includes("not registered for backend")) {
      verdict = "WITHOUT KERNEL";
      missing++;
    } else failed++;
    console.log(`${verdict} ${result.fullName}\n  ${message}`);
  },
});
await environment.execute();
console.log(
  `tfjs-core op suite on ${engine}: ${passed} passed, ${failed} failed, ` +
    `${synchronous} read synchronously, ${missing} without kernel`,
);
Deno.exit(failed > 0 || passed === 0 ? 1 : 0);
