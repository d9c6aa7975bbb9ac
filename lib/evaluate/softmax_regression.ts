/**
 * Multinomial logistic regression, fitted by Adam on random minibatches.
 *
 * @module
 */
import { SettingChecks } from "../checks.ts";
import { ConfigError } from "../errors.ts";
import type { Random } from "../random.ts";

/** Settings of {@linkcode fitSoftmaxRegression}. */
export interface SoftmaxRegressionOptions {
  /** Adam's steps. */
  readonly steps: number;
  /** Rows of one step. */
  readonly batchSize: number;
  /** Adam's rate. */
  readonly learningRate: number;
}

/** The defaults of {@linkcode fitSoftmaxRegression}. */
export const defaultSoftmaxRegressionOptions: SoftmaxRegressionOptions = {
  steps: 300,
  batchSize: 1024,
  learningRate: 0.02,
};

/** What is asked for, and the defaults of the rest. @throws {ConfigError} when an option is out of its range. */
export function softmaxRegressionOptions(
  options: Partial<SoftmaxRegressionOptions>,
): SoftmaxRegressionOptions {
  const {
    steps = defaultSoftmaxRegressionOptions.steps,
    batchSize = defaultSoftmaxRegressionOptions.batchSize,
    learningRate = defaultSoftmaxRegressionOptions.learningRate,
  } = options;
  const checks = new SettingChecks("linear classifier");
  checks.whole("steps", steps, 1);
  checks.whole("batchSize", batchSize, 1);
  checks.positive("learningRate", learningRate);
  return { steps, batchSize, learningRate };
}

/** A linear classifier: score of class c is `weights[c] . x + bias[c]`. */
export interface LinearClassifier {
  /** `[classes,dimension]`. */
  readonly weights: Float64Array;
  /** `[classes]`. */
  readonly bias: Float64Array;
}

/**
 * Fits a classifier on inputs that are standardised inside (zero mean, unit deviation an axis); the
 * answer applies to the inputs as they were given.
 *
 * @param rows `[count,dimension]`; @param labels `[count]` 0..classes-1.
 * @throws {ConfigError} when there is no row, the sizes contradict each other, or an option is out of its range.
 */
export function fitSoftmaxRegression(
  rows: Float32Array,
  labels: ArrayLike<number>,
  dimension: number,
  classes: number,
  random: Random,
  options: Partial<SoftmaxRegressionOptions> = {},
): LinearClassifier {
  const { steps, batchSize, learningRate } = softmaxRegressionOptions(options);
  const count = labels.length;
  if (count === 0 || rows.length !== count * dimension) {
    throw new ConfigError(
      `Cannot fit a linear classifier: expected at least one row of ${dimension} values a label, ` +
        `got ${rows.length} values and ${count} labels`,
    );
  }
  const { mean, deviation } = moments(rows, dimension);
  const stride = dimension + 1;
  const parameters = new Float64Array(classes * stride);
  const adam = new AdamState(parameters.length);
  const input = new Float64Array(stride).fill(1);
  for (let step = 1; step <= steps; step++) {
    const gradient = new Float64Array(parameters.length);
    for (let n = 0; n < batchSize; n++) {
      const row = random.integer(count);
      for (let d = 0; d < dimension; d++) {
        input[d] = (rows[row * dimension + d] - mean[d]) / deviation[d];
      }
      addGradient(parameters, input, labels[row], classes, 1 / batchSize, gradient);
    }
    adam.update(parameters, gradient, learningRate, step);
  }
  return unstandardise(parameters, mean, deviation, classes);
}

/** Adds scale * d/dW of -log softmax(W input)[label]; the last input is 1 and carries the bias. */
function addGradient(
  parameters: Float64Array,
  input: Float64Array,
  label: number,
  classes: number,
  scale: number,
  gradient: Float64Array,
): void {
  const stride = input.length;
  const scores = new Float64Array(classes);
  for (let c = 0; c < classes; c++) {
    for (let d = 0; d < stride; d++) scores[c] += parameters[c * stride + d] * input[d];
  }
  const largest = Math.max(...scores);
  let total = 0;
  for (let c = 0; c < classes; c++) total += scores[c] = Math.exp(scores[c] - largest);
  for (let c = 0; c < classes; c++) {
    const difference = scale * (scores[c] / total - (c === label ? 1 : 0));
    for (let d = 0; d < stride; d++) gradient[c * stride + d] += difference * input[d];
  }
}

/** Adam (Kingma and Ba 2015) with its usual constants, on one flat array. */
class AdamState {
  readonly #first: Float64Array;
  readonly #second: Float64Array;

  constructor(size: number) {
    this.#first = new Float64Array(size);
    this.#second = new Float64Array(size);
  }

  /** Moves the parameters in place; `step` counts from 1. */
  update(parameters: Float64Array, gradient: Float64Array, rate: number, step: number): void {
    for (let i = 0; i < parameters.length; i++) {
      this.#first[i] = 0.9 * this.#first[i] + 0.1 * gradient[i];
      this.#second[i] = 0.999 * this.#second[i] + 0.001 * gradient[i] ** 2;
      const first = this.#first[i] / (1 - 0.9 ** step);
      const second = this.#second[i] / (1 - 0.999 ** step);
      parameters[i] -= rate * first / (Math.sqrt(second) + 1e-8);
    }
  }
}

function moments(
  rows: Float32Array,
  dimension: number,
): { mean: Float64Array; deviation: Float64Array } {
  const count = rows.length / dimension;
  const mean = new Float64Array(dimension), variance = new Float64Array(dimension);
  rows.forEach((value, i) => mean[i % dimension] += value / count);
  rows.forEach((value, i) => variance[i % dimension] += (value - mean[i % dimension]) ** 2 / count);
  return { mean, deviation: variance.map((v) => Math.sqrt(v) + 1e-5) };
}

function unstandardise(
  parameters: Float64Array,
  mean: Float64Array,
  deviation: Float64Array,
  classes: number,
): LinearClassifier {
  const dimension = mean.length;
  const weights = new Float64Array(classes * dimension), bias = new Float64Array(classes);
  for (let c = 0; c < classes; c++) {
    bias[c] = parameters[c * (dimension + 1) + dimension];
    for (let d = 0; d < dimension; d++) {
      const weight = parameters[c * (dimension + 1) + d] / deviation[d];
      weights[c * dimension + d] = weight;
      bias[c] -= weight * mean[d];
    }
  }
  return { weights, bias };
}
