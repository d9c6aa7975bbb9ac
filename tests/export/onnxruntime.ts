/**
 * Runs an ONNX model by onnxruntime-node, in a process of its own:
 *
 *     deno run -A --no-config --no-lock tests/export/onnxruntime.ts MODEL INPUTS OUTPUTS
 *
 * INPUTS is a safetensors file of image batches by any name; OUTPUTS gets `<name>/<output>`. The package is
 * of 290 megabytes, and whatever the lock file names is downloaded by everyone who runs the command line.
 * So it is in no lock file and in no graph of modules: only this process knows of it.
 */
import type { StateDict } from "../../lib/nn/parameters.ts";
import { decodeSafetensors, encodeSafetensors } from "../../lib/run/storage/safetensors.ts";

const PACKAGE = "npm:onnxruntime-node@1.30.0";

interface Value {
  readonly dims: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** What is used of the package. */
interface Runtime {
  readonly InferenceSession: {
    create(path: string): Promise<{
      run(inputs: Record<string, Value>): Promise<Record<string, Value>>;
    }>;
  };
  readonly Tensor: new (
    type: "float32",
    data: ArrayLike<number>,
    dims: readonly number[],
  ) => Value;
}

if (import.meta.main) {
  const [model, inputs, outputs] = Deno.args;
  const { InferenceSession, Tensor }: Runtime = await import(PACKAGE);
  const session = await InferenceSession.create(model);
  const tensors: StateDict = new Map();
  for (const [name, batch] of decodeSafetensors(await Deno.readFile(inputs), inputs).tensors) {
    const images = new Tensor("float32", batch.data, batch.shape);
    for (const [output, { dims, data }] of Object.entries(await session.run({ images }))) {
      tensors.set(`${name}/${output}`, { dtype: "F32", shape: [...dims], data });
    }
  }
  await Deno.writeFile(outputs, encodeSafetensors({ tensors, metadata: {} }));
}
