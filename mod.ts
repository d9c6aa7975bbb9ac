/**
 * cpcdr learns urban-scene features from unlabelled driving video: self-supervised depth, coherent depth
 * regions, copy-paste mixing across images, contrastive pretraining, evaluation.
 *
 * Stages pass on plain records (see `lib/records.ts`), and nothing happens at import. Start with
 * {@linkcode useDevice}, then follow the data: {@linkcode streetScenes} or {@linkcode openDataset} ->
 * {@linkcode DepthTrainer} -> {@linkcode depthRegions} -> {@linkcode mixImages} ->
 * {@linkcode Pretrainer} -> {@linkcode clusterProtocol}. {@linkcode show} displays any of these results in a
 * notebook.
 *
 * @example
 * ```ts
 * import { depthRegions, streetScenes } from "@cpcdr/cpcdr";
 * const scenes = streetScenes({ seed: 0, split: "train", sequences: 1, framesPerSequence: 1 });
 * const frame = await scenes.read(0, { height: 64, width: 128 });
 * const disparity = frame.depth!.map((metres) => 1 / metres);
 * const map = depthRegions({ height: 64, width: 128, disparity }, frame.intrinsics!);
 * console.log(map.regions.length, "regions");
 * ```
 *
 * @module
 */

export * from "./lib/errors.ts";
export * from "./lib/random.ts";
export * from "./lib/records.ts";
export {
  type Device,
  type DeviceName,
  type DeviceOptions,
  type Precision,
  useDevice,
} from "./lib/engine/device.ts";
export type { StateDict, StateTensor } from "./lib/nn/parameters.ts";
export { type Dataset, type FrameInfo, type Size, type Split, SPLITS } from "./lib/data/dataset.ts";
export { openDataset, type OpenOptions } from "./lib/data/open.ts";
export { openFolder } from "./lib/data/folder.ts";
export { readFrames, type ReadOptions } from "./lib/data/read_ahead.ts";
export { writeDescription, writeFrame } from "./lib/data/write.ts";
export type { Description } from "./lib/data/description.ts";
export {
  CAMVID_CLASSES,
  CAMVID_IGNORE,
  CAMVID_LABELS,
  type CamVidLabel,
} from "./lib/data/camvid_classes.ts";
export {
  CITYSCAPES_CLASSES,
  CITYSCAPES_IGNORE,
  CITYSCAPES_LABELS,
  type CityscapesLabel,
} from "./lib/data/cityscapes_classes.ts";
export { type StreetOptions, streetScenes, type StreetSplit } from "./lib/data/street/scenes.ts";
export {
  type AlignmentLevel,
  checkDepthConfig,
  defaultDepthConfig,
  DEPTH_TARGETS,
  type DepthAugmentation,
  type DepthConfig,
  type DepthSchedule,
  type InitialDisparity,
  LOSS_SIZES,
  POSE_ENCODERS,
  REPROJECTIONS,
  smallDepthConfig,
  tinyDepthConfig,
} from "./lib/depth/config.ts";
export {
  absRelPerClass,
  constantDepthMetrics,
  defaultDepthMetricOptions,
  type DepthMetricOptions,
  depthMetrics,
  type DepthScore,
  type LabelledDepth,
  meanDepthScore,
} from "./lib/depth/metrics.ts";
export {
  meanPoseScore,
  poseMetrics,
  type PoseScore,
  relativeMotion,
  type RigidMotion,
} from "./lib/depth/pose_metrics.ts";
export type { DepthAssessment } from "./lib/depth/assess.ts";
export type { DepthInput, PredictOptions } from "./lib/depth/predict.ts";
export { type DepthMetrics, DepthTrainer } from "./lib/depth/trainer.ts";
export type { DepthBatch, Pixels } from "./lib/depth/augmentation.ts";
export {
  checkRegionConfig,
  type ColourRegionConfig,
  defaultRegionConfig,
  type Grouping,
  GROUPINGS,
  type InfomapConfig,
  REGION_SOURCES,
  type RegionConfig,
} from "./lib/regions/config.ts";
export { regionsBy, type RegionSource } from "./lib/regions/region_source.ts";
export type { SuperpixelConfig, SuperpixelImage } from "./lib/regions/superpixels.ts";
export {
  type BatchComponents,
  type ComponentOptions,
  type Components,
  connectedComponents,
} from "./lib/regions/connected_components.ts";
export {
  type ComponentBorder,
  type ComponentStatistics,
  componentStatistics,
  type Statistics,
  type StatisticsInput,
} from "./lib/regions/component_statistics.ts";
export type { NativeLibrary } from "./lib/engine/native/library.ts";
export type { HotLibrary } from "./lib/engine/native/hot.ts";
export { CudaEngine, type CudaPrecision } from "./lib/engine/native/cuda_engine.ts";
export {
  type CudaDevice,
  type CudaLibrary,
  type CudaProbe,
  probeCuda,
} from "./lib/engine/native/cuda_library.ts";
export { similarity, type SimilarityOptions } from "./lib/evaluate/similarity.ts";
export { depthRegions } from "./lib/regions/depth_regions.ts";
export { infomap, type Partition } from "./lib/regions/infomap.ts";
export { codelength, type FlowGraph, flowGraph, type Links } from "./lib/regions/map_equation.ts";
export {
  addBoundaries,
  type BoundaryCounts,
  boundaryRecall,
  emptyBoundaries,
} from "./lib/regions/boundaries.ts";
export { addPurity, emptyPurity, type PurityCounts, regionPurity } from "./lib/regions/quality.ts";
export {
  addRecovery,
  emptyRecovery,
  recoveredShares,
  type RecoveryCounts,
} from "./lib/regions/recovery.ts";
export {
  type BlurredColourConfig,
  checkMixConfig,
  type ColourConfig,
  type MixConfig,
  paperMixConfig,
  PASTE_SHAPES,
  type PasteRules,
  type PasteShape,
  smallMixConfig,
  tinyMixConfig,
} from "./lib/mix/config.ts";
export { mixedBatch } from "./lib/mix/batches.ts";
export type { BatchArrays, MixPlan, PlannedPaste } from "./lib/mix/compose.ts";
export { compositePastes, mixImages } from "./lib/mix/mix_images.ts";
export type { MixSource, Paste, Piece } from "./lib/mix/paste.ts";
export type { ColourStep } from "./lib/mix/colour.ts";
export type { Look, View } from "./lib/mix/view.ts";
export {
  BACKBONES,
  type ObjectiveName,
  OBJECTIVES,
  type OptimizerConfig,
  paperPretrainConfig,
  type PretrainConfig,
  smallPretrainConfig,
  tinyPretrainConfig,
} from "./lib/pretrain/config.ts";
export type { FeatureOptions } from "./lib/pretrain/features.ts";
export type { PretrainMetrics } from "./lib/pretrain/metrics.ts";
export { Pretrainer } from "./lib/pretrain/pretrainer.ts";
export {
  clusterProtocol,
  type ClusterProtocolInput,
  type ClusterProtocolResult,
} from "./lib/evaluate/cluster_protocol.ts";
export {
  groupPrototypes,
  type PrototypeModel,
  type PrototypeUse,
  prototypeUse,
} from "./lib/evaluate/prototype_groups.ts";
export {
  type ColourBaselineOptions,
  colourPositionBaseline,
} from "./lib/evaluate/colour_baseline.ts";
export type { KMeansOptions } from "./lib/evaluate/kmeans.ts";
export {
  type Embedder,
  kmeansProtocol,
  type KMeansProtocolInput,
} from "./lib/evaluate/kmeans_protocol.ts";
export { finetune, type FinetuneInput, type FinetuneResult } from "./lib/evaluate/finetune.ts";
export { defaultFinetuneConfig, type FinetuneConfig } from "./lib/evaluate/finetune_config.ts";
export { linearProbe, type LinearProbeInput } from "./lib/evaluate/linear_probe.ts";
export type { SoftmaxRegressionOptions } from "./lib/evaluate/softmax_regression.ts";
export {
  encodePng,
  JUPYTER_DISPLAY,
  type MimeBundle,
  show,
  type Showable,
  showCurves,
  Shown,
  showScore,
} from "./lib/report/display.ts";
export { featurePictures } from "./lib/report/feature_pictures.ts";
export { classColours, idColour, type Rgb } from "./lib/report/palette.ts";
export {
  disparityPicture,
  framePicture,
  type IdMap,
  idPicture,
  labelPicture,
  markedPicture,
  mixedPicture,
  type Picture,
  regionPicture,
  scalarPicture,
  sideBySide,
  spotlightPicture,
  stacked,
} from "./lib/report/pictures.ts";
export { type DepthTarget, depthTargets, intrinsicsFor } from "./lib/run/inputs.ts";
export { featuresModel } from "./lib/export/onnx/features.ts";
export { disparityModel } from "./lib/export/onnx/disparity.ts";
export {
  encodeOnnx,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from "./lib/export/onnx/schema.ts";
export {
  memoryAdvice,
  type MemoryPlan,
  memoryPlan,
  type PlannedBatch,
} from "./lib/pretrain/memory_plan.ts";
export { type Preset, type PresetName, PRESETS, type SceneCounts } from "./lib/run/presets.ts";
export { depthBatch, mixSource } from "./lib/run/stage_inputs.ts";
export { mixSources } from "./lib/run/mix_sources.ts";
export { readRun, type RunConfig } from "./lib/run/storage/run_folder.ts";
export { loadDepth, loadFeatures, type LoadOptions } from "./lib/run/load.ts";
export {
  decodeSafetensors,
  encodeSafetensors,
  type Tensors,
} from "./lib/run/storage/safetensors.ts";
