/** The page: a picture in, the answer out, and what it took. */
import type { Answer, Device, Found, Model, Pose, Segmentation } from "./littoral-web.js";
import { load } from "./littoral-web.js";

const EDGES = [
  [0, 1], [0, 2], [1, 3], [2, 4], [5, 6], [5, 7], [7, 9], [6, 8], [8, 10], [5, 11], [6, 12], [11, 12], [11, 13], [13, 15], [12, 14],
  [14, 16],
] as const;
const SURE = 0.2; // keypoints below are guesses, and not drawn

const find = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const canvas = find<HTMLCanvasElement>("picture");
const progress = find<HTMLProgressElement>("progress");
const video = find<HTMLVideoElement>("video");
const recent: number[] = [];
let camera: MediaStream | null = null;

await start();

async function start(): Promise<void> {
  const device = (new URLSearchParams(location.search).get("device") ?? "auto") as Device;
  find<HTMLSelectElement>("device").value = device;
  find("device").addEventListener("change", () => {
    location.search = `?device=${find<HTMLSelectElement>("device").value}`;
  });
  say("Loading ...");
  const begun = performance.now();
  try {
    const model = await load("model.json", { device, onProgress: shown });
    say(`Ready after ${Math.round(performance.now() - begun)} ms. Drop a picture here, or choose one.`);
    describe(model);
    listen(model);
  } catch (error) {
    say(`${(error as Error).name}: ${(error as Error).message}`, true);
  } finally {
    progress.hidden = true;
  }
  await navigator.serviceWorker?.register("service-worker.js").catch(() => undefined); // without it: not offline
}

function shown({ file, loaded, total }: { file: string; loaded: number; total: number }): void {
  progress.hidden = false;
  progress.max = total;
  progress.value = loaded;
  say(`Loading ${file}: ${(loaded / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`);
}

function say(text: string, wrong = false): void {
  const status = find("status");
  status.textContent = text;
  status.className = wrong ? "wrong" : "";
}

/** What runs the model, and what the page lacks. */
function describe(model: Model): void {
  document.title = model.name;
  find("name").textContent = model.name;
  find("runs").textContent = model.device;
  const notes = [...model.notes];
  if (model.device === "wasm") notes.push(
    crossOriginIsolated
      ? "This browser's WebAssembly has no threads: one core works."
      : "This page is not cross-origin isolated, so that one core works. Reload it, or see docs/web.md for the two headers.",
  );
  if (model.device === "webnn") notes.push("This browser does not say which accelerator its WebNN uses.");
  find("notes").replaceChildren(...notes.map((note) => element("li", note)));
}

function listen(model: Model): void {
  const file = find<HTMLInputElement>("file");
  const show = (picture: Blob | null | undefined): void => {
    if (picture) void answer(model, picture);
  };
  file.disabled = false;
  file.addEventListener("change", () => show(file.files?.[0]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    show(event.dataTransfer?.files[0]);
  });
  const button = find<HTMLButtonElement>("camera");
  button.disabled = !navigator.mediaDevices;
  button.addEventListener("click", () => void (camera ? stop() : film(model)));
}

async function answer(model: Model, picture: Blob): Promise<void> {
  try {
    await present(model, await createImageBitmap(picture));
  } catch (error) {
    say(`${(error as Error).name}: ${(error as Error).message}`, true);
  }
}

async function film(model: Model): Promise<void> {
  try {
    camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    find("camera").textContent = "Stop";
    video.srcObject = camera;
    await video.play();
    while (camera) await present(model, await createImageBitmap(video));
  } catch (error) {
    stop();
    say(`${(error as Error).name}: ${(error as Error).message}`, true);
  }
}

function stop(): void {
  camera?.getTracks().forEach((track) => track.stop());
  camera = null;
  find("camera").textContent = "Camera";
}

async function present(model: Model, picture: ImageBitmap): Promise<void> {
  if (!model.task) return say("This model's outputs do not tell what it is for: call model.run from a script.", true);
  const found = await model.answer(picture);
  recent.push(model.latency);
  if (recent.length > 25) recent.shift();
  const median = [...recent].sort((a, b) => a - b)[recent.length >> 1] as number;
  find("latency").textContent = `${model.latency.toFixed(1)} ms, median ${median.toFixed(1)} ms`;
  say("");
  draw(picture, found);
  find("answer").replaceChildren(...lines(found).map((line) => element("li", line)));
  picture.close();
}

function lines(found: Answer): string[] {
  const name = ({ label, index }: { label: string; index: number }): string => label || `class ${index}`;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  if (!Array.isArray(found)) return found.classes.map((each) => `${name(each)}: ${percent(each.share)} of the picture`);
  if (found.length === 0) return ["Nothing."];
  return found.map((each) => ("keypoints" in each ? `a person: ${percent(each.score)}` : `${name(each)}: ${percent(each.score)}`));
}

function draw(picture: ImageBitmap, found: Answer): void {
  canvas.width = picture.width;
  canvas.height = picture.height;
  const pen = canvas.getContext("2d") as CanvasRenderingContext2D;
  pen.drawImage(picture, 0, 0);
  pen.lineWidth = Math.max(2, picture.width / 200);
  pen.font = `${Math.max(12, Math.round(picture.width / 30))}px sans-serif`;
  if (!Array.isArray(found)) return paint(pen, found);
  for (const each of found) {
    if ("box" in each) frame(pen, each);
    if ("keypoints" in each) skeleton(pen, each);
  }
}

function paint(pen: CanvasRenderingContext2D, { width, height, map, classes }: Segmentation): void {
  const empty = classes.find(({ label }) => label === "background")?.index ?? 0;
  const pixels = pen.getImageData(0, 0, width, height);
  map.forEach((index, i) => {
    if (index !== empty) colour(index).forEach((value, c) => (pixels.data[4 * i + c] = ((pixels.data[4 * i + c] as number) + value) / 2));
  });
  pen.putImageData(pixels, 0, 0);
}

function frame(pen: CanvasRenderingContext2D, { box, index, label }: Found): void {
  pen.strokeStyle = pen.fillStyle = `rgb(${colour(index).join(" ")})`;
  pen.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  pen.fillText(label || `class ${index}`, box.left + 4, Math.max(box.top - 4, 14));
}

function skeleton(pen: CanvasRenderingContext2D, { keypoints }: Pose): void {
  pen.strokeStyle = `rgb(${colour(1).join(" ")})`;
  for (const [a, b] of EDGES.map(([from, to]) => [keypoints[from], keypoints[to]] as const)) {
    if (!a || !b || Math.min(a.score, b.score) < SURE) continue;
    pen.beginPath();
    pen.moveTo(a.x, a.y);
    pen.lineTo(b.x, b.y);
    pen.stroke();
  }
}

/** Colours far from each other for numbers that are near. */
function colour(index: number): [number, number, number] {
  const hue = (index * 0.618034) % 1;
  const part = (shift: number): number => Math.round(255 * Math.min(1, Math.max(0, Math.abs(((hue + shift) % 1) * 6 - 3) - 1)));
  return [part(0), part(2 / 3), part(1 / 3)];
}

function element(kind: string, text: string): HTMLElement {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}
