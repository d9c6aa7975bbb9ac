/**
 * The few errors that a caller would catch. Each message is one line of the form
 * `Cannot <verb> <thing>: expected <x>, got <y>; <remedy>`. The CLI prints it and exits with code 1;
 * anything that is not a {@linkcode CpcdrError} is a defect and keeps its stack.
 *
 * @module
 */

/** What every deliberate error of this module derives from. */
export class CpcdrError extends Error {
  /** The name of its class. */
  override readonly name: string = "CpcdrError";
}

/** A dataset, image, label or other input file cannot be used as it is. */
export class DataError extends CpcdrError {
  /** The name of its class. */
  override readonly name = "DataError";
}

/** An option or a configuration value is out of its range, or two of them contradict each other. */
export class ConfigError extends CpcdrError {
  /** The name of its class. */
  override readonly name = "ConfigError";
}

/** A checkpoint is missing, truncated, or belongs to another network or preset. */
export class CheckpointError extends CpcdrError {
  /** The name of its class. */
  override readonly name = "CheckpointError";
}

/** An engine cannot be used, was lost, or ran out of memory. */
export class DeviceError extends CpcdrError {
  /** The name of its class. */
  override readonly name: string = "DeviceError";
}

/** The GPU went away (driver reset, unplugged, destroyed); tensors on it are gone. */
export class DeviceLostError extends DeviceError {
  /** The name of its class. */
  override readonly name = "DeviceLostError";
}

/** A tensor does not fit the GPU's memory, or one binding of it. */
export class DeviceMemoryError extends DeviceError {
  /** The name of its class. */
  override readonly name = "DeviceMemoryError";
}

/** Training left the range where its numbers mean anything: NaN or infinite loss, collapse. */
export class TrainingError extends CpcdrError {
  /** The name of its class. */
  override readonly name = "TrainingError";
}

/** A result cannot be written: full disk, read-only folder. What was saved before is intact. */
export class StorageError extends CpcdrError {
  /** The name of its class. */
  override readonly name = "StorageError";
}

/** What a failed write means to the user; errors that are not about storage pass through. */
export function storageError(path: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = (error as { code?: string }).code;
  if (code === "ENOSPC" || error.message.includes("os error 28")) {
    return new StorageError(
      `Cannot write ${path}: the disk is full; free some space and start again, a run with --resume`,
    );
  }
  if (error instanceof Deno.errors.PermissionDenied || code === "EROFS" || code === "EACCES") {
    return new StorageError(
      `Cannot write ${path}: ${error.message}; choose another folder with --out`,
    );
  }
  if (code === "ENOTDIR" || code === "EEXIST" || error instanceof Deno.errors.NotADirectory) {
    return new StorageError(
      `Cannot write ${path}: a file is in its way; choose another folder with --out`,
    );
  }
  if (error instanceof Deno.errors.IsADirectory || code === "EISDIR") {
    return new StorageError(`Cannot write ${path}: a folder is in its way; name a file with --out`);
  }
  if (code === "ENAMETOOLONG" || error.message.includes("os error 36")) {
    return new StorageError(
      `Cannot write ${path.slice(0, 60)}...: the name is too long; choose a shorter one with --out`,
    );
  }
  return error;
}
