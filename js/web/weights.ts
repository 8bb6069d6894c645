/** Constants of weights.bin, bit for bit as they were. Python packs them: littoral.export.weights. */
import type { DataType } from "./littoral-web.js";
import type { Constant } from "./site.js";

/** The array of each data type; float16 is its bits. */
export const ARRAYS = {
  float32: Float32Array, float16: Uint16Array, int32: Int32Array, uint32: Uint32Array, int64: BigInt64Array,
  uint64: BigUint64Array, int8: Int8Array, uint8: Uint8Array,
};

const sizeOf = (dataType: DataType): number => ARRAYS[dataType].BYTES_PER_ELEMENT;

/** A zlib stream's contents, of which there are `size` bytes. */
export async function inflate(packed: Uint8Array<ArrayBuffer>, size: number): Promise<Uint8Array> {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(size);
  let at = 0;
  const reader = stream.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    bytes.set(part.value, at);
    at += part.value.length;
  }
  return bytes;
}

/** Each constant's bytes, in order, one at a time: what was made before may be let go. */
export function* unpack(inflated: Uint8Array, constants: readonly Constant[]): Generator<[Constant, Uint8Array]> {
  let at = 0;
  for (const constant of constants) {
    const size = sizeOf(constant.stored);
    const plane = inflated.subarray(at, at + constant.count * size);
    at += plane.length;
    yield [constant, filled(widened(joined(plane, size), constant), constant)];
  }
}

/** Bytes of values that lay in planes: all first bytes, then all second ones. */
function joined(plane: Uint8Array, size: number): Uint8Array {
  if (size === 1) return plane;
  const count = plane.length / size;
  const bytes = new Uint8Array(plane.length);
  for (let byte = 0; byte < size; byte++) {
    const from = byte * count;
    for (let i = 0; i < count; i++) bytes[i * size + byte] = plane[from + i] as number;
  }
  return bytes;
}

function widened(bytes: Uint8Array, { stored, dataType, count }: Constant): Uint8Array {
  if (stored === dataType) return bytes;
  const wide = new Uint8Array(count * sizeOf(dataType));
  if (stored === "float16") {
    const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, count);
    const bits = new Uint32Array(wide.buffer);
    for (let i = 0; i < count; i++) bits[i] = singleBits(halves[i] as number);
  } else {
    const small = new Int8Array(bytes.buffer, bytes.byteOffset, count);
    if (dataType === "int64" || dataType === "uint64") new BigInt64Array(wide.buffer).set(Array.from(small, BigInt));
    else if (dataType === "float32") new Float32Array(wide.buffer).set(small);
    else if (dataType === "float16") new Uint16Array(wide.buffer).set(Array.from(small, halfBits));
    else new Int32Array(wide.buffer).set(small);
  }
  return wide;
}

/** The bits of a half float's value as a single: of NaN and subnormal numbers too. */
function singleBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  const shift = Math.clz32(fraction) - 21; // how far the leading one is from the place of the hidden one
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 1023) << 13);
}

/** The bits of a whole number of -128 to 127 as a half float. */
function halfBits(value: number): number {
  if (value === 0) return 0;
  const size = Math.abs(value);
  const exponent = 31 - Math.clz32(size);
  return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | ((size << (10 - exponent)) & 1023);
}

/** As many values as the shape has: one that stands for all is repeated. */
function filled(bytes: Uint8Array, { shape, dataType }: Constant): Uint8Array {
  const size = sizeOf(dataType) * shape.reduce((product, side) => product * side, 1);
  if (bytes.length >= size) return bytes;
  const all = new Uint8Array(size);
  all.set(bytes);
  for (let done = bytes.length; done < size; done *= 2) all.copyWithin(done, 0, Math.min(done, size - done));
  return all;
}
