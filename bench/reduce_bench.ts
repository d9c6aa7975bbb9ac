import * as tf from "@tensorflow/tfjs-core";
import { compareEngines } from "./support.ts";

const matrix = () => tf.randomNormal([4096, 64]) as tf.Tensor2D;

compareEngines("sum of 4096x64", matrix, (x) => void tf.sum(x));
compareEngines("sum over rows", matrix, (x) => void tf.sum(x, 0));
compareEngines("sum over columns", matrix, (x) => void tf.sum(x, 1));
compareEngines(
  "mean over 3 channels",
  () => tf.randomNormal([65536, 3]),
  (x) => void tf.mean(x, 1),
);
compareEngines("argMax over columns", matrix, (x) => void tf.argMax(x, 1));
compareEngines("softmax", matrix, (x) => void tf.softmax(x));
compareEngines("transpose", matrix, (x) => void tf.transpose(x));
compareEngines("slice half of each row", matrix, (x) => void tf.slice(x, [0, 16], [4096, 32]));
compareEngines("concat along columns", matrix, (x) => void tf.concat([x, x], 1));
compareEngines(
  "gather 4096 rows",
  () => ({ x: matrix(), rows: tf.randomUniform([4096], 0, 4096, "int32") as tf.Tensor1D }),
  ({ x, rows }) => void tf.gather(x, rows),
);
