import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Dataset } from "../../lib/data/dataset.ts";
import { readFrames } from "../../lib/data/read_ahead.ts";
import { ConfigError, DataError } from "../../lib/errors.ts";
import { randomStream } from "../../lib/random.ts";

const SIZE = { height: 2, width: 3 };

/** A dataset whose frames come after random waits; it notes what is begun and what is being read. */
function slowDataset(count: number, broken?: number) {
  const random = randomStream(20261123, "test", "read ahead", count);
  const begun: number[] = [];
  let [reading, most] = [0, 0];
  const dataset: Dataset = {
    name: "slow",
    classes: [],
    ignore: 255,
    frames: Array.from({ length: count }, (_, i) => ({ name: String(i), sequence: "all" })),
    async read(index, size) {
      begun.push(index);
      most = Math.max(most, ++reading);
      await new Promise((wake) => setTimeout(wake, random.integer(6)));
      reading--;
      if (index === broken) throw new DataError(`Cannot read ${index}`);
      return { name: String(index), sequence: "all", ...size, rgb: new Uint8Array(18) };
    },
  };
  return { dataset, begun, reading: () => reading, most: () => most };
}

Deno.test("readFrames() keeps the order, and as many reads under way as asked for", async () => {
  const indices = randomStream(7, "order").shuffle([...Array(40).keys()]);
  for (const ahead of [1, 3, 8]) {
    const { dataset, begun, most } = slowDataset(40);
    const names = [];
    for await (const { name } of readFrames(dataset, indices, SIZE, { ahead })) {
      names.push(Number(name));
      assert(begun.length <= names.length + ahead, "reads no further ahead than asked for");
    }
    assertEquals(names, indices);
    assertEquals(begun, indices);
    assertEquals(most(), ahead);
  }
});

Deno.test("readFrames() reads on while a frame is in use, and then waits", async () => {
  const { dataset, begun, reading } = slowDataset(20);
  const frames = readFrames(dataset, dataset.frames.keys(), SIZE, { ahead: 4 });
  assertEquals(begun.length, 0);
  await frames.next();
  await new Promise((wake) => setTimeout(wake, 40));
  assertEquals([begun.length, reading()], [5, 0]);
  await frames.return();
});

Deno.test("readFrames() throws an error at its frame, after those before it", async () => {
  const { dataset, begun, reading } = slowDataset(20, 6);
  const names: string[] = [];
  const error = await assertRejects(async () => {
    for await (const { name } of readFrames(dataset, dataset.frames.keys(), SIZE, { ahead: 5 })) {
      names.push(name);
    }
  }, DataError);
  assertEquals(error.message, "Cannot read 6");
  assertEquals(names, ["0", "1", "2", "3", "4", "5"]);
  assert(begun.length <= 11);
  assertEquals(reading(), 0);
});

Deno.test("readFrames() stops reading when the loop is left, and closes its indices", async () => {
  const { dataset, begun, reading } = slowDataset(1000);
  let closed = false;
  function* endless() {
    try {
      for (let i = 0;; i++) yield i % 1000;
    } finally {
      closed = true;
    }
  }
  let taken = 0;
  for await (const _ of readFrames(dataset, endless(), SIZE, { ahead: 3 })) {
    if (++taken === 5) break;
  }
  assertEquals([closed, reading()], [true, 0]);
  const count = begun.length;
  assert(count <= 8);
  await new Promise((wake) => setTimeout(wake, 20));
  assertEquals(begun.length, count);
});

Deno.test("readFrames() refuses to read nothing ahead", async () => {
  for (const ahead of [0, -1, 1.5, NaN]) {
    const frames = readFrames(slowDataset(1).dataset, [0], SIZE, { ahead });
    await assertRejects(() => frames.next(), ConfigError, `got ${ahead}`);
  }
});
