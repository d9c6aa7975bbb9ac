import { assert, assertEquals } from "@std/assert";
import { inTemporary } from "../data/files.ts";
import { assertRefused, cli } from "./process.ts";

Deno.test("regions reports the quality of either grouping, as JSON and as a table", () =>
  inTemporary(async (folder) => {
    const size = ["--sequences", "3", "--frames", "1", "--height", "64", "--width", "128"];
    const drawn = await cli(["scenes", "--out", "streets", "--quiet", ...size], folder);
    assertEquals(drawn.code, 0, drawn.stderr);
    const purities = [];
    for (const grouping of ["components", "infomap"]) {
      const args = ["regions", "--data", "streets", "--grouping", grouping, "--quiet"];
      const [json, table] = await Promise.all([
        cli([...args, "--out", `${grouping}-json`, "--json"], folder),
        cli([...args, "--out", `${grouping}-table`], folder),
      ]);
      assertEquals(json.code, 0, json.stderr);
      const result = JSON.parse(json.stdout.split("\n").at(-1)!);
      assertEquals([result.grouping, result.depth, result.frames], [grouping, "true", 3]);
      for (const key of ["purity", "boundaryRecall"]) {
        assert(result[key] > 0.3 && result[key] <= 1, `${key}: ${result[key]}`);
      }
      assert(result.regionsPerFrame > 1 && result.millisecondsPerFrame > 0);
      assert(result.perClass.road > 0.5, `road ${result.perClass.road}`);
      purities.push(result.purity);
      for (const line of [`grouping ${grouping}`, "purity road", "boundary recall", "a frame"]) {
        assert(table.stdout.includes(line), table.stdout);
      }
    }
    assert(purities[0] !== purities[1], "the groupings differ");
    assertRefused(
      await cli(["regions", "--data", "streets", "--grouping", "watershed"], folder),
      "watershed",
      "infomap",
    );
  }));
