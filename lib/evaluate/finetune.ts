/**
 * Protocol `finetune`: the encoder and a linear head are trained on labels of training frames, all or a
 * fraction of them, and score other frames. Nothing is matched.
 *
 * @module
 */
import { ConfigError } from "../errors.ts";
import type { StateDict } from "../nn/parameters.ts";
import type { PretrainConfig } from "../pretrain/config.ts";
import { randomStream } from "../random.ts";
import type { Frame, SegmentationScore } from "../records.ts";
import { labelledView } from "./finetune_augmentation.ts";
import {
  checkFinetuneConfig,
  defaultFinetuneConfig,
  type FinetuneConfig,
} from "./finetune_config.ts";
import { batches, labelsOf } from "./frames.ts";
import { addToConfusion, emptyConfusion, scoreConfusion } from "./score.ts";
import { Segmenter } from "./segmenter.ts";
import { largestChannel } from "./upsample.ts";

/** Input of {@linkcode finetune}. */
export interface FinetuneInput {
  /** The network; its losses and samples do not count here. */
  readonly network: PretrainConfig;
  /** What the encoder begins from, as `Pretrainer.export` gives it; at random without. */
  readonly pretrained?: StateDict;
  /** Frames of one size; those with labels are trained on. */
  readonly trainFrames: readonly Frame[];
  /** Frames with labels, which are scored. */
  readonly frames: Iterable<Frame> | AsyncIterable<Frame>;
  /** C, classes of the labels. */
  readonly classes: number;
  /** The label of pixels that do not count. */
  readonly ignore: number;
  /** Decides whose labels are used, the batches, the views and the head's first weights. */
  readonly seed: number;
  /** What differs from {@linkcode defaultFinetuneConfig}. */
  readonly config?: Partial<FinetuneConfig>;
  /** Told after every step. */
  readonly report?: (completed: number, loss: number) => void;
}

/** What {@linkcode finetune} answers. */
export interface FinetuneResult {
  /** Over all frames that are scored. */
  readonly score: SegmentationScore;
  /** Training frames whose labels were used. */
  readonly labelledFrames: number;
  /** Mean cross entropy of every step, in nats. */
  readonly losses: readonly number[];
}

/**
 * Fine-tunes and scores. With one seed the frames whose labels are used, the batches, the views and the
 * head's first weights are the same from every beginning.
 *
 * @throws {ConfigError} when a setting is out of its range or no training frame has a labelled pixel;
 * {DataError} when a scored frame has no labels or one out of range; {CheckpointError} when `pretrained`
 * is of another network; {TrainingError} when the loss is not finite.
 */
export async function finetune(input: FinetuneInput): Promise<FinetuneResult> {
  const { network, pretrained, classes, ignore, seed, report } = input;
  const config = { ...defaultFinetuneConfig, ...input.config };
  checkFinetuneConfig(config);
  const chosen = chooseLabelled(input.trainFrames, ignore, config.labelFraction, seed);
  const segmenter = new Segmenter(network, config, classes, seed);
  try {
    if (pretrained) await segmenter.begin(pretrained);
    const losses: number[] = [];
    for (let step = 0; step < config.steps; step++) {
      const random = randomStream(seed, "finetune", "batch", step);
      const views = Array.from(
        { length: config.batch },
        () => labelledView(random.pick(chosen), config, random),
      );
      losses.push(await segmenter.step(views, ignore, step));
      report?.(losses.length, losses[step]);
    }
    const score = await scoreFrames(segmenter, input, config.batch);
    return { score, labelledFrames: chosen.length, losses };
  } finally {
    segmenter.dispose();
  }
}

type LabelledFrame = Frame & { readonly labels: Uint8Array };

/** The share of the frames with labelled pixels, at random but in their order. */
function chooseLabelled(
  frames: readonly Frame[],
  ignore: number,
  fraction: number,
  seed: number,
): LabelledFrame[] {
  const labelled = frames.filter((frame): frame is LabelledFrame =>
    frame.labels?.some((label) => label !== ignore) ?? false
  );
  if (labelled.length === 0) {
    throw new ConfigError("Cannot fine-tune: expected labelled training pixels, got none");
  }
  const order = randomStream(seed, "finetune", "labels").shuffle([...labelled.keys()]);
  const count = Math.max(1, Math.round(fraction * labelled.length));
  return order.slice(0, count).sort((a, b) => a - b).map((i) => labelled[i]);
}

async function scoreFrames(
  segmenter: Segmenter,
  { frames, classes, ignore }: FinetuneInput,
  batch: number,
): Promise<SegmentationScore> {
  const confusion = emptyConfusion(classes, classes);
  for await (const group of batches(frames, batch)) {
    const { height, width, values } = await segmenter.classify(group);
    const size = height * width * classes;
    group.forEach((frame, i) => {
      const scores = values.subarray(i * size, (i + 1) * size);
      const predicted = largestChannel(scores, height, width, classes, frame.height, frame.width);
      addToConfusion(confusion, labelsOf(frame), predicted, ignore);
    });
  }
  return scoreConfusion(confusion);
}
