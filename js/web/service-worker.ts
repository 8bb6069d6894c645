/** Serves the page where there is no network, and isolates it where the server does not: see docs/web.md. */
declare const self: {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(kind: "install" | "activate" | "fetch", act: (event: Happening) => void): void;
};
interface Happening {
  readonly request: Request;
  waitUntil(done: Promise<unknown>): void;
  respondWith(response: Promise<Response>): void;
}

const CACHE = "littoral-page";
const PAGE = ["./", "demo.js", "littoral-web.js", "detection.js", "litert.js", "model.json"];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(PAGE)));
  void self.skipWaiting();
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  // Weights and model files carry their hash: littoral-web.js keeps them itself, once it has checked them.
  if (request.method === "GET" && request.url.startsWith(self.registration.scope) && !url.searchParams.has("sha256")) {
    event.respondWith(answer(request, url.pathname.includes("/litert-")));
  }
});

/** The newest that there is; what has its version in its path never changes. */
async function answer(request: Request, fixed: boolean): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (fixed && kept) return isolated(kept);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return isolated(response);
  } catch (error) {
    if (kept) return isolated(kept);
    throw error;
  }
}

/** The same with the headers that let a page have threads. */
function isolated(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
