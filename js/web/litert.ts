/** The engine of browsers without WebNN: LiteRT.js from npm, whose 9 MB are fetched only when it is needed. A file of its own. */
import { DeviceError, LittoralError, NotIsolatedError, type Values } from "./littoral-web.js";
import type { Fallback, Site } from "./site.js";
import type { Engine } from "./webnn.js";

// The part of LiteRT.js that is used here.
interface Tensor {
  toTypedArray(): Values;
  delete(): void;
}
interface Compiled {
  run(inputs: Tensor[]): Promise<Tensor[]>;
}
interface LiteRT {
  loadLiteRt(folder: string, options: { threads: boolean }): Promise<unknown>;
  loadAndCompile(model: Uint8Array, options: object): Promise<Compiled>;
  supportsFeature(feature: "relaxedSimd" | "threads"): Promise<boolean>;
  Tensor: new (values: Values, shape: readonly number[]) => Tensor;
}

/** Opens LiteRT.js for a device "wasm" (threads where the page is isolated), or "wasm:threads" (threads or an error). */
export async function openLiteRT(
  site: Site, fallback: Fallback, device: string, base: URL, file: () => Promise<Uint8Array>,
): Promise<Engine> {
  if (device === "wasm:threads" && !crossOriginIsolated) {
    throw new NotIsolatedError(
      "threads need a cross-origin isolated page: serve it with Cross-Origin-Opener-Policy: same-origin and " +
        "Cross-Origin-Embedder-Policy: require-corp, or take device wasm",
    );
  }
  const folder = new URL(fallback.runtime, base);
  const model = file(); // comes in while the runtime does
  model.catch(() => undefined); // it is awaited below; until then its failure is no unhandled one
  try {
    const litert = (await import(new URL("index.js", folder).href)) as LiteRT;
    const threads = crossOriginIsolated && (await litert.supportsFeature("relaxedSimd")) && (await litert.supportsFeature("threads"));
    // Its threads are workers of a script that it looks for where this worker's own script is, which is a blob.
    const mainScriptUrlOrBlob = new URL("litert_wasm_threaded_internal.js", folder).href;
    const locateFile = (name: string): string => new URL(name, folder).href;
    Object.assign(globalThis, { Module: { locateFile, ...(threads && { mainScriptUrlOrBlob }) } });
    await litert.loadLiteRt(folder.href, { threads });
    const compiled = await litert.loadAndCompile(await model, { accelerator: "wasm" });
    void keep(folder).catch(() => undefined); // the disk may be full: then it is fetched again
    return { device: threads ? "wasm:threads" : "wasm", run: (values) => run(litert, compiled, site, values) };
  } catch (error) {
    if (error instanceof LittoralError) throw error;
    throw new DeviceError(`LiteRT.js does not start: ${(error as Error).message}`);
  }
}

/** What of LiteRT.js was fetched just now, for where there is no network: the service worker gives it. */
async function keep(folder: URL): Promise<void> {
  const cache = await caches.open("littoral-page");
  for (const { name } of performance.getEntriesByType("resource")) {
    if (name.startsWith(folder.href) && !(await cache.match(name))) await cache.add(name);
  }
}

async function run({ Tensor }: LiteRT, compiled: Compiled, site: Site, values: readonly Values[]): Promise<Values[]> {
  const inputs = values.map((each, i) => new Tensor(each, (site.inputs[i] as { shape: readonly number[] }).shape));
  try {
    const outputs = await compiled.run(inputs);
    const given = outputs.map((each) => each.toTypedArray().slice());
    outputs.forEach((each) => each.delete());
    return given;
  } catch (error) {
    throw new DeviceError(`LiteRT.js fails: ${(error as Error).message}`);
  } finally {
    inputs.forEach((each) => each.delete());
  }
}
