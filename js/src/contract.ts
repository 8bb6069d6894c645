/** The contract: how a picture becomes a tensor. It travels as JSON in the model file's metadata entry `littoral`. */
import { metadataEntry } from "./modelfile.js";

const VERSION = 1;

/** How a picture becomes one input tensor: value = (pixel - mean) * scale, with pixel in 0..255. */
export interface InputContract {
  /** The input's name in the model; empty where the model has one input. */
  readonly name: string;
  /** NHW is a gray picture without a channel axis. */
  readonly layout: "NHWC" | "NCHW" | "NHW";
  readonly width: number;
  readonly height: number;
  /** The order of the tensor's channels. */
  readonly colour: "rgb" | "bgr" | "gray";
  readonly resize: "bilinear" | "area" | "letterbox" | "nearest";
  /** One for all channels, or one a channel in the tensor's order. */
  readonly scale: number | readonly number[];
  /** The same, in pixels. */
  readonly mean: number | readonly number[];
}

export interface Contract {
  readonly inputs: readonly InputContract[];
  /** Names of the classes, in the order of the model's output. */
  readonly labels: readonly string[];
  /** How the file was quantized; empty where it was not by littoral. */
  readonly recipe: string;
}

export class ContractError extends Error {
  override name = "ContractError";
}

/** The contract in a model file, or null when littoral wrote none into it. */
export function readContract(modelFile: Uint8Array): Contract | null {
  const entry = metadataEntry(modelFile, "littoral");
  return entry === null ? null : parseContract(new TextDecoder().decode(entry));
}

/** The contract that the JSON text holds; ContractError names the key that is wrong and what is accepted. */
export function parseContract(text: string): Contract {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new ContractError(`the contract is not JSON: ${(error as Error).message}`);
  }
  const fields = object(data, "the contract");
  if ((fields["version"] ?? VERSION) !== VERSION) {
    throw new ContractError(`the contract's version is ${String(fields["version"])}; this littoral reads version ${VERSION}`);
  }
  return {
    inputs: list(fields["inputs"] ?? [], "inputs").map(parseInput),
    labels: list(fields["labels"] ?? [], "labels").map((label, i) => string(label, `labels[${i}]`)),
    recipe: string(fields["recipe"] ?? "", "recipe"),
  };
}

/**
 * The tensor that a picture becomes: no copy is made of the pixels, one array is written.
 *
 * @param pixels RGBA, already of the contract's width and height (a canvas' ImageData.data, say); alpha is dropped. Floats, of a
 *   picture that is resized without rounding, must be gray already where the contract is.
 */
export function prepare(pixels: Uint8Array | Uint8ClampedArray | Float32Array, input: InputContract): Float32Array {
  const area = input.width * input.height;
  if (pixels.length !== 4 * area) {
    throw new ContractError(
      `the picture has ${pixels.length} bytes, and ${input.width}x${input.height} RGBA has ${4 * area}: resize it first`,
    );
  }
  const source = { rgb: [0, 1, 2], bgr: [2, 1, 0], gray: [-1] }[input.colour];
  const channels = source.length;
  const tensor = new Float32Array(area * channels);
  source.forEach((from, channel) => {
    const mean = Math.fround(ofChannel(input.mean, channel));
    const scale = Math.fround(ofChannel(input.scale, channel));
    const [start, step] = input.layout === "NCHW" ? [channel * area, 1] : [channel, channels];
    for (let i = 0; i < area; i++) {
      const pixel = from < 0 ? luma(pixels, 4 * i) : (pixels[4 * i + from] as number);
      tensor[start + i * step] = Math.fround(pixel - mean) * scale; // as Python computes it: in single precision
    }
  });
  return tensor;
}

/** ITU-R 601-2 luma of the pixel at an index of RGBA bytes, in 16-bit fixed point, as Pillow computes it. */
export function luma(pixels: Uint8Array | Uint8ClampedArray | Float32Array, at: number): number {
  if (pixels instanceof Float32Array) return pixels[at] as number;
  const [r, g, b] = [pixels[at] as number, pixels[at + 1] as number, pixels[at + 2] as number];
  return (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
}

function ofChannel(values: number | readonly number[], channel: number): number {
  return typeof values === "number" ? values : (values[channel] as number);
}

function parseInput(value: unknown, index: number): InputContract {
  const where = `inputs[${index}]`;
  const fields = object(value, where);
  const colour = oneOf(fields["colour"] ?? "rgb", ["rgb", "bgr", "gray"] as const, `${where}.colour`);
  const channels = colour === "gray" ? 1 : 3;
  return {
    name: string(fields["name"] ?? "", `${where}.name`),
    layout: oneOf(fields["layout"] ?? "NHWC", ["NHWC", "NCHW", "NHW"] as const, `${where}.layout`),
    width: side(fields["width"], `${where}.width`),
    height: side(fields["height"], `${where}.height`),
    colour,
    resize: oneOf(fields["resize"] ?? "bilinear", ["bilinear", "area", "letterbox", "nearest"] as const, `${where}.resize`),
    scale: numbers(fields["scale"] ?? 1, channels, `${where}.scale`),
    mean: numbers(fields["mean"] ?? 0, channels, `${where}.mean`),
  };
}

function wrong(where: string, value: unknown, accepted: string): ContractError {
  return new ContractError(`${where} is ${JSON.stringify(value) ?? "missing"}; accepted: ${accepted}`);
}

function object(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(where, value, "an object");
  return value as Record<string, unknown>;
}

function list(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) throw wrong(where, value, "a list");
  return value;
}

function string(value: unknown, where: string): string {
  if (typeof value !== "string") throw wrong(where, value, "a string");
  return value;
}

function oneOf<T extends string>(value: unknown, accepted: readonly T[], where: string): T {
  const found = accepted.find((choice) => choice === value);
  if (found === undefined) throw wrong(where, value, accepted.join(", "));
  return found;
}

function side(value: unknown, where: string): number {
  if (!Number.isInteger(value) || (value as number) < 1) throw wrong(where, value, "a whole number of pixels");
  return value as number;
}

function numbers(value: unknown, channels: number, where: string): number | readonly number[] {
  const all = Array.isArray(value) ? value : [value];
  if (!all.every(Number.isFinite) || (Array.isArray(value) && all.length !== channels)) {
    throw wrong(where, value, `one finite number, or ${channels}`);
  }
  return value as number | readonly number[];
}
