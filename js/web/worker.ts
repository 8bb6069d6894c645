/** The worker: it holds one model, and does what the page asks for, one thing after the other. */
import type { InputContract } from "../src/contract.js";
import { answer, type Numbers } from "./answers.js";
import { DeviceError, InputError, type LittoralError, NoWebNNError, revive, tell, type Told } from "./errors.js";
import { fetchFile, fetchSite } from "./files.js";
import type { Answer, AnswerOptions, Device, Progress, Task, Tensor, Values } from "./littoral-web.js";
import { decode, prepare } from "./picture.js";
import type { Site } from "./site.js";
import { type Engine, openWebNN } from "./webnn.js";
import { ARRAYS } from "./weights.js";

export interface Opened {
  readonly site: Site;
  readonly device: string;
  readonly notes: readonly string[];
}
export interface Ran<T> {
  readonly value: T;
  readonly latency: number;
}

type Shown = ImageData | ImageBitmap;

/** What the page may ask for, by name. */
export interface Requests {
  open: { ask: [url: string, device: Device]; give: Opened };
  run: { ask: [inputs: Record<string, Values>]; give: Ran<Record<string, Values>> };
  prepare: { ask: [picture: Shown]; give: Float32Array };
  answer: { ask: [task: Task, picture: Shown, options: AnswerOptions]; give: Ran<Answer> };
}

export interface Ask<K extends keyof Requests = keyof Requests> {
  readonly id: number;
  readonly what: K;
  readonly args: Requests[K]["ask"];
}

/** From the worker: it is ready, a file came in further, or an ask is answered. */
export type Message =
  | { readonly ready: true }
  | { readonly progress: Progress }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: Told };

/** Serves the page that made this worker. */
export function serve(): void {
  const post = (message: Message): void => postMessage(message);
  const held = new Held((progress) => post({ progress }));
  let last: Promise<unknown> = Promise.resolve();
  addEventListener("message", ({ data: { id, what, args } }: MessageEvent<Ask>) => {
    const act = held[what] as (...args: unknown[]) => Promise<unknown>;
    last = last.then(() => act.apply(held, args)).then(
      (value) => post({ id, value }),
      (error: unknown) => post({ id, error: tell(error) }),
    );
  });
  post({ ready: true });
}

class Held implements Record<keyof Requests, unknown> {
  #site!: Site;
  #engine!: Engine;
  #finish!: (given: Values[]) => Values[];
  readonly #onProgress: (progress: Progress) => void;

  constructor(onProgress: (progress: Progress) => void) {
    this.#onProgress = onProgress;
  }

  async open(url: string, device: Device): Promise<Opened> {
    const base = new URL(url);
    this.#site = await fetchSite(base);
    this.#finish = await this.#finisher(base);
    const notes: string[] = [];
    for (const wanted of device === "auto" ? ["webnn", "wasm"] : [device]) {
      try {
        this.#engine = await this.#start(wanted, base);
        await this.#engine.run(this.#site.inputs.map(zeros)); // what the first run makes ready is part of loading
        return { site: this.#site, device: this.#engine.device, notes };
      } catch (error) {
        if (!(error instanceof DeviceError) || device !== "auto" || wanted === "wasm") throw withNotes(error, notes);
        notes.push(error.message);
      }
    }
    throw new DeviceError(notes.join("; "));
  }

  async run(inputs: Record<string, Values>): Promise<Ran<Record<string, Values>>> {
    const { inputs: known, outputs } = this.#site;
    const strange = Object.keys(inputs).find((name) => !known.some((each) => each.name === name));
    if (strange !== undefined) throw new InputError(`the model has no input ${JSON.stringify(strange)}; it has ${listed(known)}`);
    const { value, latency } = await this.#timed(known.map((input) => this.#accepted(input, inputs[input.name])));
    return { value: Object.fromEntries(outputs.map(({ name }, i) => [name, value[i] as Values])), latency };
  }

  async prepare(picture: Shown): Promise<Float32Array> {
    return prepare(decode(picture), this.#picture()[0]);
  }

  async answer(task: Task, picture: Shown, options: AnswerOptions): Promise<Ran<Answer>> {
    const [input, place] = this.#picture();
    if (this.#site.task && task !== this.#site.task) throw new InputError(`the model is for ${this.#site.task}, not for ${task}`);
    const pixels = decode(picture);
    const size = { width: pixels.width, height: pixels.height };
    const values = this.#site.inputs.map((each, i) => (i === place ? stored(prepare(pixels, input), each) : zeros(each)));
    const { value, latency } = await this.#timed(values);
    return { value: answer(task, this.#site, input, size, value as unknown as Numbers[], options), latency };
  }

  async #start(device: string, base: URL): Promise<Engine> {
    const { program, fallback, unmapped } = this.#site;
    if (device.startsWith("webnn")) {
      if (!program) throw new NoWebNNError(`the model has no WebNN program: ${unmapped}`);
      return openWebNN(this.#site, program, device, () => fetchFile(base, program.weights, this.#onProgress));
    }
    if (!fallback) throw new DeviceError("this site was exported without LiteRT.js, and runs in browsers with WebNN only");
    const { openLiteRT } = await import("./litert.js");
    return openLiteRT(this.#site, fallback, device, base, () => fetchFile(base, fallback.model, this.#onProgress));
  }

  async #timed(values: Values[]): Promise<Ran<Values[]>> {
    const start = performance.now();
    const value = this.#finish(await this.#engine.run(values));
    return { value, latency: performance.now() - start };
  }

  /** What turns the engine's outputs into the model's: only detectors need it. */
  async #finisher(base: URL): Promise<(given: Values[]) => Values[]> {
    const { detection } = this.#site;
    if (!detection) return (given) => given;
    const { detections } = await import("./detection.js");
    const anchors = new Float32Array((await fetchFile(base, detection.anchors, this.#onProgress)).slice().buffer);
    return (given) => {
      const [boxes, scores] = [given[detection.boxes], given[detection.scores]] as [Float32Array, Float32Array];
      const made: Values[] = [];
      detections(boxes, scores, anchors, detection.options).forEach((each, i) => (made[detection.places[i] as number] = each));
      for (const [from, to] of detection.kept) made[to] = given[from] as Values;
      return made;
    };
  }

  /** The contract of the picture, and which of the inputs it is. */
  #picture(): [InputContract, number] {
    const { contract, inputs } = this.#site;
    const [input] = contract.inputs;
    if (!input || contract.inputs.length > 1) throw new InputError(`the model does not take one picture; it takes ${listed(inputs)}`);
    return [input, Math.max(inputs.findIndex((each) => each.name === input.name), 0)];
  }

  #accepted(input: Tensor, values: Values | undefined): Values {
    const { name, shape, dataType } = input;
    const empty = zeros(input);
    if (values?.length !== empty.length) {
      const got = values ? `${values.length} values` : "none";
      throw new InputError(`input ${JSON.stringify(name)} takes ${empty.length} values, [${shape.join(", ")}], and got ${got}`);
    }
    if (values.constructor === empty.constructor) return values;
    const picture = this.#site.contract.inputs.find((each) => each.name === name);
    if (picture && values instanceof Uint8Array && empty instanceof Float32Array) return real(values, picture);
    throw new InputError(`input ${JSON.stringify(name)} takes ${dataType} as ${empty.constructor.name}, not ${values.constructor.name}`);
  }
}

/** Pixels in the tensor's own order as the contract's values. */
function real(pixels: Uint8Array, { layout, width, height, mean, scale }: InputContract): Float32Array {
  const channels = pixels.length / (width * height);
  const of = (value: number | readonly number[], i: number): number => {
    const channel = layout === "NCHW" ? Math.floor(i / (width * height)) : i % channels;
    return Math.fround(typeof value === "number" ? value : (value[channel] as number));
  };
  return Float32Array.from(pixels, (pixel, i) => Math.fround(pixel - of(mean, i)) * of(scale, i));
}

/** A prepared picture as the input's type: a model that takes whole numbers takes pixels. */
function stored(values: Float32Array, { dataType }: Tensor): Values {
  return dataType === "uint8" ? Uint8Array.from(values, Math.round) : dataType === "int32" ? Int32Array.from(values, Math.round) : values;
}

function zeros({ shape, dataType }: Tensor): Values {
  return new ARRAYS[dataType](shape.reduce((product, side) => product * side, 1));
}

function listed(tensors: readonly Tensor[]): string {
  return tensors.map(({ name, shape, dataType }) => `${JSON.stringify(name)} (${dataType} [${shape.join(", ")}])`).join(", ");
}

/** The same error, which also says what was tried before. */
function withNotes(error: unknown, notes: readonly string[]): LittoralError {
  const { kind, message } = tell(error);
  return revive({ kind, message: [...notes, message].join("; ") });
}
