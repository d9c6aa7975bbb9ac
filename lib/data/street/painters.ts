/**
 * Draws frames: a few on this thread, many on several cores.
 *
 * @module
 */

import { startWorker } from "../../workers.ts";
import { drawFrame, type Drawn, type FrameOrder } from "./drawing.ts";

/** Milliseconds that workers take to start, and to draw as fast as this thread does. */
const STARTING = 400;
/** Readers keep about as many frames on the way. */
const MOST_WORKERS = 4;

interface Job extends PromiseWithResolvers<Drawn> {
  readonly order: FrameOrder;
}

const waiting: Job[] = [];
let working = false;
/** Jobs that workers have, and a promise that one more came or one was done. */
let away = 0;
let news = Promise.withResolvers<void>();

/** The frame of an order. Those that are ordered while others wait may be drawn beside them. */
export function paint(order: FrameOrder): Promise<Drawn> {
  const job = { order, ...Promise.withResolvers<Drawn>() };
  waiting.push(job);
  announce();
  if (!working) {
    working = true;
    // Once whoever orders several frames has done so.
    queueMicrotask(work);
  }
  return job.promise;
}

function announce(): void {
  news.resolve();
  news = Promise.withResolvers();
}

/** Lets whoever waited for a frame order the next. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Draws until nobody waits. */
async function work(): Promise<void> {
  let patience = STARTING;
  while (waiting.length > 0) {
    if (patience <= 0 && waiting.length > 1) {
      await Promise.all(startWorkers(waiting.length).map(employ));
      // Without any, or when those that there were have failed, the rest is drawn here.
      patience = Infinity;
      continue;
    }
    const started = performance.now();
    drawHere(waiting.shift()!);
    patience -= performance.now() - started;
    if (waiting.length > 0) await turn();
  }
  working = false;
}

function drawHere({ order, resolve, reject }: Job): void {
  try {
    resolve(drawFrame(order));
  } catch (error) {
    reject(error);
  }
}

/** As many as there are cores for, or none where they are refused. */
function startWorkers(wanted: number): Worker[] {
  const count = Math.min(wanted, navigator.hardwareConcurrency, MOST_WORKERS);
  if (count < 2) return [];
  const module = new URL("./worker.ts", import.meta.url);
  return Array.from({ length: count }, () => startWorker(module))
    .filter((worker) => worker !== undefined);
}

/** Lets a worker draw until nobody waits for any frame. */
async function employ(worker: Worker): Promise<void> {
  try {
    while (waiting.length > 0 || away > 0) {
      const job = waiting.shift();
      if (job) await carryOut(worker, job);
      else await news.promise;
      if (waiting.length === 0) await turn();
    }
  } catch {
    // Its job went back to those that wait; the others, or this thread, go on without this worker.
  } finally {
    worker.terminate();
  }
}

async function carryOut(worker: Worker, job: Job): Promise<void> {
  away++;
  try {
    job.resolve(await ask(worker, job.order));
  } catch (error) {
    waiting.unshift(job);
    throw error;
  } finally {
    away--;
    announce();
  }
}

function ask(worker: Worker, order: FrameOrder): Promise<Drawn> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Drawn>) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage(order);
  });
}
