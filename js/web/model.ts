/** The page's side: a model is a worker that is asked for things. */
import { ClosedError, DeviceError, InputError, type LittoralError, revive } from "./errors.js";
import type {
  Answer, AnswerOptions, Class, Found, LoadOptions, Model as Api, Picture, Pose, Progress, Segmentation, Task, Tensor, Values,
} from "./littoral-web.js";
import { portable } from "./picture.js";
import type { Message, Opened, Ran, Requests } from "./worker.js";

const DEVICES = ["auto", "webnn", "webnn:cpu", "webnn:gpu", "webnn:npu", "wasm", "wasm:threads"];

export async function load(url: string | URL, options: LoadOptions = {}): Promise<Api> {
  const device = options.device ?? "auto";
  if (!DEVICES.includes(device)) throw new InputError(`there is no device ${JSON.stringify(device)}: ${DEVICES.join(", ")}`);
  const line = await Line.open(options.onProgress ?? (() => undefined));
  try {
    return new Model(line, await line.ask("open", [new URL(url, document.baseURI).href, device]));
  } catch (error) {
    line.close(error as LittoralError);
    throw error;
  }
}

/** The line to a worker: asks go out, answers come back by their number. */
class Line {
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: LittoralError) => void }>();
  #closed: LittoralError | null = null;
  #asked = 0;
  readonly #worker: Worker;
  readonly #onProgress: (progress: Progress) => void;

  private constructor(worker: Worker, onProgress: (progress: Progress) => void) {
    this.#worker = worker;
    this.#onProgress = onProgress;
  }

  static async open(onProgress: (progress: Progress) => void): Promise<Line> {
    // LiteRT.js needs a worker that is no module, and this script is one; and so it may lie on another server too.
    const script = `import(${JSON.stringify(import.meta.url)}).then(m => m.serve(), e => { setTimeout(() => { throw e; }); });`;
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const worker = new Worker(url, { name: "littoral" });
    const line = new Line(worker, onProgress);
    await new Promise<void>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Message>) => ("ready" in data ? resolve() : line.#hear(data));
      worker.onerror = ({ message }) => {
        const error = new DeviceError(`the worker ended: ${message || "its script does not load"}`);
        line.close(error);
        reject(error);
      };
    });
    URL.revokeObjectURL(url);
    return line;
  }

  ask<K extends keyof Requests>(what: K, args: Requests[K]["ask"], give: Transferable[] = []): Promise<Requests[K]["give"]> {
    if (this.#closed) return Promise.reject(this.#closed);
    const id = this.#asked++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, what, args }, give);
    });
  }

  close(reason: LittoralError): void {
    this.#closed ??= reason;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(this.#closed);
    this.#waiting.clear();
  }

  #hear(message: Message): void {
    if ("progress" in message) return this.#onProgress(message.progress);
    if ("ready" in message) return;
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if ("error" in message) waiting?.reject(revive(message.error));
    else waiting?.resolve(message.value as never);
  }
}

class Model implements Api {
  readonly name: string;
  readonly task: Task | null;
  readonly device: string;
  readonly notes: readonly string[];
  readonly labels: readonly string[];
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  latency = NaN;

  readonly #line: Line;

  constructor(line: Line, { site, device, notes }: Opened) {
    this.#line = line;
    this.name = site.name;
    this.task = site.task;
    this.device = device;
    this.notes = notes;
    this.labels = site.contract.labels;
    this.inputs = site.inputs;
    this.outputs = site.outputs;
  }

  async run(inputs: Readonly<Record<string, Values>>): Promise<Record<string, Values>> {
    return this.#timed(await this.#line.ask("run", [inputs]));
  }

  async prepare(picture: Picture): Promise<Float32Array> {
    const shown = await portable(picture);
    return this.#line.ask("prepare", [shown], shown instanceof ImageData ? [] : [shown]);
  }

  async answer(picture: Picture, options: AnswerOptions = {}): Promise<Answer> {
    if (!this.task) throw new InputError("the outputs do not tell what the model is for: call classify, detect, segment or poses");
    return this.#ask(this.task, picture, options);
  }

  async classify(picture: Picture, options: AnswerOptions = {}): Promise<Class[]> {
    return (await this.#ask("classify", picture, options)) as Class[];
  }

  async detect(picture: Picture, options: AnswerOptions = {}): Promise<Found[]> {
    return (await this.#ask("detect", picture, options)) as Found[];
  }

  async segment(picture: Picture): Promise<Segmentation> {
    return (await this.#ask("segment", picture, {})) as Segmentation;
  }

  async poses(picture: Picture, options: AnswerOptions = {}): Promise<Pose[]> {
    return (await this.#ask("pose", picture, options)) as Pose[];
  }

  close(): void {
    this.#line.close(new ClosedError("the model is closed"));
  }

  async #ask(task: Task, picture: Picture, options: AnswerOptions): Promise<Answer> {
    const shown = await portable(picture);
    return this.#timed(await this.#line.ask("answer", [task, shown, options], shown instanceof ImageData ? [] : [shown]));
  }

  #timed<T>({ value, latency }: Ran<T>): T {
    this.latency = latency;
    return value;
  }
}
