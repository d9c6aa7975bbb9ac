/**
 * Where a step's time goes, kernel by kernel.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { textTable } from "../../lib/run/table.ts";

/** Lines of the table, the longest first. */
const LINES = 24;
const RUNS = 3;
/** Inputs of a kernel that are named: an optimiser has hundreds. */
const INPUTS = 4;

/** A table of kernels by their share of the time of `step`, and what is spent between kernels. */
export async function profile(step: () => unknown): Promise<string> {
  // Otherwise tfjs reads every output, and what is read leaves the pool.
  tf.env().set("CHECK_COMPUTATION_FOR_ERRORS", false);
  const spent = new Map<string, { calls: number; milliseconds: number }>();
  let whole = 0;
  for (let run = 0; run < RUNS; run++) {
    const started = performance.now();
    let elapsed = 0;
    const { kernels } = await tf.profile(() => {
      step();
      elapsed = performance.now() - started;
    });
    whole += elapsed;
    for (const { name, kernelTimeMs, inputShapes, outputShapes } of kernels) {
      // A custom gradient's forward pass is listed too, on top of the kernels in it.
      if (!tf.getKernel(name, tf.getBackend())) continue;
      const inputs = inputShapes.filter((shape) => shape).map((shape) => `[${shape}]`);
      const rest = inputs.splice(INPUTS).length;
      if (rest > 0) inputs.push(`and ${rest} more`);
      const key = `${name}|${inputs.join(" ")} -> [${outputShapes[0] ?? ""}]`;
      for (const line of [`${name}|`, key]) {
        const sum = spent.get(line) ?? { calls: 0, milliseconds: 0 };
        sum.calls++;
        sum.milliseconds += Number(await kernelTimeMs);
        spent.set(line, sum);
      }
    }
  }
  return tables(spent, whole);
}

function tables(
  spent: ReadonlyMap<string, { calls: number; milliseconds: number }>,
  whole: number,
): string {
  const row = (label: string, calls: number, milliseconds: number) => [
    label,
    (calls / RUNS).toFixed(0),
    (milliseconds / RUNS).toFixed(2),
    (100 * milliseconds / whole).toFixed(1),
  ];
  const table = (lines: [string, { calls: number; milliseconds: number }][]) =>
    lines.sort((a, b) => b[1].milliseconds - a[1].milliseconds).slice(0, LINES)
      .map(([key, { calls, milliseconds }]) =>
        row(key.replace("|", " ").trim(), calls, milliseconds)
      );
  const byName = [...spent].filter(([key]) => key.endsWith("|"));
  const inKernels = byName.reduce((sum, [, { milliseconds }]) => sum + milliseconds, 0);
  const head = ["kernel", "calls", "ms", "%"];
  return [
    textTable(head, [
      ...table(byName),
      row("between kernels", 0, whole - inKernels),
      row("step", RUNS, whole),
    ]),
    textTable(head, table([...spent].filter(([key]) => !key.endsWith("|")))),
  ].join("\n\n");
}
