/** Pictures made smaller or larger, as Pillow does it: the model sees the same pixels as in Python. */

/** RGBA, row by row; floats where a mean was not rounded. The alpha that comes out means nothing. */
export interface Pixels<T extends Uint8ClampedArray | Float32Array = Uint8ClampedArray | Float32Array> {
  readonly width: number;
  readonly height: number;
  readonly data: T;
}

type Bytes = Pixels<Uint8ClampedArray>;

/** What a new pixel is made of: the first old one, and the weights of it and those behind it. */
interface Tap {
  readonly start: number;
  readonly weights: ArrayLike<number>;
}

const BITS = 22; // of the weights' fractions: what Pillow keeps of 32 after 8 for the pixel and 2 to spare

/** Pillow's bilinear, which averages when it shrinks; one axis after the other, rounded to bytes after each. */
export function bilinear({ width: w, height: h, data }: Bytes, width: number, height: number): Bytes {
  const across = (from: Data, high: number): Data =>
    w === width ? from : columns(from, new Uint8ClampedArray(4 * width * high), w, high, shares(w, width), BITS);
  const down = (from: Data, wide: number): Data =>
    h === height ? from : rows(from, new Uint8ClampedArray(4 * wide * height), wide, shares(h, height), BITS);
  const downFirst = h - height > Math.max(0, 2 * (w - width)); // since Pillow 13; before, it never was
  const made = downFirst ? across(down(data, w), height) : down(across(data, h), width);
  return { width, height, data: made as Uint8ClampedArray };
}

/** The exact mean of what each new pixel covers, not rounded; a pixel on a border counts by the part that is inside. */
export function area({ width: w, height: h, data }: Bytes, width: number, height: number): Pixels<Float32Array> {
  const high = rows(data, new Float32Array(4 * w * height), w, covers(h, height), 0);
  return { width, height, data: columns(high, new Float32Array(4 * width * height), w, height, covers(w, width), 0) };
}

/** The pixel under the middle of each new one. Pillow adds up the places step by step, and so do we. */
export function nearest(picture: Bytes, width: number, height: number): Bytes {
  const across = places(picture.width, width);
  const data = new Uint8ClampedArray(4 * width * height);
  places(picture.height, height).forEach((row, y) => {
    across.forEach((column, x) => {
      const at = 4 * (row * picture.width + column);
      data.set(picture.data.subarray(at, at + 4), 4 * (y * width + x));
    });
  });
  return { width, height, data };
}

function places(from: number, to: number): number[] {
  const step = from / to;
  const all = [];
  for (let place = step * 0.5; all.length < to; place += step) all.push(Math.trunc(place));
  return all;
}

/** Weights of Pillow's bilinear filter, as whole numbers of 1 / 2 ** BITS. */
function shares(from: number, to: number): Tap[] {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const start = Math.max(Math.trunc(centre - reach + 0.5), 0);
    const count = Math.min(Math.trunc(centre + reach + 0.5), from) - start;
    const near = Array.from({ length: count }, (_, k) => Math.max(1 - Math.abs((k + start - centre + 0.5) * (1 / reach)), 0));
    const sum = near.reduce((total, share) => total + share, 0);
    return { start, weights: Int32Array.from(near, (share) => Math.trunc(0.5 + (share / sum) * 2 ** BITS)) };
  });
}

/** Weights by how much of each old pixel a new one covers. */
function covers(from: number, to: number): Tap[] {
  const step = from / to;
  return Array.from({ length: to }, (_, i) => {
    const [start, end] = [i * step, Math.min((i + 1) * step, from)];
    const first = Math.trunc(start);
    const parts = Array.from({ length: Math.ceil(end) - first }, (_, k) => Math.min(first + k + 1, end) - Math.max(first + k, start));
    const sum = parts.reduce((total, part) => total + part, 0);
    return { start: first, weights: Float64Array.from(parts, (part) => part / sum) };
  });
}

type Data = Uint8ClampedArray | Float32Array;

/** Each row of `height` made of as many columns as there are taps. */
function columns<T extends Data>(from: Data, to: T, width: number, height: number, taps: Tap[], bits: number): T {
  taps.forEach((tap, x) => {
    for (let y = 0; y < height; y++) mix(from, 4 * y * width, 4, tap, to, 4 * (y * taps.length + x), bits);
  });
  return to;
}

/** As many rows as there are taps, each of `width` columns. */
function rows<T extends Data>(from: Data, to: T, width: number, taps: Tap[], bits: number): T {
  taps.forEach((tap, y) => {
    for (let x = 0; x < width; x++) mix(from, 4 * x, 4 * width, tap, to, 4 * (y * width + x), bits);
  });
  return to;
}

/** One pixel: the weighted sum of those at `base` + i * `step`; with `bits` of fraction it is rounded, by 0 it is not. */
function mix(from: Data, base: number, step: number, { start, weights }: Tap, to: Data, at: number, bits: number): void {
  let red = bits && 1 << (bits - 1);
  let green = red;
  let blue = red;
  for (let k = 0, i = base + start * step; k < weights.length; k++, i += step) {
    const weight = weights[k] as number;
    red += (from[i] as number) * weight;
    green += (from[i + 1] as number) * weight;
    blue += (from[i + 2] as number) * weight;
  }
  to[at] = bits ? red >> bits : red;
  to[at + 1] = bits ? green >> bits : green;
  to[at + 2] = bits ? blue >> bits : blue;
}
