import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { ConfigError } from "../../lib/errors.ts";
import { defaultRegionConfig } from "../../lib/regions/config.ts";
import { PRESETS } from "../../lib/run/presets.ts";
import { resolveRun } from "../../lib/run/run_options.ts";
import { inTemporary, saveText } from "../data/files.ts";

Deno.test("resolveRun() takes options over the file, and the file over the preset", () =>
  inTemporary(async (folder) => {
    const path = join(folder, "run.json");
    const settings = { depth: { steps: 7 }, mix: { paste: "boxes" }, pretrain: { steps: 9 } };
    await saveText(path, JSON.stringify({ seed: 3, data: ["a"], settings }));
    const config = await resolveRun("pretrain", { config: path, seed: 4, steps: 11 });
    assertEquals([config.seed, config.data, config.preset], [4, ["a"], "tiny"]);
    assertEquals(config.settings.depth, { ...PRESETS.tiny.depth, steps: 7 });
    assertEquals(config.settings.pretrain, { ...PRESETS.tiny.pretrain, steps: 11 });
    assertEquals(config.settings.mix.paste, "boxes");
  }));

Deno.test("resolveRun() answers a stored configuration to the byte", () =>
  inTemporary(async (folder) => {
    const path = join(folder, "config.json");
    const intrinsics = { fx: 0.9, fy: 1.6, cx: 0.5, cy: 0.5 };
    const data = ["drive.mp4"];
    const first = await resolveRun("pretrain", {
      preset: "small",
      seed: 2,
      data,
      intrinsics,
      fps: 5,
    });
    await saveText(path, JSON.stringify(first));
    assertEquals(
      JSON.stringify(await resolveRun("pretrain", { config: path })),
      JSON.stringify(first),
    );
  }));

Deno.test("resolveRun() learns focal lengths where that is asked, from a file's intrinsics on", () =>
  inTemporary(async (folder) => {
    const path = join(folder, "run.json");
    const intrinsics = { fx: 0.9, fy: 1.6, cx: 0.5, cy: 0.5 };
    await saveText(path, JSON.stringify({ data: ["frames"], intrinsics }));
    const config = await resolveRun("pretrain", { config: path, intrinsics: "learned" });
    assertEquals(config.intrinsics, intrinsics);
    assertEquals(config.settings.depth, { ...PRESETS.tiny.depth, learnFocal: true });
    const both = { depthRun: "runs/other", intrinsics: "learned" } as const;
    await assertRejects(() => resolveRun("pretrain", both), ConfigError, "leave one out");
  }));

Deno.test("resolveRun() carries what a file changes over to another preset", () =>
  inTemporary(async (folder) => {
    const path = join(folder, "config.json");
    await saveText(path, JSON.stringify(await resolveRun("pretrain", { steps: 12 })));
    const { preset, settings } = await resolveRun("pretrain", { config: path, preset: "small" });
    assertEquals(preset, "small");
    const { small } = PRESETS;
    assertEquals(settings, { ...small, pretrain: { ...small.pretrain, steps: 12 } });
  }));

Deno.test("resolveRun() takes settings of sharp depth, which no preset has", () =>
  inTemporary(async (folder) => {
    const path = join(folder, "run.json");
    for (const regions of [{ superpixels: null, keepJump: 0.05 }, defaultRegionConfig]) {
      await saveText(path, JSON.stringify({ settings: { regions } }));
      for (const preset of ["tiny", "small"] as const) {
        const { settings } = await resolveRun("pretrain", { config: path, preset });
        assertEquals(settings.regions, { ...PRESETS[preset].regions, ...regions });
      }
    }
  }));

Deno.test("resolveRun() wants all keys of another kind of schedule", () =>
  inTemporary(async (folder) => {
    const path = join(folder, "run.json");
    const save = (schedule: unknown) =>
      saveText(path, JSON.stringify({ settings: { depth: { schedule } } }));
    await save({ kind: "step" });
    const refused = () => resolveRun("depth", { config: path });
    await assertRejects(refused, ConfigError, "settings.depth.schedule.at");
    const whole = { kind: "step", at: 0.5, factor: 0.1 } as const;
    await save(whole);
    assertEquals((await resolveRun("depth", { config: path })).settings.depth.schedule, whole);
  }));

Deno.test("resolveRun() carries every option to its stage, and changes nothing else", async () => {
  const config = await resolveRun("pretrain", {
    preset: "small",
    data: ["frames"],
    depthRun: "runs/other",
    backboneWeights: "resnet.safetensors",
    paste: "none",
    objective: "picie",
    grouping: "infomap",
    steps: 5,
    depthSteps: 6,
  });
  const { small } = PRESETS;
  assertEquals(config, {
    command: "pretrain",
    preset: "small",
    seed: 0,
    data: ["frames"],
    depthRun: "runs/other",
    backboneWeights: "resnet.safetensors",
    settings: {
      ...small,
      depth: { ...small.depth, steps: 6 },
      regions: { ...small.regions, grouping: "infomap" },
      mix: { ...small.mix, paste: "none" },
      pretrain: {
        ...small.pretrain,
        backbone: "file",
        objective: "picie",
        steps: 5,
      },
    },
  });
  const { settings } = await resolveRun("pretrain", { accumulate: 3 });
  const { tiny } = PRESETS;
  assertEquals(settings, { ...tiny, pretrain: { ...tiny.pretrain, accumulate: 3 } });
});

Deno.test("resolveRun() refuses numbers that no stage could use, by key", () =>
  inTemporary(async (folder) => {
    const path = join(folder, "run.json");
    const wrong: [settings: unknown, ...parts: string[]][] = [
      [{ height: 100 }, "settings.height", "a multiple of 32", "100"],
      [{ height: 32_000_000 }, "settings.height", "up to 16384", "32000000"],
      [{ width: 0 }, "settings.width", "at least 1"],
      [{ saveEvery: 0.5 }, "settings.saveEvery", "whole number"],
      [{ mix: { sources: 0 } }, "settings.mix.sources", "at least 1"],
      [{ mix: { shake: -0.1 } }, "settings.mix.shake", "at least 0"],
      [{ mix: { pastes: [1, 2, 3] } }, "settings.mix.pastes", "a list of 2"],
      [{ depth: { lossSize: "half" } }, "settings.depth.lossSize", "full or own or pyramid"],
    ];
    for (const [settings, ...parts] of wrong) {
      await saveText(path, JSON.stringify({ settings }));
      const error = await assertRejects(
        () => resolveRun("pretrain", { config: path }),
        ConfigError,
      );
      for (const part of [path, ...parts]) assert(error.message.includes(part), error.message);
    }
    // What points backwards is no mistake.
    await saveText(path, JSON.stringify({ settings: { regions: { creaseCosine: -0.5 } } }));
    const { settings } = await resolveRun("pretrain", { config: path });
    assertEquals(settings.regions.creaseCosine, -0.5);
  }));
