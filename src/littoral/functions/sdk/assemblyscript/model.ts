// What the host tells of a model in models/NAME.json, and one run of it.
import { fail, file } from "littoral";
import { Json, parse } from "json";
import { TensorType, NnTensor, wasi_nn } from "wasi_nn";

// An input or output. real = scale * (stored - zero point), where the scale is not 0.
export class Tensor {
  dimensions: StaticArray<u32>; // a size that may vary is 1
  elements: u32 = 1;
  type: TensorType = TensorType.f32;
  isSigned: bool = false; // of u8: the bytes are int8
  scale: f32;
  zeroPoint: i32;

  constructor(about: Json, model: string) {
    const shape = about.get("shape").items;
    this.dimensions = new StaticArray<u32>(shape.length);
    for (let axis = 0; axis < shape.length; axis++) {
      this.dimensions[axis] = <u32>Math.max(shape[axis].number, 1);
      this.elements *= this.dimensions[axis];
    }
    const type = about.get("type").text;
    this.isSigned = type == "int8";
    if (type == "uint8" || type == "int8") this.type = TensorType.u8;
    else if (type != "float32") fail("model " + model + ": a tensor is " + type + "; accepted: float32, int8, uint8");
    this.scale = <f32>about.get("scale").number;
    this.zeroPoint = <i32>about.get("zero_point").number;
  }

  get bytes(): u32 {
    return this.type == TensorType.u8 ? this.elements : 4 * this.elements;
  }

  // A stored byte of a real value: rounded half away from zero, as TFLite's QUANTIZE does, and clamped.
  quantize(real: f32): u8 {
    const low: f32 = (this.isSigned ? -128 : 0) - <f32>this.zeroPoint;
    const steps = Mathf.max(low, Mathf.min(low + 255, this.scale ? real / this.scale : real));
    const whole = Mathf.trunc(steps + (steps < 0 ? -0.5 : 0.5));
    return <u8>(<i32>whole + this.zeroPoint);
  }

  // The real value of an element.
  real(stored: StaticArray<u8>, index: u32): f32 {
    const at = changetype<usize>(stored);
    if (this.type == TensorType.f32) return load<f32>(at + 4 * index);
    const value: f32 = this.isSigned ? <f32>load<i8>(at + index) : <f32>load<u8>(at + index);
    return this.scale ? (value - <f32>this.zeroPoint) * this.scale : value;
  }
}

// A model of the manifest; made in `init`. Ends with a line in the log where there is none of that name.
export class Model {
  input: Tensor;
  output: Tensor;
  contract: Json;
  labels: string[] = []; // of the contract, else the lines of labels.txt

  constructor(public name: string) {
    const text = file("models/" + name + ".json");
    if (!text) fail("model " + name + ": the manifest has none of that name");
    const about = parse(text!);
    this.input = new Tensor(about.get("inputs").items[0], name);
    this.output = new Tensor(about.get("outputs").items[0], name);
    this.contract = about.get("contract");
    const labels = this.contract.get("labels").items;
    for (let index = 0; index < labels.length; index++) this.labels.push(labels[index].text);
    const lines = file("labels.txt");
    if (!labels.length && lines) this.labels = lines.trimEnd().replaceAll("\r", "").split("\n");
  }

  // Runs the model on the bytes of its first input; its first output goes to `output`. An error number of wasi-nn, or 0.
  run(input: StaticArray<u8>, output: StaticArray<u8>): i32 {
    const name = String.UTF8.encode(this.name);
    const result = new StaticArray<u32>(1);
    const at = changetype<usize>(result);
    let wrong = wasi_nn.load_by_name(changetype<usize>(name), name.byteLength, at);
    if (wrong || (wrong = wasi_nn.init_execution_context(result[0], at))) return wrong;
    const context = result[0];
    const tensor = new NnTensor();
    tensor.dimensions = changetype<usize>(this.input.dimensions);
    tensor.rank = this.input.dimensions.length;
    tensor.type = <u8>this.input.type;
    tensor.data = changetype<usize>(input);
    tensor.length = this.input.bytes;
    if ((wrong = wasi_nn.set_input(context, 0, changetype<usize>(tensor)))) return wrong;
    if ((wrong = wasi_nn.compute(context))) return wrong;
    return wasi_nn.get_output(context, 0, changetype<usize>(output), output.length, at);
  }
}
