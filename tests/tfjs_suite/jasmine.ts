/**
 * Puts jasmine's describe, it and expect where the specs look for them.
 *
 * @module
 */

// @ts-ignore the package has no types; the bundler reads it
import jasmineRequire from "jasmine-core/lib/jasmine-core/jasmine.js";
// @ts-ignore as above
import boot from "jasmine-core/lib/jasmine-core/node_boot.js";

/** The instance that the specs register with. */
export const jasmine = boot(jasmineRequire);
