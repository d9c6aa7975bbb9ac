import { assertEquals, assertThrows } from "@std/assert";
import { type HotLibrary, hotLibrary } from "../../lib/engine/native/hot.ts";
import { ConfigError } from "../../lib/errors.ts";
import { similarity, type SimilarityOptions } from "../../lib/evaluate/similarity.ts";

const ENGINES: Readonly<Record<string, HotLibrary | null>> = {
  "plain TypeScript": null,
  ...(hotLibrary() ? { "the library": hotLibrary()! } : {}),
};

for (const [where, engine] of Object.entries(ENGINES)) {
  Deno.test(`similarity() of ${where} refuses rows and kinds that it does not know`, () => {
    const rows = Float32Array.of(3, 0, 0, 2), row = Float32Array.of(1, 0);
    const compare = (options: unknown, a: unknown = rows, b: unknown = row) => () =>
      similarity(a as Float32Array, b as Float32Array, options as SimilarityOptions, engine);
    assertEquals([...compare({ dimension: 2, kind: "dot" })()], [3, 0]);
    const wrong: [() => unknown, string][] = [
      [compare({ dimension: 2, kind: "euclidean" }), "kind cosine or dot, got euclidean"],
      [compare({ dimension: 2 }), "kind cosine or dot, got undefined"],
      [compare({ dimension: 1.5, kind: "dot" }, new Float32Array(3), new Float32Array(3)), "1.5"],
      [compare({ dimension: 0, kind: "dot" }), "whole rows of 0"],
      [compare({ dimension: 3, kind: "dot" }), "got 4 and 2 elements"],
      [compare({ dimension: 2, kind: "dot" }, new Float64Array(4)), "the first rows, got Float64"],
      [compare({ dimension: 2, kind: "dot" }, rows, [1, 0]), "the second rows, got Array(2)"],
    ];
    for (const [call, message] of wrong) assertThrows(call, ConfigError, message);
  });
}
