/** Pictures to tensors, as Python's littoral.data.prepare makes them, and the way back to the picture's pixels. */
import { type InputContract, luma, prepare as normalise } from "../src/contract.js";
import { InputError } from "./errors.js";
import type { Picture } from "./littoral-web.js";
import { area, bilinear, nearest, type Pixels } from "./resize.js";

const BAR = 114; // the pixel value of a letterbox's bars

/** Where the whole picture lies in the resized one: x there = x in the picture * scaleX + left. */
export interface Placement {
  readonly scaleX: number;
  readonly scaleY: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export function placement(size: Size, input: InputContract): Placement {
  let { width, height } = input;
  if (input.resize === "letterbox") {
    const scale = Math.min(width / size.width, height / size.height);
    [width, height] = [Math.max(1, rounded(size.width * scale)), Math.max(1, rounded(size.height * scale))];
  }
  const [left, top] = [Math.floor((input.width - width) / 2), Math.floor((input.height - height) / 2)];
  return { scaleX: width / size.width, scaleY: height / size.height, left, top, width, height };
}

/** The tensor of a picture in its own size. */
export function prepare(picture: Pixels<Uint8ClampedArray>, input: InputContract): Float32Array {
  return normalise(resize(input.colour === "gray" ? gray(picture) : picture, input).data, input);
}

/** On the page: a picture as a worker takes it. */
export async function portable(picture: Picture): Promise<ImageData | ImageBitmap> {
  if (picture instanceof ImageData) return picture;
  // Pixels as they are in the file, as Python reads them.
  const options: ImageBitmapOptions = { premultiplyAlpha: "none", colorSpaceConversion: "none" };
  return createImageBitmap(picture, options).catch((error: unknown) => {
    throw new InputError(`it is no picture that this browser reads: ${(error as Error).message}`);
  });
}

/** In the worker: its pixels. */
export function decode(picture: ImageData | ImageBitmap): Pixels<Uint8ClampedArray> {
  if (picture instanceof ImageData) return picture;
  const { width, height } = picture;
  const canvas = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!canvas) throw new InputError(`this browser has no canvas of ${width} x ${height} pixels: give a smaller picture`);
  canvas.drawImage(picture, 0, 0);
  picture.close();
  return canvas.getImageData(0, 0, width, height);
}

function resize(picture: Pixels<Uint8ClampedArray>, input: InputContract): Pixels {
  if (picture.width === input.width && picture.height === input.height) return picture;
  if (input.resize === "area") return area(picture, input.width, input.height);
  if (input.resize === "nearest") return nearest(picture, input.width, input.height);
  const at = placement(picture, input);
  const inside = bilinear(picture, at.width, at.height);
  if (at.width === input.width && at.height === input.height) return inside;
  const data = new Uint8ClampedArray(4 * input.width * input.height).fill(BAR);
  for (let y = 0; y < at.height; y++) {
    const row = inside.data.subarray(4 * y * at.width, 4 * (y + 1) * at.width);
    data.set(row, 4 * ((at.top + y) * input.width + at.left));
  }
  return { width: input.width, height: input.height, data };
}

function gray({ width, height, data }: Pixels<Uint8ClampedArray>): Pixels<Uint8ClampedArray> {
  const made = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i += 4) made.fill(luma(data, i), i, i + 3);
  return { width, height, data: made };
}

/** Rounded as Python does it: a half to the even number. */
function rounded(value: number): number {
  const down = Math.floor(value);
  return value - down === 0.5 ? down + (down % 2) : Math.round(value);
}
