/**
 * CamVid's labels: 32 colours (Brostow, Fauqueur, Cipolla, "Semantic object classes in video", 2009) and the
 * 11 classes that they are usually joined to (Badrinarayanan, Kendall, Cipolla, "SegNet", 2017).
 *
 * @module
 */

/** Class names by id. */
export const CAMVID_CLASSES = [
  "sky",
  "building",
  "pole",
  "road",
  "pavement",
  "tree",
  "sign",
  "fence",
  "car",
  "pedestrian",
  "bicyclist",
] as const;

/** The id of pixels that do not count. */
export const CAMVID_IGNORE = 11;

/** A label as it is drawn. */
export interface CamVidLabel {
  /** As CamVid calls it. */
  readonly name: string;
  /** Red, green, blue, 0..255. */
  readonly colour: readonly [number, number, number];
  /** Index of {@linkcode CAMVID_CLASSES}, or {@linkcode CAMVID_IGNORE}. */
  readonly id: number;
}

/** All labels of `LabeledApproved_full`. */
export const CAMVID_LABELS: readonly CamVidLabel[] = [
  { name: "Animal", colour: [64, 128, 64], id: 9 },
  { name: "Archway", colour: [192, 0, 128], id: 1 },
  { name: "Bicyclist", colour: [0, 128, 192], id: 10 },
  { name: "Bridge", colour: [0, 128, 64], id: 1 },
  { name: "Building", colour: [128, 0, 0], id: 1 },
  { name: "Car", colour: [64, 0, 128], id: 8 },
  { name: "CartLuggagePram", colour: [64, 0, 192], id: 9 },
  { name: "Child", colour: [192, 128, 64], id: 9 },
  { name: "Column_Pole", colour: [192, 192, 128], id: 2 },
  { name: "Fence", colour: [64, 64, 128], id: 7 },
  { name: "LaneMkgsDriv", colour: [128, 0, 192], id: 3 },
  { name: "LaneMkgsNonDriv", colour: [192, 0, 64], id: 3 },
  { name: "Misc_Text", colour: [128, 128, 64], id: 6 },
  { name: "MotorcycleScooter", colour: [192, 0, 192], id: 10 },
  { name: "OtherMoving", colour: [128, 64, 64], id: 8 },
  { name: "ParkingBlock", colour: [64, 192, 128], id: 4 },
  { name: "Pedestrian", colour: [64, 64, 0], id: 9 },
  { name: "Road", colour: [128, 64, 128], id: 3 },
  { name: "RoadShoulder", colour: [128, 128, 192], id: 4 },
  { name: "Sidewalk", colour: [0, 0, 192], id: 4 },
  { name: "SignSymbol", colour: [192, 128, 128], id: 6 },
  { name: "Sky", colour: [128, 128, 128], id: 0 },
  { name: "SUVPickupTruck", colour: [64, 128, 192], id: 8 },
  { name: "TrafficCone", colour: [0, 0, 64], id: 2 },
  { name: "TrafficLight", colour: [0, 64, 64], id: 6 },
  { name: "Train", colour: [192, 64, 128], id: 8 },
  { name: "Tree", colour: [128, 128, 0], id: 5 },
  { name: "Truck_Bus", colour: [192, 128, 192], id: 8 },
  { name: "Tunnel", colour: [64, 0, 64], id: 1 },
  { name: "VegetationMisc", colour: [192, 192, 0], id: 5 },
  { name: "Void", colour: [0, 0, 0], id: CAMVID_IGNORE },
  { name: "Wall", colour: [64, 192, 0], id: 1 },
];
