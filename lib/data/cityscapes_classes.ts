/**
 * Labels of Cityscapes and of KITTI's semantics benchmark: 34 label ids, and the 19 of them that are trained
 * and scored (Cordts et al., "The Cityscapes Dataset", 2016; `labels.py` of cityscapesScripts).
 *
 * @module
 */

/** A label as it is stored. */
export interface CityscapesLabel {
  /** As Cityscapes calls it. */
  readonly name: string;
  /** The value of `*_labelIds.png`. */
  readonly id: number;
  /** Index of {@linkcode CITYSCAPES_CLASSES}, or {@linkcode CITYSCAPES_IGNORE}. */
  readonly trainId: number;
  /** Red, green, blue, 0..255. */
  readonly colour: readonly [number, number, number];
}

/** The train id of pixels that do not count. */
export const CITYSCAPES_IGNORE = 255;

/** All labels, by id. License plates (id -1) are stored as 255 where they are stored at all. */
export const CITYSCAPES_LABELS: readonly CityscapesLabel[] = [
  { id: 0, trainId: 255, name: "unlabeled", colour: [0, 0, 0] },
  { id: 1, trainId: 255, name: "ego vehicle", colour: [0, 0, 0] },
  { id: 2, trainId: 255, name: "rectification border", colour: [0, 0, 0] },
  { id: 3, trainId: 255, name: "out of roi", colour: [0, 0, 0] },
  { id: 4, trainId: 255, name: "static", colour: [0, 0, 0] },
  { id: 5, trainId: 255, name: "dynamic", colour: [111, 74, 0] },
  { id: 6, trainId: 255, name: "ground", colour: [81, 0, 81] },
  { id: 7, trainId: 0, name: "road", colour: [128, 64, 128] },
  { id: 8, trainId: 1, name: "sidewalk", colour: [244, 35, 232] },
  { id: 9, trainId: 255, name: "parking", colour: [250, 170, 160] },
  { id: 10, trainId: 255, name: "rail track", colour: [230, 150, 140] },
  { id: 11, trainId: 2, name: "building", colour: [70, 70, 70] },
  { id: 12, trainId: 3, name: "wall", colour: [102, 102, 156] },
  { id: 13, trainId: 4, name: "fence", colour: [190, 153, 153] },
  { id: 14, trainId: 255, name: "guard rail", colour: [180, 165, 180] },
  { id: 15, trainId: 255, name: "bridge", colour: [150, 100, 100] },
  { id: 16, trainId: 255, name: "tunnel", colour: [150, 120, 90] },
  { id: 17, trainId: 5, name: "pole", colour: [153, 153, 153] },
  { id: 18, trainId: 255, name: "polegroup", colour: [153, 153, 153] },
  { id: 19, trainId: 6, name: "traffic light", colour: [250, 170, 30] },
  { id: 20, trainId: 7, name: "traffic sign", colour: [220, 220, 0] },
  { id: 21, trainId: 8, name: "vegetation", colour: [107, 142, 35] },
  { id: 22, trainId: 9, name: "terrain", colour: [152, 251, 152] },
  { id: 23, trainId: 10, name: "sky", colour: [70, 130, 180] },
  { id: 24, trainId: 11, name: "person", colour: [220, 20, 60] },
  { id: 25, trainId: 12, name: "rider", colour: [255, 0, 0] },
  { id: 26, trainId: 13, name: "car", colour: [0, 0, 142] },
  { id: 27, trainId: 14, name: "truck", colour: [0, 0, 70] },
  { id: 28, trainId: 15, name: "bus", colour: [0, 60, 100] },
  { id: 29, trainId: 255, name: "caravan", colour: [0, 0, 90] },
  { id: 30, trainId: 255, name: "trailer", colour: [0, 0, 110] },
  { id: 31, trainId: 16, name: "train", colour: [0, 80, 100] },
  { id: 32, trainId: 17, name: "motorcycle", colour: [0, 0, 230] },
  { id: 33, trainId: 18, name: "bicycle", colour: [119, 11, 32] },
  { id: 255, trainId: 255, name: "license plate", colour: [0, 0, 142] },
];

/** The 19 class names by train id. */
export const CITYSCAPES_CLASSES: readonly string[] = CITYSCAPES_LABELS
  .filter(({ trainId }) => trainId !== CITYSCAPES_IGNORE)
  .map(({ name }) => name);
