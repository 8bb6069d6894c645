/** All errors, and their way from the worker to the page. */

export class LittoralError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.kind;
  }
  /** The class's name, which a minifier changes, for people and for `revive`. */
  static readonly kind: string = "LittoralError";
}
export class DownloadError extends LittoralError {
  static override readonly kind: string = "DownloadError";
}
export class IntegrityError extends LittoralError {
  static override readonly kind: string = "IntegrityError";
}
export class InsecureError extends LittoralError {
  static override readonly kind: string = "InsecureError";
}
export class DeviceError extends LittoralError {
  static override readonly kind: string = "DeviceError";
}
export class NoWebNNError extends DeviceError {
  static override readonly kind: string = "NoWebNNError";
}
export class NotIsolatedError extends DeviceError {
  static override readonly kind: string = "NotIsolatedError";
}
export class NoGpuError extends DeviceError {
  static override readonly kind: string = "NoGpuError";
}
export class RefusedError extends DeviceError {
  static override readonly kind: string = "RefusedError";
}
export class InputError extends LittoralError {
  static override readonly kind: string = "InputError";
}
export class ClosedError extends LittoralError {
  static override readonly kind: string = "ClosedError";
}

const ALL = [
  DownloadError, IntegrityError, InsecureError, DeviceError, NoWebNNError, NotIsolatedError, NoGpuError, RefusedError,
  InputError, ClosedError,
];

/** An error as a worker may post it. */
export interface Told {
  readonly kind: string;
  readonly message: string;
}

export function tell(error: unknown): Told {
  return error instanceof Error ? { kind: error.name, message: error.message } : { kind: "", message: String(error) };
}

/** The error that was told; one that is not ours is a DeviceError, as the browser's own code raised it. */
export function revive(told: Told): LittoralError {
  const kind = ALL.find((each) => each.kind === told.kind);
  return kind ? new kind(told.message) : new DeviceError(`the browser fails: ${told.message}`);
}
