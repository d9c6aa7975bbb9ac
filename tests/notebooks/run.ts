/**
 * Runs the notebooks in Jupyter with Deno's kernel, cell by cell as a reader would:
 *
 *     deno run -A tests/notebooks/run.ts [notebook...]
 *
 * It needs `jupyter nbconvert` (Debian: jupyter-nbconvert jupyter-client python3-ipykernel), and so is no part of
 * `deno test`. A notebook passes when no cell ends in an error and every cell that ends in `show...` displays a
 * picture or a page; it also has to be committed without outputs. The last line is `N passed, N failed`.
 *
 * @module
 */

import { basename, fromFileUrl, join } from "@std/path";

const FOLDER = fromFileUrl(new URL("../../notebooks/", import.meta.url));
const CONFIG = fromFileUrl(new URL("nbconvert_config.py", import.meta.url));

/** What nbformat 4 says of a cell, as far as it is looked at. */
interface Cell {
  readonly cell_type: "code" | "markdown" | "raw";
  readonly source: string | readonly string[];
  readonly execution_count?: number | null;
  readonly outputs?: readonly Output[];
}

interface Output {
  readonly output_type: "display_data" | "execute_result" | "stream" | "error";
  readonly data?: Readonly<Record<string, unknown>>;
  readonly ename?: string;
  readonly evalue?: string;
}

interface Notebook {
  readonly nbformat: number;
  readonly metadata: { readonly kernelspec?: { readonly name: string } };
  readonly cells: readonly Cell[];
}

async function readNotebook(path: string): Promise<Notebook> {
  return JSON.parse(await Deno.readTextFile(path));
}

function codeOf({ cells }: Notebook): Cell[] {
  return cells.filter(({ cell_type }) => cell_type === "code");
}

/** Complaints about a notebook as it is committed. */
function checkSource(notebook: Notebook): string[] {
  const complaints: string[] = [];
  const kernel = notebook.metadata.kernelspec?.name;
  if (notebook.nbformat !== 4) complaints.push(`expected nbformat 4, got ${notebook.nbformat}`);
  if (kernel !== "deno") complaints.push(`expected kernel deno, got ${kernel}`);
  codeOf(notebook).forEach(({ outputs, execution_count }, i) => {
    if (outputs?.length || execution_count) {
      complaints.push(`cell ${i + 1} is committed with outputs`);
    }
  });
  return complaints;
}

/** Complaints about a notebook that has run. */
function checkOutputs(notebook: Notebook): string[] {
  return codeOf(notebook).flatMap(({ source, outputs = [], execution_count }, i) => {
    const complaints = outputs.filter(({ output_type }) => output_type === "error")
      .map(({ ename, evalue }) => `cell ${i + 1} ended in ${ename}: ${evalue}`);
    if (!execution_count) complaints.push(`cell ${i + 1} did not run`);
    if (promisesPicture(source) && !outputs.some(isPicture)) {
      complaints.push(`cell ${i + 1} shows nothing`);
    }
    return complaints;
  });
}

/** True when the last statement of a cell, the first on its last unindented line, is a call of `show...`. */
function promisesPicture(source: Cell["source"]): boolean {
  const lines = [source].flat().join("").trimEnd().split("\n");
  const last = lines.findLast((line) => /^\w/.test(line));
  return last !== undefined && /^show\w*\(/.test(last);
}

function isPicture({ data = {} }: Output): boolean {
  return "image/png" in data || "text/html" in data;
}

/** A folder in which Jupyter finds the kernel of this very Deno; nothing is installed for the user. */
async function writeKernel(folder: string): Promise<void> {
  const kernel = join(folder, "kernels", "deno");
  await Deno.mkdir(kernel, { recursive: true });
  const argv = [Deno.execPath(), "jupyter", "--kernel", "--conn", "{connection_file}"];
  const spec = { argv, display_name: "Deno", language: "typescript" };
  await Deno.writeTextFile(join(kernel, "kernel.json"), JSON.stringify(spec));
}

/** Runs one notebook; answers complaints. */
async function execute(path: string, folder: string): Promise<string[]> {
  const complaints = checkSource(await readNotebook(path));
  const command = new Deno.Command("jupyter", {
    args: [
      "nbconvert",
      "--to=notebook",
      "--execute",
      "--allow-errors",
      `--config=${CONFIG}`,
      `--output-dir=${folder}`,
      path,
    ],
    env: { JUPYTER_PATH: folder, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
  const { success, stderr } = await command.output().catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error("Cannot run notebooks: expected jupyter, got none; install jupyter-nbconvert");
  });
  if (!success) return [...complaints, new TextDecoder().decode(stderr).trim()];
  return [...complaints, ...checkOutputs(await readNotebook(join(folder, basename(path))))];
}

async function notebooks(): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(FOLDER));
  return entries.map(({ name }) => name).filter((name) => name.endsWith(".ipynb")).sort()
    .map((name) => join(FOLDER, name));
}

if (import.meta.main) {
  const folder = await Deno.makeTempDir({ prefix: "notebooks-" });
  let passed = 0, failed = 0;
  try {
    await writeKernel(folder);
    for (const path of Deno.args.length > 0 ? Deno.args : await notebooks()) {
      const start = performance.now();
      const complaints = await execute(path, folder);
      const seconds = ((performance.now() - start) / 1000).toFixed(0);
      complaints.length === 0 ? passed++ : failed++;
      console.log(`${basename(path)}: ${complaints.length ? "FAILED" : "ok"}, ${seconds} s`);
      for (const complaint of complaints) console.log(`  ${complaint}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0 || passed === 0) Deno.exit(1);
}
