import { assertThrows } from "@std/assert";
import { ConfigError } from "../../lib/errors.ts";
import {
  checkPretrainConfig,
  paperPretrainConfig,
  type PretrainConfig,
  tinyPretrainConfig,
} from "../../lib/pretrain/config.ts";

Deno.test("checkPretrainConfig() accepts the presets", () => {
  checkPretrainConfig(tinyPretrainConfig);
  checkPretrainConfig(paperPretrainConfig);
});

Deno.test("checkPretrainConfig() names the value that is out of range", () => {
  const refused: [Partial<PretrainConfig>, string][] = [
    [{ depth: 101 as 50 }, "depth"],
    [{ backbone: "imagenet" as "depth" }, "backbone"],
    [{ enlarge: 1.5 }, "enlarge"],
    [{ width: 0 }, "width"],
    [{ prototypes: 1 }, "prototypes"],
    [{ pixelSamples: 3.5 }, "pixelSamples"],
    [{ warmupSteps: -1 }, "warmupSteps"],
    [{ accumulate: 0 }, "accumulate"],
    [{ topDownChannels: -1 }, "topDownChannels"],
    [{ regionWeight: -0.5 }, "regionWeight"],
    [{ pixelWeight: 0, regionWeight: 0 }, "regionWeight"],
    [{ pixelWeight: 0, regionSamples: 0 }, "regionWeight"],
    [{ temperature: 0 }, "temperature"],
    [{ epsilon: 0.02 }, "epsilon"],
    [{ epsilon: NaN }, "epsilon"],
    [{ objective: "dino" as "picie" }, "objective"],
    [{ reclusterEvery: 0 }, "reclusterEvery"],
    [{ objective: "picie", accumulate: 2 }, "accumulate"],
    [{ queueLength: -1 }, "queueLength"],
    [{ queueStart: 1.5 }, "queueStart"],
    [{ objective: "picie", queueLength: 100 }, "queueLength"],
    [{ objective: "picie", pixelSamples: 0 }, "pixelSamples"],
    [{ optimizer: { ...tinyPretrainConfig.optimizer, learningRate: 0 } }, "learning rate"],
  ];
  for (const [change, name] of refused) {
    assertThrows(
      () => checkPretrainConfig({ ...tinyPretrainConfig, ...change }),
      ConfigError,
      name,
    );
  }
});
