/** The engine of browsers that have WebNN: the program's calls made again on their builder. */
import { DeviceError, NoGpuError, NoWebNNError, RefusedError } from "./errors.js";
import type { DataType, Values } from "./littoral-web.js";
import type { Program, Reference, Site, Value } from "./site.js";
import { ARRAYS, inflate, unpack } from "./weights.js";

/** What runs a model: values in the order of the site's inputs, to values in the order of its outputs. */
export interface Engine {
  readonly device: string;
  run(values: readonly Values[]): Promise<Values[]>;
}

// The part of the standard that is used here; TypeScript's own library does not have it yet.
type Operand = object;
type Tensor = { destroy(): void };
interface Descriptor {
  readonly dataType: DataType;
  readonly shape: readonly number[];
}
interface Context {
  readonly accelerated?: boolean;
  readonly lost: Promise<{ message: string }>;
  createTensor(descriptor: Descriptor & { readable?: boolean; writable?: boolean }): Promise<Tensor>;
  writeTensor(tensor: Tensor, values: Values): void;
  readTensor(tensor: Tensor): Promise<ArrayBuffer>;
  dispatch(graph: object, inputs: Record<string, Tensor>, outputs: Record<string, Tensor>): void;
  destroy(): void;
}
interface Builder {
  input(name: string, descriptor: Descriptor): Operand;
  constant(descriptor: Descriptor, bytes: Uint8Array): Operand;
  build(outputs: Record<string, Operand>): Promise<object>;
}
type Method = (...args: unknown[]) => Operand | Operand[];
declare const MLGraphBuilder: new (context: Context) => Builder;

const OPTIONS: Record<string, object> = {
  webnn: {},
  "webnn:cpu": { accelerated: false, deviceType: "cpu" }, // deviceType: before the standard had `accelerated`
  "webnn:gpu": { accelerated: true, powerPreference: "high-performance", deviceType: "gpu" },
  "webnn:npu": { accelerated: true, powerPreference: "low-power", deviceType: "npu" },
};

/** Builds the program for a device "webnn..."; weights are fetched only once it is known that there is one. */
export async function openWebNN(
  site: Site, program: Program, device: string, weights: () => Promise<Uint8Array<ArrayBuffer>>,
): Promise<Engine> {
  const context = await open(device);
  try {
    const graph = await build(context, site, program, await inflate(await weights(), program.weights.inflated));
    const needed = site.inputs.filter((_, i) => program.inputs[i] !== UNUSED);
    const inputs = await Promise.all(needed.map((each) => context.createTensor({ ...describe(each), writable: true })));
    const given = site.detection?.given ?? site.outputs;
    const outputs = await Promise.all(given.map((each) => context.createTensor({ ...describe(each), readable: true })));
    return engine(program, given, context, graph, inputs, outputs);
  } catch (error) {
    context.destroy();
    throw error;
  }
}

const UNUSED = -1; // in place of an input's operand that nothing needs

/** A context for a device; the error says why there is none. */
async function open(device: string): Promise<Context> {
  const ml = (navigator as { ml?: { createContext(options: object): Promise<Context> } }).ml;
  if (!ml) throw new NoWebNNError("this browser has no WebNN: it is behind a flag in some (chrome://flags, edge://flags)");
  const context = await ml.createContext(OPTIONS[device] as object).catch((error: Error) => {
    throw new NoWebNNError(`this browser has no WebNN on this machine: ${error.message}`);
  });
  // A browser may give a context on the processor in place of what was asked for; older ones do not say what they gave.
  if (device === "webnn:gpu" && !(context.accelerated ?? (await hasGpu()))) {
    context.destroy();
    throw new NoGpuError("there is no GPU here that the browser may use: take device webnn or wasm");
  }
  return context;
}

async function hasGpu(): Promise<boolean> {
  type Adapter = { info?: { isFallbackAdapter?: boolean }; isFallbackAdapter?: boolean } | null;
  const gpu = (navigator as { gpu?: { requestAdapter(): Promise<Adapter> } }).gpu;
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return !!adapter && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter);
}

async function build(context: Context, site: Site, program: Program, inflated: Uint8Array): Promise<object> {
  const builder = new MLGraphBuilder(context);
  const operands = new Map<number, Operand>();
  let doing = "";
  try {
    const needed = program.inputs.map((operand, i) => [operand, site.inputs[i] as Descriptor] as const).filter(([operand]) => operand !== UNUSED);
    needed.forEach(([operand, input], i) => operands.set(operand, builder.input(`i${i}`, describe(input))));
    doing = "a constant";
    for (const [constant, bytes] of unpack(inflated, program.constants)) {
      operands.set(constant.operand, builder.constant(describe(constant), bytes));
    }
    for (const [operation, args, options, outputs] of program.calls) {
      doing = operation;
      if (!(operation in builder)) throw new TypeError("it does not have it");
      const made = (builder as unknown as Record<string, Method>)[operation]?.(...args.map(real), real(options));
      [made].flat().forEach((operand, i) => operands.set(outputs[i] as number, operand as Operand));
    }
    doing = "the whole graph";
    const outputs = program.outputs.map((operand, i) => [`o${i}`, operands.get(operand) as Operand]);
    return await builder.build(Object.fromEntries(outputs) as Record<string, Operand>);
  } catch (error) {
    throw new RefusedError(`this browser's WebNN refuses ${doing}: ${(error as Error).message}`);
  }

  function real(value: Value | Readonly<Record<string, Value>>): unknown {
    if (typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map(real);
    if ("$" in value) return operands.get((value as Reference).$);
    if ("number" in value) return Number(value["number"]);
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, real(each as Value)]));
  }
}

function engine(
  program: Program, given: readonly Descriptor[], context: Context, graph: object, inputs: readonly Tensor[], outputs: readonly Tensor[],
): Engine {
  let lost = "";
  void context.lost.then(({ message }) => (lost = message || "no reason given"));
  const { accelerated } = context;
  return {
    device: accelerated === undefined ? "webnn" : accelerated ? "webnn:accelerated" : "webnn:cpu",
    run: async (values) => {
      if (lost) throw new DeviceError(`the browser lost its WebNN context: ${lost}`);
      const needed = values.filter((_, i) => program.inputs[i] !== UNUSED);
      inputs.forEach((tensor, i) => context.writeTensor(tensor, needed[i] as Values));
      context.dispatch(graph, named("i", inputs), named("o", outputs));
      const buffers = await Promise.all(outputs.map((tensor) => context.readTensor(tensor)));
      return buffers.map((buffer, i) => new ARRAYS[(given[i] as Descriptor).dataType](buffer));
    },
  };
}

function named(prefix: string, tensors: readonly Tensor[]): Record<string, Tensor> {
  return Object.fromEntries(tensors.map((tensor, i) => [prefix + i, tensor]));
}

function describe({ dataType, shape }: Descriptor): Descriptor {
  return { dataType, shape };
}
