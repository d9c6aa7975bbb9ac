/**
 * The worker of painters.ts: gets one order at a time, and answers what it drew.
 *
 * @module
 */

import { line } from "../../workers.ts";
import { drawFrame, type Drawn, type FrameOrder } from "./drawing.ts";

line.onmessage = ({ data }: MessageEvent<FrameOrder>) => {
  const drawn: Drawn = drawFrame(data);
  const arrays = Object.values(drawn).filter((value) => ArrayBuffer.isView(value));
  line.postMessage(drawn, arrays.map(({ buffer }) => buffer as ArrayBuffer));
};
