import * as tf from "@tensorflow/tfjs-core";
import { compareEngines } from "./support.ts";

const SHAPE: [number, number, number, number] = [8, 32, 64, 16];
const pair = () => [tf.randomNormal(SHAPE), tf.randomNormal(SHAPE)];

compareEngines("add 8x32x64x16", pair, ([a, b]) => void tf.add(a, b));
compareEngines(
  "add a bias of 16",
  () => [tf.randomNormal(SHAPE), tf.randomNormal([16])],
  ([a, b]) => void tf.add(a, b),
);
compareEngines("relu", pair, ([a]) => void tf.relu(a));
compareEngines("elu", pair, ([a]) => void tf.elu(a));
compareEngines("sigmoid", pair, ([a]) => void tf.sigmoid(a));
compareEngines("exp", pair, ([a]) => void tf.exp(a));
compareEngines("select", pair, ([a, b]) => void tf.where(tf.greater(a, b), a, b));
