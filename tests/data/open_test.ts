import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { openDataset } from "../../lib/data/open.ts";
import { DataError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";
import { inTemporary, noise, saveRgb, saveText, sharedData } from "./files.ts";

const random = randomStream(20261123, "test", "open");

Deno.test("openDataset() takes the split's folder of dataset folders", () =>
  inTemporary(async (root) => {
    for (const [part, count] of [["train", 3], ["val", 2]] as const) {
      for (let k = 0; k < count; k++) {
        await saveRgb(join(root, part, "images", `${k}.png`), noise(random, 3 * 8 * 8), 8, 8);
      }
      await saveText(join(root, part, "dataset.json"), JSON.stringify({ name: part }));
    }
    const opened = await openDataset(root, { split: "validation" });
    assertEquals([opened.name, opened.frames.length], ["val", 2]);
    assertEquals((await openDataset(root)).frames.length, 3);
    const error = await assertRejects(() => openDataset(root, { split: "test" }), DataError);
    assert(error.message.includes(join(root, "test")), error.message);
  }));

Deno.test("openDataset() takes whatever has images/ or dataset.json as it stands", () =>
  inTemporary(async (root) => {
    await saveRgb(join(root, "images/0.png"), noise(random, 3 * 8 * 8), 8, 8);
    await saveRgb(
      join(root, "leftImg8bit/train/a/a_0_0_leftImg8bit.png"),
      noise(random, 192),
      8,
      8,
    );
    assertEquals((await openDataset(root)).frames, [{ name: "0", sequence: "images" }]);
    await Deno.remove(join(root, "images"), { recursive: true });
    await saveText(join(root, "dataset.json"), JSON.stringify({ name: "mine" }));
    assertEquals((await openDataset(root)).name, "mine");
  }));

const shared = sharedData("camvid");
Deno.test({
  name: `openDataset() reads real CamVid frames and labels${shared.reason}`,
  ignore: shared.ignore,
  fn: async () => {
    for (
      const [path, split, count] of [["train", "train", 367], ["val", "train", 101], [
        ".",
        "validation",
        101,
      ]] as const
    ) {
      const dataset = await openDataset(join(shared.folder, path), { split });
      assertEquals([dataset.frames.length, dataset.classes.length, dataset.ignore], [
        count,
        11,
        11,
      ]);
      const size = { height: 45, width: 60 };
      const { rgb, labels } = await dataset.read(random.integer(count), size);
      const ids = new Set(labels);
      assert(ids.size > 3 && ids.has(dataset.classes.indexOf("road")), "a street scene has a road");
      // By day the sky is brighter than the road.
      const brightness = (name: string) => {
        const pixels = [...labels!.keys()].filter((i) =>
          labels![i] === dataset.classes.indexOf(name)
        );
        return pixels.reduce((sum, i) => sum + rgb[3 * i + 1], 0) / pixels.length;
      };
      if (ids.has(0)) assert(brightness("sky") > brightness("road"));
    }
  },
});
