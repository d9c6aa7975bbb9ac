/**
 * What run.ts bundles: one instance of tfjs-core, the engine under test, and tfjs-core's own specs.
 * The order of imports matters: the specs look up the environment when they are loaded.
 *
 * @module
 */

export { jasmine } from "./jasmine.ts";
import "./environment.ts";
// @ts-ignore the package ships no types for its tests
import "@tensorflow/tfjs-core/dist/tests.js";
