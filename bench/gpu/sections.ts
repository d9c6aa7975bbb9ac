/**
 * The sections of the report: what runs, for how long at most, and which of its lines are shown.
 *
 * @module
 */

/** A section, a process. */
export interface Section {
  readonly name: string;
  readonly title: string;
  /** Deno itself by default. */
  readonly command?: string;
  /** `{rounds}` and `{suite}` are put in. */
  readonly args: readonly string[];
  /** Limit of time. */
  readonly seconds: number;
  /** Nothing runs beside it, for it measures. */
  readonly alone: boolean;
  /** Runs only where `--only` names it. */
  readonly optional?: boolean;
  /** The lines of stdout that go into the report; all of them by default. */
  readonly show?: RegExp;
}

const run = (script: string, ...args: string[]) => ["run", "-A", `bench/${script}`, ...args];

/** In the order of the report: the quick and the important first. */
export const SECTIONS: readonly Section[] = [
  {
    name: "machine",
    title: "Machine",
    args: run("gpu/machine.ts"),
    seconds: 30,
    alone: true,
  },
  {
    name: "cuda",
    title: "CUDA library",
    args: run("gpu/cuda.ts", "--rounds", "{rounds}"),
    seconds: 100,
    alone: true,
  },
  {
    name: "kernels",
    title: "Kernels of the CUDA library",
    args: run("gpu/kernels.ts"),
    seconds: 40,
    alone: true,
  },
  {
    // Writes the engine's table anew, so that what follows is measured with it.
    name: "tune",
    title: "Tiles of the WebGPU engine",
    args: run("tune.ts", "--seconds", "90"),
    seconds: 150,
    alone: true,
    optional: true,
  },
  {
    name: "webgpu",
    title: "WebGPU engine beside tfjs-backend-webgpu and PyTorch",
    args: run("gpu/webgpu.ts", "--rounds", "3"),
    seconds: 120,
    alone: true,
  },
  {
    name: "step",
    title: "Training step of preset paper",
    args: run("gpu/step.ts", "--rounds", "3"),
    seconds: 130,
    alone: true,
  },
  {
    name: "memcheck",
    title: "compute-sanitizer memcheck",
    args: run("gpu/sanitize.ts", "memcheck"),
    seconds: 100,
    alone: false,
  },
  {
    name: "racecheck",
    title: "compute-sanitizer racecheck",
    args: run("gpu/sanitize.ts", "racecheck"),
    seconds: 100,
    alone: false,
  },
  {
    name: "tests",
    title: "Tests of the WebGPU engine",
    args: ["test", "-A", "--no-check", "tests/engine/webgpu"],
    seconds: 100,
    alone: false,
    show: /FAILED|error:|passed \|/,
  },
  {
    name: "suite",
    title: "tfjs-core's op suite on WebGPU",
    args: ["run", "-A", "--no-check", "tests/tfjs_suite/run.ts", "webgpu", "{suite}"],
    seconds: 100,
    alone: false,
    show: /FAILED|op suite on/,
  },
];
