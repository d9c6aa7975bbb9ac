import { checkSmoothImages, smoothShapes } from "../../ops/smooth_images.ts";
import { gpuTest } from "./support.ts";

for (const shape of smoothShapes) {
  gpuTest(
    `photometricError() keeps its digits on smooth images of [${shape}]`,
    (random) => checkSmoothImages(random, shape),
  );
}
