/** What a model's outputs say of a picture, in pixels of the picture: as Python's littoral.vision has it. */
import type { InputContract } from "../src/contract.js";
import { InputError } from "./errors.js";
import type { Answer, AnswerOptions, Class, Found, Pose, Segmentation, Task } from "./littoral-web.js";
import { type Placement, placement, type Size } from "./picture.js";
import type { Site } from "./site.js";

export type Numbers = ArrayLike<number>;

/** The 17 keypoints of MoveNet, in its order. */
const PAIRS = ["eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"];
const KEYPOINTS = ["nose", ...PAIRS.flatMap((part) => [`left ${part}`, `right ${part}`])];

/** The answer of `task`, from the site's outputs in their order. */
export function answer(
  task: Task, site: Site, input: InputContract, size: Size, outputs: readonly Numbers[], options: AnswerOptions,
): Answer {
  if (task === "classify") return classes(outputs[0] as Numbers, site.contract.labels, options.topK ?? 5);
  if (task === "pose") return poses(outputs[0] as Numbers, input, size, options);
  if (task === "segment") return segmentation(site, input, size, outputs[0] as Numbers);
  return found(site, input, size, outputs, options);
}

function classes(scores: Numbers, labels: readonly string[], topK: number): Class[] {
  return best(scores, scores.length)
    .slice(0, topK)
    .map((index) => ({ index, label: labels[index] ?? "", score: scores[index] as number }));
}

function found(site: Site, input: InputContract, size: Size, outputs: readonly Numbers[], options: AnswerOptions): Found[] {
  const { roles } = site;
  if (!roles) throw new InputError("the model gives no boxes, classes, scores and count");
  const of = (name: string): Numbers => outputs[site.outputs.findIndex((each) => each.name === name)] as Numbers;
  const [boxes, kinds, scores] = [of(roles.boxes), of(roles.classes), of(roles.scores)];
  const at = placement(size, input);
  return best(scores, Math.min(Math.trunc(of(roles.count)[0] as number), scores.length))
    .filter((i) => (scores[i] as number) >= (options.threshold ?? 0.5))
    .slice(0, options.topK)
    .map((i) => {
      const [top, left, bottom, right] = [0, 1, 2, 3].map((side) => boxes[4 * i + side] as number) as [number, number, number, number];
      const box = {
        left: toPicture(left * input.width, at.left, at.scaleX),
        top: toPicture(top * input.height, at.top, at.scaleY),
        right: toPicture(right * input.width, at.left, at.scaleX),
        bottom: toPicture(bottom * input.height, at.top, at.scaleY),
      };
      const index = kinds[i] as number;
      return { index, label: site.contract.labels[index] ?? "", score: scores[i] as number, box };
    });
}

function poses(points: Numbers, input: InputContract, size: Size, options: AnswerOptions): Pose[] {
  const at = placement(size, input);
  const keypoints = KEYPOINTS.map((name, i) => ({
    name,
    x: toPicture((points[3 * i + 1] as number) * input.width, at.left, at.scaleX),
    y: toPicture((points[3 * i] as number) * input.height, at.top, at.scaleY),
    score: points[3 * i + 2] as number,
  }));
  const score = keypoints.reduce((sum, each) => sum + each.score, 0) / keypoints.length;
  return score >= (options.threshold ?? 0.2) ? [{ score, keypoints }].slice(0, options.topK) : [];
}

function segmentation(site: Site, input: InputContract, size: Size, values: Numbers): Segmentation {
  const [, rows, columns, channels] = mapShape(site, input);
  const small = channels > 1 ? winners(values, rows * columns, channels, input.layout === "NCHW") : values;
  const at = placement(size, input);
  const across = spread(size.width, at.scaleX, at.left, columns / input.width, columns);
  const down = spread(size.height, at.scaleY, at.top, rows / input.height, rows);
  const map = new Int32Array(size.width * size.height);
  const counts = new Map<number, number>();
  for (let y = 0, i = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++, i++) {
      const kind = small[(down[y] as number) * columns + (across[x] as number)] as number;
      map[i] = kind;
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
  }
  const kinds = [...counts].sort(([a, n], [b, m]) => m - n || a - b);
  const label = (index: number): string => site.contract.labels[index] ?? "";
  const shares = kinds.map(([index, pixels]) => ({ index, label: label(index), pixels, share: pixels / map.length }));
  return { ...size, map, classes: shares };
}

/** Batch, rows, columns and channels of a map of classes or scores. */
function mapShape(site: Site, input: InputContract): [number, number, number, number] {
  const shape = site.outputs[0]?.shape ?? [];
  if (shape.length < 3 || shape.length > 4) throw new InputError(`the model gives no map of classes but [${shape.join(", ")}]`);
  const [batch, a, b, c = 1] = shape as [number, number, number, number?];
  return shape.length === 4 && input.layout === "NCHW" ? [batch, b, c, a] : [batch, a, b, c];
}

/** The channel with the highest score at each place; of equal ones the first. */
function winners(scores: Numbers, places: number, channels: number, first: boolean): Int32Array {
  const [step, stride] = first ? [places, 1] : [1, channels];
  return Int32Array.from({ length: places }, (_, place) => {
    let winner = 0;
    for (let channel = 1; channel < channels; channel++) {
      const at = place * stride;
      if ((scores[at + channel * step] as number) > (scores[at + winner * step] as number)) winner = channel;
    }
    return winner;
  });
}

/** Which of `limit` values lies under the middle of each of `size` pixels. */
function spread(size: number, scale: number, start: number, step: number, limit: number): Int32Array {
  return Int32Array.from({ length: size }, (_, i) =>
    Math.min(Math.max(Math.trunc(((i + 0.5) * scale + start) * step), 0), limit - 1),
  );
}

/** Places of the first `count` scores, the highest first; of equal ones the first. */
function best(scores: Numbers, count: number): number[] {
  const places = Array.from({ length: count }, (_, i) => i);
  if (places.some((i) => Number.isNaN(scores[i]))) throw new InputError("the model gives NaN");
  return places.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
}

function toPicture(value: number, start: Placement["left"], scale: number): number {
  return (value - start) / scale;
}
