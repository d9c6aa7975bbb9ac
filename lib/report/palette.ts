/**
 * Colours for pictures: one per class or region id, and a colour map for disparity.
 *
 * @module
 */

/** Red, green, blue, each 0..255. */
export type Rgb = readonly [number, number, number];

/** Cityscapes' colours by class name, with CamVid's and the street scenes' names beside them. */
const CLASS_COLOURS: Readonly<Record<string, Rgb>> = {
  road: [128, 64, 128],
  sidewalk: [244, 35, 232],
  pavement: [244, 35, 232],
  building: [70, 70, 70],
  wall: [102, 102, 156],
  fence: [190, 153, 153],
  pole: [153, 153, 153],
  "traffic light": [250, 170, 30],
  "traffic sign": [220, 220, 0],
  sign: [220, 220, 0],
  vegetation: [107, 142, 35],
  tree: [107, 142, 35],
  terrain: [152, 251, 152],
  grass: [152, 251, 152],
  sky: [70, 130, 180],
  person: [220, 20, 60],
  pedestrian: [220, 20, 60],
  rider: [255, 0, 0],
  bicyclist: [255, 0, 0],
  car: [0, 0, 142],
  truck: [0, 0, 70],
  bus: [0, 60, 100],
  train: [0, 80, 100],
  motorcycle: [0, 0, 230],
  bicycle: [119, 11, 32],
};

/** The colours of a dataset's classes: Cityscapes' where the name is known, else {@linkcode idColour}. */
export function classColours(classes: readonly string[]): Rgb[] {
  return classes.map((name, id) => CLASS_COLOURS[name] ?? idColour(id));
}

/** A colour as CSS and SVG write it. */
export function css([red, green, blue]: Rgb): string {
  return `rgb(${red} ${green} ${blue})`;
}

/** A colour for any id; neighbouring ids differ clearly (hues at the golden angle). */
export function idColour(id: number): Rgb {
  const hue = (id * 137.50776405) % 360;
  return hslToRgb(hue, 0.55 + 0.3 * ((id >> 1) & 1), 0.45 + 0.2 * (id & 1));
}

function hslToRgb(hue: number, saturation: number, lightness: number): Rgb {
  const amplitude = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (lightness - amplitude * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

/** Anchors of the "magma" colour map (S. van der Walt, N. Smith), dark to bright. */
const MAGMA: readonly Rgb[] = [
  [0, 0, 4],
  [28, 16, 68],
  [79, 18, 123],
  [129, 37, 129],
  [181, 54, 122],
  [229, 80, 100],
  [251, 135, 97],
  [254, 194, 135],
  [252, 253, 191],
];

/** What is no number: a grey, of which "magma" has none. */
const NO_NUMBER: Rgb = [128, 128, 128];

/** The "magma" colour of a value; values outside 0..1 are clamped, NaN is grey. */
export function magma(value: number): Rgb {
  if (Number.isNaN(value)) return NO_NUMBER;
  const position = Math.min(1, Math.max(0, value)) * (MAGMA.length - 1);
  const index = Math.min(MAGMA.length - 2, Math.floor(position));
  const t = position - index;
  const [a, b] = [MAGMA[index], MAGMA[index + 1]];
  return [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2])];
}
