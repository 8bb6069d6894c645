// Pictures: bitmaps (BMP) of 24 and 32 bits, and raw pixels in the model's own size; and the way to a model's input.
import { fail } from "littoral";
import { Json } from "json";
import { Model, Tensor } from "model";
import { TensorType } from "wasi_nn";

const MAX_PIXELS: u64 = 89_000_000;

// Red, green and blue, one byte each, from top to bottom.
class Picture {
  pixels: StaticArray<u8>;

  constructor(public width: i32, public height: i32) {
    this.pixels = new StaticArray<u8>(width * height * 3);
  }
}

// How one axis is brought to another size: weighted sums of `counts` pixels from `starts` on.
class Axis {
  starts: StaticArray<i32>;
  counts: StaticArray<i32>;
  weights: StaticArray<i32>;
  room: i32;

  // Pillow's bilinear: a triangle as wide as the step between two results, at least two pixels.
  constructor(from: i32, to: i32) {
    const step: f64 = <f64>from / to;
    const radius = Math.max(step, 1);
    const room = <i32>Math.ceil(radius) * 2 + 1;
    this.room = room;
    this.starts = new StaticArray<i32>(to);
    this.counts = new StaticArray<i32>(to);
    this.weights = new StaticArray<i32>(to * room);
    const shares = new StaticArray<f64>(room);
    for (let index = 0; index < to; index++) {
      const centre: f64 = (index + 0.5) * step;
      const start = max(<i32>(centre - radius + 0.5), 0);
      const count = min(<i32>(centre + radius + 0.5), from) - start;
      let sum: f64 = 0;
      for (let at = 0; at < count; at++) {
        shares[at] = Math.max(0, 1 - Math.abs((at + start - centre + 0.5) / radius));
        sum += shares[at];
      }
      this.starts[index] = start;
      this.counts[index] = count;
      for (let at = 0; at < count; at++) this.weights[index * room + at] = <i32>((shares[at] / sum) * BITS + 0.5);
    }
  }

  // The weighted sum of bytes `step` apart, the first of which is at `from`.
  sum(index: i32, from: usize, step: i32): u8 {
    let at = from + this.starts[index] * step;
    let total: i32 = BITS >> 1;
    for (let tap = 0; tap < this.counts[index]; tap++, at += step) {
      total += <i32>load<u8>(at) * unchecked(this.weights[index * this.room + tap]);
    }
    return <u8>(total >> 22);
  }
}

const BITS: i32 = 1 << 22;

function resized(picture: Picture, width: i32, height: i32): Picture {
  if (picture.width == width && picture.height == height) return picture;
  const across = new Axis(picture.width, width);
  const down = new Axis(picture.height, height);
  const wide = new Picture(width, picture.height);
  const made = new Picture(width, height);
  for (let y = 0; y < picture.height; y++) {
    const row = changetype<usize>(picture.pixels) + y * picture.width * 3;
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) unchecked((wide.pixels[(y * width + x) * 3 + c] = across.sum(x, row + c, 3)));
    }
  }
  for (let y = 0; y < height; y++) {
    for (let at = 0; at < width * 3; at++) {
      unchecked((made.pixels[y * width * 3 + at] = down.sum(y, changetype<usize>(wide.pixels) + at, width * 3)));
    }
  }
  return made;
}

// A model's input that takes pictures. Make it in `init`: it has a table of what each of 256 pixel values is stored as.
export class PictureInput {
  bytes: StaticArray<u8> = []; // the tensor
  wrong: string = ""; // with the picture that was last given
  private tensor: Tensor;
  private width: i32;
  private height: i32;
  private gray: bool;
  private bgr: bool;
  private planes: bool;
  private table: StaticArray<f32> = [];

  // The first input, which the contract must describe.
  constructor(model: Model) {
    const inputs = model.contract.get("inputs").items;
    if (!inputs.length) fail("model " + model.name + ": its contract has no input that takes pictures");
    const about = inputs[0];
    const resize = about.get("resize").text;
    if (resize != "bilinear") fail("model " + model.name + ": resize is " + resize + "; this function does bilinear");
    this.tensor = model.input;
    this.width = <i32>about.get("width").number;
    this.height = <i32>about.get("height").number;
    this.gray = about.get("colour").text == "gray";
    this.bgr = about.get("colour").text == "bgr";
    this.planes = about.get("layout").text == "NCHW";
    this.bytes = new StaticArray<u8>(this.tensor.bytes);
    this.table = new StaticArray<f32>(256 * this.channels);
    for (let index = 0; index < this.table.length; index++) {
      const mean = <f32>channelNumber(about.get("mean"), index >> 8);
      const real = (<f32>(index & 255) - mean) * <f32>channelNumber(about.get("scale"), index >> 8);
      this.table[index] = this.tensor.type == TensorType.f32 ? real : <f32>this.tensor.quantize(real);
    }
    if (this.tensor.elements != this.width * this.height * this.channels) {
      fail("model " + model.name + ": its first input has another size than the contract");
    }
  }

  private get channels(): i32 {
    return this.gray ? 1 : 3;
  }

  // Takes a picture: `bytes` is the tensor then. False where `wrong` says why not.
  fill(body: StaticArray<u8>): bool {
    const picture = this.decode(body);
    if (!picture) return false;
    const small = resized(this.gray ? withoutColours(picture) : picture, this.width, this.height);
    const pixels = this.width * this.height;
    for (let at = 0; at < pixels; at++) {
      for (let c = 0; c < this.channels; c++) {
        const value = this.table[(c << 8) | small.pixels[at * 3 + (this.bgr ? 2 - c : c)]];
        this.put(this.planes ? c * pixels + at : at * this.channels + c, value);
      }
    }
    return true;
  }

  private put(index: i32, value: f32): void {
    if (this.tensor.type == TensorType.f32) store<f32>(changetype<usize>(this.bytes) + 4 * index, value);
    else this.bytes[index] = <u8>value;
  }

  private decode(body: StaticArray<u8>): Picture | null {
    if (body.length >= 2 && body[0] == 0x42 && body[1] == 0x4d) return this.bitmap(body);
    if (body.length == this.width * this.height * 3) {
      const picture = new Picture(this.width, this.height);
      memory.copy(changetype<usize>(picture.pixels), changetype<usize>(body), body.length);
      return picture;
    }
    const size = this.width.toString() + " x " + this.height.toString();
    return this.refuse("the request is no picture that this function reads: BMP, or RGB pixels of " + size);
  }

  private refuse(why: string): Picture | null {
    this.wrong = why;
    return null;
  }

  private bitmap(body: StaticArray<u8>): Picture | null {
    const at = changetype<usize>(body);
    if (body.length < 54) return this.refuse("the picture ends too early");
    const width = load<i32>(at + 18);
    const tall = load<i32>(at + 22);
    const bits = load<u16>(at + 28);
    const packing = load<u32>(at + 30);
    if ((bits != 24 && bits != 32) || (packing != 0 && packing != 3)) {
      return this.refuse("the bitmap is not one of 24 or 32 bits a pixel");
    }
    const height: i64 = tall < 0 ? -(<i64>tall) : tall;
    if (width <= 0 || !height || <u64>width * height > MAX_PIXELS) {
      return this.refuse("the picture has no pixels, or more than 89 million");
    }
    const stride = ((<u64>width * bits + 31) / 32) * 4;
    if (stride * height + load<u32>(at + 10) > <u64>body.length) return this.refuse("the picture ends too early");
    const picture = new Picture(width, <i32>height);
    for (let y: u32 = 0; y < <u32>height; y++) {
      let pixel = at + load<u32>(at + 10) + <usize>stride * (tall < 0 ? y : <u32>height - 1 - y);
      for (let x = 0; x < width; x++, pixel += bits / 8) {
        const out = changetype<usize>(picture.pixels) + (y * width + x) * 3;
        store<u8>(out, load<u8>(pixel + 2));
        store<u8>(out + 1, load<u8>(pixel + 1));
        store<u8>(out + 2, load<u8>(pixel));
      }
    }
    return picture;
  }
}

// ITU-R 601-2, as Pillow has it.
function withoutColours(picture: Picture): Picture {
  const made = new Picture(picture.width, picture.height);
  for (let at = 0; at < made.pixels.length; at += 3) {
    const red = <u32>picture.pixels[at] * 19595;
    const green = <u32>picture.pixels[at + 1] * 38470;
    const level = <u8>((red + green + <u32>picture.pixels[at + 2] * 7471 + 32768) >> 16);
    memory.fill(changetype<usize>(made.pixels) + at, level, 3);
  }
  return made;
}

// One number for all channels, or one each.
function channelNumber(value: Json, channel: i32): f64 {
  return value.items.length ? value.items[channel].number : value.number;
}
