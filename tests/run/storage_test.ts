import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { CheckpointError, StorageError, TrainingError } from "../../lib/errors.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";
import { writeAtomically } from "../../lib/run/storage/atomic.ts";
import {
  checkpointPath,
  loadCheckpoint,
  saveCheckpoint,
} from "../../lib/run/storage/checkpoint.ts";
import { MetricsLog } from "../../lib/run/storage/metrics_log.ts";
import { decodeSafetensors, encodeSafetensors } from "../../lib/run/storage/safetensors.ts";
import { succeeds } from "../../native/build_support.ts";

function randomState(): StateDict {
  const state: StateDict = new Map();
  for (let k = 0; k < 5; k++) {
    const shape = Array.from({ length: k }, () => 1 + Math.floor(Math.random() * 4));
    const size = shape.reduce((product, extent) => product * extent, 1);
    const data = k % 2
      ? Float32Array.from({ length: size }, () => Math.random() - 0.5)
      : Int32Array.from({ length: size }, () => Math.floor(Math.random() * 1e9));
    state.set(`layer${k}.weight`, { dtype: k % 2 ? "F32" : "I32", shape, data });
  }
  return state;
}

async function inTemporary(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("decodeSafetensors() reads back what was encoded", () => {
  const tensors = randomState();
  const decoded = decodeSafetensors(encodeSafetensors({ tensors, metadata: { step: "7" } }), "x");
  assertEquals(decoded, { tensors, metadata: { step: "7" } });
});

Deno.test("encodeSafetensors() writes the published layout", () => {
  const data = Float32Array.of(1, 2);
  const bytes = encodeSafetensors({
    tensors: new Map([["a", { dtype: "F32", shape: [2], data }]]),
    metadata: {},
  });
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  assertEquals(header.a, { dtype: "F32", shape: [2], data_offsets: [0, 8] });
  assertEquals(length % 8, 0);
  assertEquals(new Float32Array(bytes.slice(8 + length).buffer), data);
});

Deno.test("decodeSafetensors() refuses every truncation of a file by name", () => {
  const bytes = encodeSafetensors({ tensors: randomState(), metadata: {} });
  for (let length = 0; length < bytes.length; length += 1 + Math.floor(Math.random() * 20)) {
    assertThrows(
      () => decodeSafetensors(bytes.subarray(0, length), "run/x.safetensors"),
      CheckpointError,
      "run/x.safetensors",
    );
  }
});

Deno.test("loadCheckpoint() passes over a damaged newest checkpoint", () =>
  inTemporary(async (folder) => {
    const [first, second] = [randomState(), randomState()];
    const metadata = { preset: "tiny" };
    await saveCheckpoint(folder, { step: 100, state: first }, metadata);
    await saveCheckpoint(folder, { step: 200, state: second }, metadata);
    assertEquals((await loadCheckpoint(folder, metadata))?.state, second);
    await Deno.truncate(checkpointPath(folder, 200), 50);
    const warnings: string[] = [];
    const loaded = await loadCheckpoint(folder, metadata, (line) => warnings.push(line));
    assertEquals(loaded, { step: 100, state: first });
    assert(warnings[0].includes("checkpoint-000200"));
  }));

Deno.test("loadCheckpoint() refuses a checkpoint of another preset", () =>
  inTemporary(async (folder) => {
    await saveCheckpoint(folder, { step: 1, state: randomState() }, { preset: "small" });
    await assertRejects(
      () => loadCheckpoint(folder, { preset: "tiny" }),
      CheckpointError,
      "expected preset tiny, got small",
    );
    // Nor does it go back to an older one behind that.
    await saveCheckpoint(folder, { step: 2, state: randomState() }, { preset: "tiny" });
    await saveCheckpoint(folder, { step: 3, state: randomState() }, { preset: "small" });
    await assertRejects(
      () => loadCheckpoint(folder, { preset: "tiny" }),
      CheckpointError,
      "checkpoint-000003",
    );
  }));

Deno.test("saveCheckpoint() that cannot write leaves both earlier ones", () =>
  inTemporary(async (folder) => {
    const [first, second] = [randomState(), randomState()];
    await saveCheckpoint(folder, { step: 1, state: first }, {});
    await saveCheckpoint(folder, { step: 2, state: second }, {});
    // A folder that is in the file's way.
    await Deno.mkdir(join(checkpointPath(folder, 3), "inside"), { recursive: true });
    await assertRejects(() => saveCheckpoint(folder, { step: 3, state: randomState() }, {}));
    for (const [step, tensors] of [[1, first], [2, second]] as const) {
      const path = checkpointPath(folder, step);
      assertEquals(decodeSafetensors(await Deno.readFile(path), path).tensors, tensors);
    }
  }));

Deno.test("saveCheckpoint() refuses weights that are not finite, and leaves what is there", () =>
  inTemporary(async (folder) => {
    const state = randomState();
    await saveCheckpoint(folder, { step: 1, state }, {});
    const [[name, { data }]] = [...state].slice(-1);
    for (const value of [NaN, Infinity]) {
      const spoilt = new Map(state);
      const values = Float32Array.from(data);
      values[values.length - 1] = value;
      spoilt.set(name, { ...state.get(name)!, data: values });
      const save = () => saveCheckpoint(folder, { step: 2, state: spoilt }, {});
      await assertRejects(save, TrainingError, name);
      assertEquals((await loadCheckpoint(folder, {}))?.state, state);
    }
  }));

Deno.test("saveCheckpoint() keeps the newest two", () =>
  inTemporary(async (folder) => {
    for (const step of [1, 2, 3, 4]) {
      await saveCheckpoint(folder, { step, state: randomState() }, {});
    }
    const names = Array.from(Deno.readDirSync(folder), (entry) => entry.name).sort();
    assertEquals(names, ["checkpoint-000003.safetensors", "checkpoint-000004.safetensors"]);
  }));

Deno.test("writeAtomically() on a full disk keeps the old file and says what to do", async () => {
  await inTemporary(async (folder) => {
    const mounted = await succeeds("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder);
    if (!mounted) return console.log("not run here: mounting a small tmpfs is not permitted");
    try {
      const path = join(folder, "file");
      await writeAtomically(path, "old");
      await assertRejects(
        () => writeAtomically(path, new Uint8Array(1 << 20)),
        StorageError,
        "disk is full",
      );
      assertEquals(await Deno.readTextFile(path), "old");
      assertEquals(Array.from(Deno.readDirSync(folder)).length, 1);
    } finally {
      await new Deno.Command("umount", { args: [folder] }).output();
    }
  });
});

Deno.test("MetricsLog.truncate() drops what a resumed stage writes again, and half lines", () =>
  inTemporary(async (folder) => {
    const log = new MetricsLog(folder);
    for (const step of [1, 2, 3]) await log.append({ stage: "pretrain", step, loss: step });
    await log.append({ stage: "depth", step: 9, loss: 1 });
    await Deno.writeTextFile(log.path, '{"stage": "pre', { append: true });
    await log.truncate("pretrain", 2);
    assertEquals((await log.read()).map(({ stage, step }) => [stage, step]), [["pretrain", 1], [
      "pretrain",
      2,
    ], ["depth", 9]]);
  }));
