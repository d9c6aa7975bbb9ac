/**
 * The commands of the CLI, each from its parsed options to its result.
 *
 * @module
 */

export { depth } from "./commands/depth.ts";
export { doctor } from "./commands/doctor.ts";
export { evaluate } from "./commands/evaluate.ts";
export { exportRun } from "./commands/export.ts";
export { mix } from "./commands/mix.ts";
export { pretrain } from "./commands/pretrain.ts";
export { regions } from "./commands/regions.ts";
export { runs } from "./commands/runs.ts";
export { scenes } from "./commands/scenes.ts";
