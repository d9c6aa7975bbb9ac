/**
 * Losses of the first steps of preset `small` on one engine, from one seed: `losses.ts cpu|webgpu` prints `{losses}`.
 *
 * @module
 */

import { type DeviceName, useDevice } from "../../lib/engine/device.ts";
import { Pretrainer } from "../../lib/pretrain/pretrainer.ts";
import { PRESETS } from "../../lib/run/presets.ts";
import { batchOf } from "../paper_step.ts";

const STEPS = 3, SOURCES = 4;

await useDevice(Deno.args[0] as DeviceName);
const { height, width, pretrain } = PRESETS.small;
const batch = batchOf(SOURCES, height, width);
const pretrainer = new Pretrainer(pretrain, 1);
const losses: number[] = [];
for (let step = 0; step < STEPS; step++) losses.push((await pretrainer.step(batch, step)).loss);
pretrainer.dispose();
console.log(JSON.stringify({ losses }));
