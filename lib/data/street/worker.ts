/**
 * The worker of painters.ts: gets one order at a time, and answers what it drew.
 *
 * @module
 */

import { drawFrame, type Drawn, type FrameOrder } from "./drawing.ts";

/** The worker's end of the line; Deno's window types do not know it. */
const line = self as unknown as Pick<Worker, "onmessage" | "postMessage">;

line.onmessage = ({ data }: MessageEvent<FrameOrder>) => {
  const drawn: Drawn = drawFrame(data);
  const arrays = Object.values(drawn).filter((value) => ArrayBuffer.isView(value));
  line.postMessage(drawn, arrays.map(({ buffer }) => buffer as ArrayBuffer));
};
