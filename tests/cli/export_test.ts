import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { useDevice } from "../../lib/engine/device.ts";
import { randomStream } from "../../lib/random.ts";
import { openFolder } from "../../lib/data/folder.ts";
import { depthOfRun } from "../../lib/run/depth_stage.ts";
import { featuresOfRun } from "../../lib/run/features.ts";
import { readRun } from "../../lib/run/storage/run_folder.ts";
import { decodeSafetensors } from "../../lib/run/storage/safetensors.ts";
import { inTemporary, saveNoisyVideo } from "../data/files.ts";
import { assertNear, channelsLast, runOnnx } from "../export/run_onnx.ts";
import { answer, assertRefused, cli, saveLight } from "./process.ts";

const [HEIGHT, WIDTH] = [64, 128];
const SHORT = ["--data", "video", "--steps", "1", "--depth-steps", "1", "--config", "light.json"];
SHORT.push("--quiet");

Deno.test("export writes a run's networks, and a new run begins from its backbone", () =>
  inTemporary(async (folder) => {
    const random = randomStream(Date.now(), "export");
    await saveNoisyVideo(join(folder, "video"), random, 3);
    await saveLight(folder);
    const trained = await cli(["pretrain", "--out", "run", ...SHORT], folder);
    assertEquals(trained.code, 0, trained.stderr);

    const [features, depth, weights, loud] = await Promise.all([
      answer("export --run run --format onnx --out out/model.onnx".split(" "), folder),
      answer("export --run run --format onnx --network depth".split(" "), folder),
      answer("export --run run --format torchvision".split(" "), folder),
      cli(["export", "--run", "run", "--format", "torchvision", "--out", "again"], folder),
    ]);
    assertEquals([features.network, features.out], ["features", "out/model.onnx"]);
    assertEquals(features.inputs.images, ["batch", 3, "height", "width"]);
    assertEquals(weights.backbone, "resnet18 width 16");
    assertStringIncludes(loud.stderr, "width 16");

    const start = ["--backbone-weights", weights.out, "--accumulate", "2"];
    const wrong = ["pretrain", "--out", "wrong", ...start.slice(0, 1)];
    const outcomes = Promise.all([
      cli(["pretrain", "--out", "next", ...start, ...SHORT], folder),
      cli([...wrong, features.out, ...SHORT], folder),
      cli([...wrong, weights.out, "--preset", "small", ...SHORT], folder),
      cli(["export", "--run", "video", "--format", "onnx"], folder),
      cli(["export", "--run", "run"], folder),
    ]);
    await useDevice("cpu");
    const run = join(folder, "run");
    const config = await readRun(run);
    const video = await openFolder(join(folder, "video"));
    const frame = await video.read(1, { height: HEIGHT, width: WIDTH });
    const answerOf = async (path: string) =>
      (await runOnnx(await Deno.readFile(join(folder, path)), [[frame]]))[0];

    const pretrainer = (await featuresOfRun(run, config, console.error))!;
    const { values } = await pretrainer.embed([frame]);
    const { embeddings } = await answerOf(features.out);
    assertNear(channelsLast(embeddings), values, 1e-4, "embeddings");
    const trainer = await depthOfRun(run, console.error);
    const [{ disparity }] = await trainer.predict([frame]);
    const { inverse_depth } = await answerOf(depth.out);
    assertNear(inverse_depth.data, disparity, 1e-4 * Math.max(...disparity), "inverse depth");

    const { tensors } = decodeSafetensors(await Deno.readFile(join(folder, weights.out)), "x");
    assertEquals(tensors, await pretrainer.backbone());
    pretrainer.dispose();
    trainer.dispose();

    const [next, network, small, noRun, noFormat] = await outcomes;
    assertEquals(next.code, 0, next.stderr);
    const { settings, backboneWeights } = await readRun(join(folder, "next"));
    assertEquals([settings.pretrain.backbone, settings.pretrain.accumulate], ["file", 2]);
    assertEquals(backboneWeights, weights.out);
    assertRefused(network, "out/model.onnx");
    assertRefused(small, weights.out, "width 32", "--preset");
    assertRefused(noRun, "config.json");
    assertRefused(noFormat, "--format");
  }));
