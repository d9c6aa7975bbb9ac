/** Weights go to torchvision and come back; the stored answers of torchvision are in nn/torchvision_test.ts. */
import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { useDevice } from "../../lib/engine/device.ts";
import { CheckpointError, ConfigError } from "../../lib/errors.ts";
import { ParameterStore, type StateDict } from "../../lib/nn/parameters.ts";
import { resnet } from "../../lib/nn/resnet.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import { type Random, randomStream } from "../../lib/random.ts";
import { readBackbone, requireBackbone } from "../../lib/run/storage/backbone_file.ts";
import { decodeSafetensors, encodeSafetensors } from "../../lib/run/storage/safetensors.ts";
import { inTemporary } from "../data/files.ts";
import { assertClose, flat, waveImage } from "../oracles/waves.ts";
import { smallPretrainConfig } from "../pretrain/small_config.ts";
import { succeeds } from "../../native/build_support.ts";
import { randomise } from "./randomise.ts";

await useDevice("cpu");

const ORACLES = fromFileUrl(new URL("../oracles/", import.meta.url));

/** A Python that has torchvision, or why there is none. */
async function findTorchvision(): Promise<{ python?: string; reason?: string }> {
  const wanted = Deno.env.get("CPCDR_PYTHON");
  for (const python of wanted ? [wanted] : ["/usr/bin/python3", "python3"]) {
    const search = "import importlib.util as u, sys; sys.exit(not u.find_spec('torchvision'))";
    if (await succeeds(python, "-c", search)) return { python };
  }
  return { reason: "no Python here imports torchvision" };
}

const { python, reason } = await findTorchvision();

type Answers = Record<"ours" | "theirs", number[][]> & Record<"missing" | "unexpected", string[]>;

/** Our ResNet of torchvision's own size, and its weights; drawing those takes longer than using them. */
function drawNet(depth: 18 | 50, random: Random) {
  const store = new ParameterStore(random);
  const net = resnet(store.root, { depth, width: 64, inputChannels: 3 });
  /** The four stages' answers of a state to the wave that torch_round_trip.py shows. */
  const answers = (state: StateDict): number[][] => {
    store.import(new Map([...state].filter(([name]) => !name.startsWith("fc."))));
    return tf.tidy(() =>
      net(waveImage([1, 3, 64, 96], 0), { training: false }).slice(1)
        .map((map) => flat(map.dataSync()))
    );
  };
  return { store, answers };
}

Deno.test({
  name: "ResNet-18 and ResNet-50 go to torchvision and back with the same features" +
    (python ? "" : ` (ignored: ${reason})`),
  ignore: !python,
  fn: () =>
    inTemporary(async (folder) => {
      const random = randomStream(Date.now(), "round trip");
      const trips = await Promise.all([18, 50].map(async (depth) => {
        const { store, answers } = drawNet(depth as 18 | 50, random);
        const state = randomise(await store.export(), random);
        const [ours, theirs] = ["ours", "theirs"].map((name) => join(folder, `${name}-${depth}`));
        // As `export` writes it.
        const file = encodeSafetensors({ tensors: state, metadata: { format: "pt" } });
        await Deno.writeFile(ours, file);
        return { depth, store, answers, state, ours, theirs };
      }));
      // One process for both: PyTorch takes longer to start than to answer.
      const words = trips.flatMap(({ depth, ours, theirs }) => [String(depth), ours, theirs]);
      const { success, stdout } = await new Deno.Command(python!, {
        args: ["-B", join(ORACLES, "torch_round_trip.py"), ...words],
        stderr: "inherit",
      }).output();
      assert(success);
      const said: Answers[] = JSON.parse(new TextDecoder().decode(stdout));
      for (const [i, { depth, store, answers, state, theirs }] of trips.entries()) {
        assertEquals(said[i].unexpected, []);
        assertEquals(said[i].missing, ["fc.weight", "fc.bias"]);
        const [ofOurs, ofTheirs] = [state, await readBackbone(theirs)].map(answers);
        store.dispose();
        ofOurs.forEach((stage, k) =>
          assertClose(stage, said[i].ours[k], 1e-4, `stage ${k + 1} of our ResNet-${depth}`)
        );
        ofTheirs.forEach((stage, k) =>
          assertClose(
            stage,
            said[i].theirs[k],
            1e-4,
            `stage ${k + 1} of torchvision's ResNet-${depth}`,
          )
        );
      }
    }),
});

Deno.test("decodeSafetensors() reads the types that weights come in", () => {
  const stored: [string, number, ArrayBufferView, number[]][] = [
    ["F16", 2, new Float16Array([1.5, -0.25]), [1.5, -0.25]],
    ["BF16", 2, Uint16Array.of(0x3fc0, 0xbe80), [1.5, -0.25]],
    ["F64", 8, Float64Array.of(1.5, -0.25), [1.5, -0.25]],
    ["I64", 8, BigInt64Array.of(7n, -3n), [7, -3]],
  ];
  for (const [dtype, size, values, expected] of stored) {
    const header = JSON.stringify({ a: { dtype, shape: [2], data_offsets: [0, 2 * size] } });
    const bytes = new Uint8Array(8 + header.length + 2 * size);
    bytes[0] = header.length;
    bytes.set(new TextEncoder().encode(header), 8);
    bytes.set(new Uint8Array(values.buffer as ArrayBuffer), 8 + header.length);
    const { data, dtype: read } = decodeSafetensors(bytes, "x").tensors.get("a")!;
    assertEquals([...data], expected);
    assertEquals(read, dtype === "I64" ? "I32" : "F32");
  }
});

Deno.test("Pretrainer.backbone() is what importBackbone() takes", async () => {
  const [one, other] = [1, 2].map((seed) => new Pretrainer(smallPretrainConfig, seed));
  const weights = await one.backbone();
  assert(weights.has("layer4.1.bn2.running_var") && weights.has("conv1.weight"));
  await other.importBackbone(weights);
  assertEquals(await other.backbone(), weights);
  one.dispose();
  other.dispose();
});

Deno.test("requireBackbone() refuses a missing file and another network's", () =>
  inTemporary(async (folder) => {
    const path = join(folder, "weights.safetensors");
    await assertRejects(() => readBackbone(path), ConfigError, "check --backbone-weights");
    const pretrainer = new Pretrainer(smallPretrainConfig, 1);
    const tensors = await pretrainer.backbone();
    pretrainer.dispose();
    await Deno.writeFile(path, encodeSafetensors({ tensors, metadata: {} }));
    const before = tf.memory().numTensors;
    await requireBackbone(path, smallPretrainConfig);
    await assertRejects(
      () => requireBackbone(path, { ...smallPretrainConfig, width: 8 }),
      CheckpointError,
      "ResNet-18 of width 8",
    );
    assertEquals(tf.memory().numTensors, before);
  }));
