import { assertEquals } from "@std/assert";
import { Progress } from "../../lib/run/progress.ts";

Deno.test("Progress tells rate, remaining time, device and memory, and the end once", () => {
  let now = 0, text = "";
  const progress = new Progress({
    terminal: false,
    now: () => now,
    memory: () => 412e6,
    write: (part) => text += part,
  });
  progress.device = "cpu";
  progress.update("depth", 1, 21);
  now = 10_000;
  progress.update("depth", 11, 21, "loss 0.5");
  progress.update("depth", 21, 21);
  progress.update("depth", 21, 21);
  assertEquals(text.split("\n"), [
    "depth 1/21  cpu, 412 MB",
    "depth 11/21  1.00/s  0:10 left  loss 0.5  cpu, 412 MB",
    "depth 21/21  2.00/s  0:00 left  cpu, 412 MB",
    "",
  ]);
});
