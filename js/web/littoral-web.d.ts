/** A model that littoral exported to the web: load it, show it pictures, get answers. No dependencies. */

/** Where a model runs: "auto" is WebNN, else LiteRT.js; WebNN may be asked for a processor, and LiteRT.js for threads. */
export type Device = "auto" | "webnn" | "webnn:cpu" | "webnn:gpu" | "webnn:npu" | "wasm" | "wasm:threads";

export interface LoadOptions {
  /** "auto" when not given. */
  readonly device?: Device;
  /** Called while files come in: bytes so far, and bytes in all. */
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly file: string;
  readonly loaded: number;
  readonly total: number;
}

export type Task = "classify" | "detect" | "segment" | "pose";

/** What a picture may be: anything that a browser can draw, a file of one, or pixels (ImageData). */
export type Picture = ImageBitmapSource | ImageData;

export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dataType: DataType;
}

export type DataType = "float32" | "float16" | "int32" | "uint32" | "int64" | "uint64" | "int8" | "uint8";

export type Values =
  | Float32Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Int8Array
  | Uint8Array
  | Uint16Array;

export interface Class {
  readonly index: number;
  /** Empty where none is known. */
  readonly label: string;
  readonly score: number;
}

/** One thing in a picture; its box is in pixels of the picture. */
export interface Found extends Class {
  readonly box: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };
}

export interface Segmentation {
  readonly width: number;
  readonly height: number;
  /** The class of each pixel of the picture, row by row. */
  readonly map: Int32Array;
  /** The classes that the picture has, the largest first; share is of all pixels. */
  readonly classes: readonly { readonly index: number; readonly label: string; readonly pixels: number; readonly share: number }[];
}

/** One person; keypoints are in pixels of the picture. */
export interface Pose {
  readonly score: number;
  readonly keypoints: readonly { readonly name: string; readonly x: number; readonly y: number; readonly score: number }[];
}

export type Answer = Class[] | Found[] | Segmentation | Pose[];

export interface AnswerOptions {
  /** How many answers at most: 5 classes, and everything found, when it is not given. */
  readonly topK?: number;
  /** The smallest score that counts: 0.5 for things, 0.2 for people, when it is not given. */
  readonly threshold?: number;
}

export interface Model {
  readonly name: string;
  /** What the model is for; null where its outputs did not tell. */
  readonly task: Task | null;
  /** What really runs it: "webnn", or "webnn:cpu" and "webnn:accelerated" where the browser says so, "wasm", "wasm:threads". */
  readonly device: string;
  /** What was passed over, and why. */
  readonly notes: readonly string[];
  readonly labels: readonly string[];
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Milliseconds that the last call spent in the model itself: values in, values out. */
  readonly latency: number;

  /** Runs it. Quantized models take and give real numbers. A Uint8Array for a picture's float32 input is pixels of 0 to 255. */
  run(inputs: Readonly<Record<string, Values>>): Promise<Record<string, Values>>;
  /** The tensor that a picture becomes, as the model's contract says. */
  prepare(picture: Picture): Promise<Float32Array>;
  /** The answer for the model's task. */
  answer(picture: Picture, options?: AnswerOptions): Promise<Answer>;
  classify(picture: Picture, options?: AnswerOptions): Promise<Class[]>;
  detect(picture: Picture, options?: AnswerOptions): Promise<Found[]>;
  segment(picture: Picture): Promise<Segmentation>;
  poses(picture: Picture, options?: AnswerOptions): Promise<Pose[]>;
  /** Frees it; later calls give a ClosedError. */
  close(): void;
}

/** Loads a model: url is that of its model.json, relative to the page. */
export function load(url: string | URL, options?: LoadOptions): Promise<Model>;

/** The base of all errors here. */
export class LittoralError extends Error {}
/** A file cannot be fetched. */
export class DownloadError extends LittoralError {}
/** A file is not the one that was exported: altered, or cut short. */
export class IntegrityError extends LittoralError {}
/** The page is not served over https, nor from this machine: browsers then have neither WebNN nor SHA-256. */
export class InsecureError extends LittoralError {}
/** A device is not here, or does not take the model. */
export class DeviceError extends LittoralError {}
/** The browser has no WebNN. */
export class NoWebNNError extends DeviceError {}
/** Threads need a cross-origin isolated page. */
export class NotIsolatedError extends DeviceError {}
/** There is no GPU that the browser may use. */
export class NoGpuError extends DeviceError {}
/** The browser's WebNN refuses a part of the model. */
export class RefusedError extends DeviceError {}
/** A tensor or picture that the model does not take. */
export class InputError extends LittoralError {}
/** The model is closed. */
export class ClosedError extends LittoralError {}
