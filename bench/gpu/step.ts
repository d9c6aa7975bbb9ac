/**
 * Training steps of the contrastive stage on WebGPU: a step of preset `paper` (ResNet-50 with a Panoptic-FPN, 16 mixed
 * images of 384 x 768) beside PyTorch's, then losses of preset `small` beside the CPU engine's.
 *
 *     deno run -A bench/gpu/step.ts [--rounds N]
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { roundsOption } from "../peers/support.ts";

const IMAGES = 16, HEIGHT = 384, WIDTH = 768;
const LARGEST_DIFFERENCE = 1e-3;

interface Figures {
  readonly seconds: number;
  readonly peakGiB: number;
  readonly first?: number;
  readonly accumulate?: number;
  readonly name?: string;
}

const path = (name: string) => fromFileUrl(new URL(name, import.meta.url));

/** The last line of a program's stdout as JSON, or undefined when it fails. Its stderr is kept in the log. */
async function lastLine<T>(command: string, args: string[]): Promise<T | undefined> {
  console.error(`${command} ${args.join(" ")}`);
  try {
    const { success, stdout } = await new Deno.Command(command, { args, stderr: "inherit" })
      .output();
    if (!success) return undefined;
    return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
  } catch (error) {
    console.error(error);
    return undefined;
  }
}

const row = (name: string, { seconds, peakGiB }: Figures, note: string) =>
  console.log(
    `| ${name} | ${(seconds * 1000).toFixed(0)} | ${peakGiB.toFixed(1)} | ${note} |`,
  );

/** Whether losses of the same steps agree on both engines. */
async function compareLosses(): Promise<boolean> {
  const losses: Record<string, number[]> = {};
  for (const device of ["cpu", "webgpu"]) {
    const args = ["run", "-A", path("losses.ts"), device];
    const answer = await lastLine<{ losses: number[] }>(Deno.execPath(), args);
    if (!answer) {
      console.log(`Losses: **failed on ${device}**\n`);
      return false;
    }
    losses[device] = answer.losses;
  }
  const apart = losses.cpu.map((loss, i) => Math.abs(losses.webgpu[i] - loss) / Math.abs(loss));
  const good = apart.every((far) => far <= LARGEST_DIFFERENCE);
  const list = (values: number[]) => values.map((value) => value.toFixed(6)).join(", ");
  console.log(`Losses of the same steps of preset small: ${list(losses.cpu)} on the CPU engine, `);
  console.log(
    `${list(losses.webgpu)} on WebGPU; ${
      apart.map((far) => far.toExponential(1)).join(", ")
    } apart` +
      `${good ? "" : ` (**more than ${LARGEST_DIFFERENCE}**)`}.\n`,
  );
  return good;
}

async function timeOurs(rounds: number, mixed: boolean): Promise<boolean> {
  for (const accumulate of [1, 2, 4]) {
    const options = ["--device", "webgpu", "--rounds", String(rounds)];
    if (mixed) options.push("--mixed");
    const args = [
      "run",
      "-A",
      path("../paper_step.ts"),
      ...options,
      "--accumulate",
      `${accumulate}`,
    ];
    const ours = await lastLine<Figures>(Deno.execPath(), args);
    const precision = mixed ? "float16" : "float32";
    const name = `ours, WebGPU, ${precision}, in ${accumulate} micro-batch${
      accumulate > 1 ? "es" : ""
    }`;
    if (ours) {
      row(name, ours, `the first took ${ours.first!.toFixed(1)} s`);
      return true;
    }
    console.log(`| ${name} | **failed** | | see the log |`);
  }
  return false;
}

async function timeTorch(rounds: number): Promise<boolean> {
  const python = Deno.env.get("CPCDR_PYTHON") ?? "python3";
  const sizes = [IMAGES, 1, HEIGHT, WIDTH, 4].map(String);
  let good = true;
  for (const [name, flags] of [["float32", []], ["TF32", ["--tf32"]], ["bfloat16", ["--amp"]]]) {
    const options = ["--device", "cuda", "--rounds", String(rounds), ...flags];
    const args = ["-B", path("../torch_paper_step.py"), ...sizes, ...options];
    const theirs = await lastLine<Figures>(python, args);
    if (theirs) row(`${theirs.name}, ${name}`, theirs, "cross entropy, no Sinkhorn");
    else console.log(`| PyTorch, ${name} | **failed** | | see the log |`);
    good &&= theirs !== undefined;
  }
  return good;
}

const rounds = roundsOption(3);
console.log("| step of 16 x 384 x 768 | ms | GiB | |\n|---|---|---|---|");
const ours = await timeOurs(rounds, false), mixed = await timeOurs(rounds, true);
const theirs = await timeTorch(rounds);
console.log("");
const agree = await compareLosses();
Deno.exitCode = agree && ours && mixed && theirs ? 0 : 1;
