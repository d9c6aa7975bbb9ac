import * as tf from "@tensorflow/tfjs-core";
import { gridSample } from "../lib/ops/grid_sample.ts";
import { reflectPad } from "../lib/ops/reflect_pad.ts";
import { compareEngines } from "./support.ts";

const features = () => tf.randomNormal([8, 32, 64, 16]) as tf.Tensor4D;

compareEngines("max pool 3x3/2 8x32x64x16", features, (x) => void tf.maxPool(x, 3, 2, "same"));
compareEngines("average pool 3x3/1", features, (x) => void tf.avgPool(x, 3, 1, "valid"));
compareEngines(
  "bilinear to 64x128",
  features,
  (x) => void tf.image.resizeBilinear(x, [64, 128], false, true),
);
compareEngines("mirror by one pixel", features, (x) => void reflectPad(x));
compareEngines(
  "grid sample 8x64x128x3",
  () => [tf.randomUniform([8, 64, 128, 3]), tf.randomUniform([8, 64, 128, 2], 0, 60)],
  ([x, grid]) => void gridSample(x as tf.Tensor4D, grid as tf.Tensor4D, { padding: "border" }),
);
