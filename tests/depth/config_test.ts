import { assertThrows } from "@std/assert";
import {
  checkDepthConfig,
  defaultDepthConfig,
  type DepthConfig,
  smallDepthConfig,
  tinyDepthConfig,
} from "../../lib/depth/config.ts";
import { ConfigError } from "../../lib/errors.ts";

Deno.test("checkDepthConfig() takes what presets say and refuses names that no stage knows", () => {
  for (const config of [defaultDepthConfig, tinyDepthConfig, smallDepthConfig]) {
    checkDepthConfig(config);
  }
  const wrong: [Partial<Record<keyof DepthConfig, unknown>>, string][] = [
    [{ depth: 101 }, "depth: expected 18, 34 or 50, got 101"],
    [{ lossSize: "x" }, "lossSize: expected full, own or pyramid, got x"],
    [{ reprojection: "max" }, "reprojection: expected least or mean, got max"],
    [{ poseEncoder: "none" }, "poseEncoder: expected own or shared, got none"],
    [{ targets: "all" }, "targets: expected between or every, got all"],
    [{ schedule: { kind: "linear" } }, "schedule.kind: expected cosine or step, got linear"],
    [{ schedule: { kind: "cosine", final: NaN } }, "schedule.final: expected a number from 0"],
    [{ schedule: { kind: "step", at: 2, factor: 0.1 } }, "schedule.at: expected 0 to 1, got 2"],
    [{ schedule: { kind: "step", at: 0.5, factor: -1 } }, "schedule.factor"],
  ];
  for (const [change, message] of wrong) {
    const config = { ...tinyDepthConfig, ...change } as DepthConfig;
    assertThrows(() => checkDepthConfig(config), ConfigError, `depth setting ${message}`);
  }
});
