import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ConfigError, DataError } from "../../lib/errors.ts";
import {
  addToConfusion,
  emptyConfusion,
  foldColumns,
  pairwiseIou,
  scoreConfusion,
} from "../../lib/evaluate/score.ts";

Deno.test("addToConfusion() counts pairs and leaves ignored pixels out", () => {
  const confusion = emptyConfusion(3, 2);
  addToConfusion(confusion, [0, 0, 1, 255, 2, 2], [0, 1, 1, 0, 0, 0], 255);
  addToConfusion(confusion, [1], [1], 255);
  assertEquals([...confusion.counts], [1, 1, 0, 2, 2, 0]);
});

Deno.test("addToConfusion() refuses labels and predictions out of range, and other sizes", () => {
  const confusion = emptyConfusion(3, 2);
  assertThrows(() => addToConfusion(confusion, [3], [0], 255), DataError, "expected 0..2");
  assertThrows(() => addToConfusion(confusion, [0], [2], 255), ConfigError, "0..1");
  assertThrows(() => addToConfusion(confusion, [0], [NaN], 255), ConfigError, "0..1");
  assertThrows(() => addToConfusion(confusion, [0, 1], [0], 255), ConfigError, "2 predicted");
});

Deno.test("scoreConfusion() gives IoU, mIoU and accuracy of a case worked by hand", () => {
  // Class 0: 6 right, 2 missed, 1 wrong claim -> 6/9; class 1: 3/(5+5-3); class 2: 0/3.
  const counts = Float64Array.of(6, 2, 0, 0, 3, 2, 1, 0, 0);
  const score = scoreConfusion({ rows: 3, columns: 3, counts });
  assertAlmostEquals(score.perClass[0], 6 / 9, 1e-12);
  assertAlmostEquals(score.perClass[1], 3 / 7, 1e-12);
  assertAlmostEquals(score.perClass[2], 0, 1e-12);
  assertAlmostEquals(score.miou, (6 / 9 + 3 / 7) / 3, 1e-12);
  assertAlmostEquals(score.accuracy, 9 / 14, 1e-12);
});

Deno.test("scoreConfusion() leaves classes without labels out of the mean", () => {
  const absent = scoreConfusion({ rows: 2, columns: 2, counts: Float64Array.of(4, 0, 0, 0) });
  assertEquals(absent.perClass, [1, NaN]);
  assertEquals(absent.miou, 1);
  const claimed = scoreConfusion({ rows: 2, columns: 2, counts: Float64Array.of(3, 1, 0, 0) });
  assertEquals(claimed.perClass, [0.75, 0]);
  assertEquals(claimed.miou, 0.75);
  assertEquals(
    scoreConfusion({ rows: 1, columns: 1, counts: Float64Array.of(0) }).miou,
    NaN,
  );
  assertThrows(() => scoreConfusion(emptyConfusion(2, 3)), ConfigError, "expected as many");
});

Deno.test("foldColumns() adds the columns of a group", () => {
  const counts = Float64Array.of(1, 2, 3, 4, 5, 6);
  const folded = foldColumns({ rows: 2, columns: 3, counts }, [1, 0, 1], 2);
  assertEquals([...folded.counts], [2, 4, 5, 10]);
});

Deno.test("pairwiseIou() is intersection over union of every pair", () => {
  const iou = pairwiseIou({ rows: 2, columns: 3, counts: Float64Array.of(2, 0, 0, 1, 3, 0) });
  assertEquals([...iou], [2 / 3, 0, 0, 1 / 6, 3 / 4, 0]);
});
