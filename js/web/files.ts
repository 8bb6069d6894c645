/** Files of the site: fetched with progress, checked by their SHA-256, kept for the next time. */
import { DownloadError, InsecureError, IntegrityError } from "./errors.js";
import type { Progress } from "./littoral-web.js";
import type { File, Site } from "./site.js";

type OnProgress = (progress: Progress) => void;
const CACHE = "littoral";
const OWN_HASH = /"sha256":\s*"([0-9a-f]{64})"/;

/** model.json, checked by the hash in itself: that of its text with zeros in the hash's place. */
export async function fetchSite(url: URL): Promise<Site> {
  if (!globalThis.isSecureContext) {
    throw new InsecureError(`${location.origin} is not secure: serve the site over https, or from localhost`);
  }
  const text = new TextDecoder().decode(await (await get(url)).arrayBuffer());
  const hash = OWN_HASH.exec(text)?.[1];
  if (hash === undefined || (await sha256(new TextEncoder().encode(text.replace(hash, "0".repeat(64))))) !== hash) {
    throw new IntegrityError(`${url.pathname} is not as littoral wrote it: export the model anew, and copy all files`);
  }
  const site = JSON.parse(text) as Site;
  if (site.format !== 1) throw new IntegrityError(`${url.pathname} has format ${String(site.format)}; this script reads format 1`);
  return site;
}

/** A file beside `base`, from the cache or the network. Only what has the right hash is given, and kept. */
export async function fetchFile(base: URL, file: File, onProgress: OnProgress): Promise<Uint8Array<ArrayBuffer>> {
  const url = new URL(`${file.file}?sha256=${file.sha256}`, base); // of another model, another address
  const cache = await globalThis.caches?.open(CACHE).catch(() => undefined); // none in private windows of some browsers
  const kept = await cache?.match(url);
  if (kept) {
    const bytes = new Uint8Array(await kept.arrayBuffer());
    if ((await wrong(file, bytes)) === null) return bytes;
  }
  const bytes = await read(await get(url), file, onProgress);
  const problem = await wrong(file, bytes);
  if (problem !== null) throw new IntegrityError(`${url.pathname} ${problem}: export the model anew, and copy all files`);
  if (cache) {
    for (const old of await cache.keys(url, { ignoreSearch: true })) await cache.delete(old);
    await cache.put(url, new Response(bytes)).catch(() => undefined); // the disk may be full: then it is fetched again
  }
  return bytes;
}

async function get(url: URL): Promise<Response> {
  const response = await fetch(url).catch((error: unknown) => error as Error);
  if (response instanceof Error) throw new DownloadError(`${url.pathname} cannot be fetched: ${response.message}`);
  if (!response.ok) throw new DownloadError(`${url.pathname} cannot be fetched: the server says ${response.status}`);
  return response;
}

/** The body, with room for what is expected: a file that is too long is cut one byte behind it, which `wrong` sees. */
async function read(response: Response, file: File, onProgress: OnProgress): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(file.bytes + 1);
  let loaded = 0;
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw new DownloadError(`${file.file} broke off after ${loaded} of ${file.bytes} bytes: ${String(error)}`);
    });
    if (done) return bytes.subarray(0, loaded);
    const part = value.subarray(0, bytes.length - loaded);
    bytes.set(part, loaded);
    loaded += part.length;
    onProgress({ file: file.file, loaded: Math.min(loaded, file.bytes), total: file.bytes });
    if (part.length < value.length) {
      await reader.cancel();
      return bytes;
    }
  }
}

async function wrong(file: File, bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
  if (bytes.length < file.bytes) return `has ${bytes.length} bytes in place of ${file.bytes}`;
  if (bytes.length > file.bytes) return `has more than ${file.bytes} bytes`;
  return (await sha256(bytes)) === file.sha256 ? null : "has another SHA-256 than model.json says";
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
