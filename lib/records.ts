/**
 * The records that stages hand on, in the order in which data walks through the rooms:
 * {@linkcode Frame} -> {@linkcode DepthMap} -> {@linkcode RegionMap} -> {@linkcode MixedBatch}.
 * Pixel arrays are row-major, `[H,W]` or `[H,W,C]`; pixel (x, y) has its centre at (x, y), so that
 * the image spans [-0.5, W - 0.5). The maker of a record owns its arrays; readers do not write.
 *
 * @module
 */

/** Pinhole intrinsics in image widths (fx, cx) and heights (fy, cy), so that resizing keeps them. */
export interface Intrinsics {
  /** Focal length across, in image widths; above 0. */
  readonly fx: number;
  /** Focal length down, in image heights; above 0. */
  readonly fy: number;
  /** Column of the principal point, in image widths from the left edge. */
  readonly cx: number;
  /** Row of the principal point, in image heights from the upper edge. */
  readonly cy: number;
}

/** One image of a driving video at its working size, with whatever truth the dataset has. */
export interface Frame {
  /** Unique in its dataset: `<sequence>/<file name without extension>`. */
  readonly name: string;
  /** The video it belongs to; frames of one sequence are neighbours in time. */
  readonly sequence: string;
  /** Its image's whole path, where it came from one. */
  readonly file?: string;
  /** H, pixels. */
  readonly height: number;
  /** W, pixels. */
  readonly width: number;
  /** `[H,W,3]` sRGB, 0..255. */
  readonly rgb: Uint8Array;
  /** Of its camera, where it is known. */
  readonly intrinsics?: Intrinsics;
  /**
   * Width over height of what the camera saw, where this size shows it squashed or stretched; `width / height` by
   * default.
   */
  readonly aspect?: number;
  /** `[H,W]` class ids; the dataset's `ignore` value marks pixels that do not count. */
  readonly labels?: Uint8Array;
  /** `[H,W]` metres along the optical axis; Infinity is sky, 0 is unknown. */
  readonly depth?: Float32Array;
  /** `[H,W]` inverse depth 0..1 that came with the dataset, up to one unknown scale; 0 is unknown. */
  readonly disparity?: Float32Array;
  /** `[H,W]` ids of regions that came with the dataset; pixels of one id are one region. */
  readonly regionIds?: Uint16Array;
  /** `[H,W]` instance ids, unique in the frame. */
  readonly instances?: Uint16Array;
  /** Camera-to-world, 4x4 row-major, metres; x right, y down, z forward. */
  readonly pose?: Float64Array;
}

/** What the depth stage says of one frame. */
export interface DepthMap {
  /** H, pixels. */
  readonly height: number;
  /** W, pixels. */
  readonly width: number;
  /** `[H,W]` inverse depth, > 0, up to one unknown scale per video. */
  readonly disparity: Float32Array;
}

/** One coherent depth region of a {@linkcode RegionMap}. */
export interface Region {
  /** Pixels. */
  readonly area: number;
  /** Box in pixels: rows [top, bottom), columns [left, right). */
  readonly top: number;
  /** First column. */
  readonly left: number;
  /** The row after the last. */
  readonly bottom: number;
  /** The column after the last. */
  readonly right: number;
  /** Mean inverse depth, in the unit of the depth map it came from. */
  readonly disparity: number;
}

/** A frame cut into coherent depth regions. */
export interface RegionMap {
  /** H, pixels. */
  readonly height: number;
  /** W, pixels. */
  readonly width: number;
  /** `[H,W]` region ids 0..regions.length-1, in raster order of first pixel. */
  readonly ids: Int32Array;
  /** By id. */
  readonly regions: readonly Region[];
  /** How the frame was cut, such as `components` or `slic`, where `depthRegions` or `regionsBy` did it. */
  readonly cutBy?: string;
}

/** One copy of source pixels in a mixed image: the whole source (background) or one pasted region. */
export interface Copy {
  /** The mixed image it lies in, 0..count-1. */
  readonly mixed: number;
  /** The source image it was taken from, 0..M-1. */
  readonly source: number;
  /** The region of that source, or of the shapes that are pasted where those differ; -1: a whole image, or a box. */
  readonly region: number;
  /** 3x3 row-major, affine: source pixel (x, y, 1) to pixel of the final mixed image. */
  readonly transform: Float64Array;
}

/** 2M mixed images made of M sources, ready for a training step. */
export interface MixedBatch {
  /** 2M. */
  readonly count: number;
  /** H, pixels of every image. */
  readonly height: number;
  /** W, pixels of every image. */
  readonly width: number;
  /** `[2M,H,W,3]`, normalised with ImageNet's mean and deviation. */
  readonly images: Float32Array;
  /** `[2M,H,W]` index into `copies`: whose pixel is seen there. */
  readonly copyIds: Int32Array;
  /** `[2M,H,W]` region ids, unique in the batch: `regionOffsets[source] + id in that source`. */
  readonly regionIds: Int32Array;
  /** Where the pixels of all images come from; copies that later ones hid again are among them. */
  readonly copies: readonly Copy[];
  /** `[M+1]` first batch-wide region id of each source, and the total at the end. */
  readonly regionOffsets: Int32Array;
}

/** Features of one or more images. */
export interface Embedding {
  /** N, images. */
  readonly count: number;
  /** h, features. */
  readonly height: number;
  /** w, features. */
  readonly width: number;
  /** C, length of a feature. */
  readonly channels: number;
  /** `[N,h,w,C]`, each pixel's row of unit length. */
  readonly values: Float32Array;
}

/** Agreement of a segmentation with labels; every ratio is a fraction 0..1. */
export interface SegmentationScore {
  /** Mean over classes that occur, after one-to-one matching where clusters were given. */
  readonly miou: number;
  /** Share of the labelled pixels that are right. */
  readonly accuracy: number;
  /** IoU per class, NaN for a class that occurs in neither labels nor prediction. */
  readonly perClass: readonly number[];
  /** `[C,C]` pixel counts, row = label, column = prediction. */
  readonly confusion: Float64Array;
}
