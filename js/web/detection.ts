/** What a detector's last operator does, TFLite_Detection_PostProcess: no browser's runtime has it. Loaded for detectors only. */
import type { Values } from "./littoral-web.js";
import type { Detection } from "./site.js";

/** A box as top, left, bottom, right, in shares of the input. */
type Box = readonly [number, number, number, number];

/** The operator's four outputs: boxes [1, N, 4], classes [1, N], scores [1, N], and how many of the N count [1]. */
export function detections(encodings: Float32Array, scores: Float32Array, anchors: Float32Array, options: Detection["options"]): Values[] {
  const count = anchors.length / 4;
  const box = boxes(encodings, anchors, options);
  const [found, counted] = options.use_regular_nms ? regular(scores, count, box, options) : fast(scores, count, box, options);
  const room = options.max_detections * options.max_classes_per_detection;
  const [corners, kinds, sure] = [new Float32Array(4 * room), new Float32Array(room), new Float32Array(room)];
  found.forEach(({ at, kind, score }, i) => {
    corners.set(box(at), 4 * i);
    kinds[i] = kind;
    sure[i] = score;
  });
  return [corners, kinds, sure, Float32Array.of(counted)];
}

interface Picked {
  readonly at: number;
  readonly kind: number;
  readonly score: number;
}
type Boxes = (at: number) => Box;

function boxes(encodings: Float32Array, anchors: Float32Array, { y_scale, x_scale, h_scale, w_scale }: Detection["options"]): Boxes {
  const stride = (4 * encodings.length) / anchors.length; // keypoints may stand behind the four
  const known = new Map<number, Box>();
  const value = (from: Float32Array, i: number): number => from[i] as number;
  return (at) => {
    let box = known.get(at);
    if (!box) {
      const [e, a] = [at * stride, at * 4];
      const y = (value(encodings, e) / y_scale) * value(anchors, a + 2) + value(anchors, a);
      const x = (value(encodings, e + 1) / x_scale) * value(anchors, a + 3) + value(anchors, a + 1);
      const high = 0.5 * Math.exp(value(encodings, e + 2) / h_scale) * value(anchors, a + 2);
      const wide = 0.5 * Math.exp(value(encodings, e + 3) / w_scale) * value(anchors, a + 3);
      box = [y - high, x - wide, y + high, x + wide];
      known.set(at, box);
    }
    return box;
  };
}

/**
 * Each box by its best classes; a box that another one of a higher score covers is left out, whatever its class. TFLite
 * counts boxes, of which each has as many rows as it has classes.
 */
function fast(scores: Float32Array, count: number, box: Boxes, options: Detection["options"]): [Picked[], number] {
  const width = scores.length / count;
  const skip = width - options.num_classes; // the background, where the model has scores for it
  const best = new Float32Array(count);
  for (let at = 0; at < count; at++) best[at] = scores.subarray(at * width + skip, (at + 1) * width).reduce((a, b) => Math.max(a, b));
  const classes = Math.min(options.max_classes_per_detection, options.num_classes);
  const kept = suppressed(best, box, options, options.max_detections);
  const found = kept.flatMap((at) => {
    const own = scores.subarray(at * width + skip, (at + 1) * width);
    return sorted(own, -Infinity).slice(0, classes).map((kind) => ({ at, kind, score: own[kind] as number }));
  });
  return [found, kept.length];
}

/** Each class for itself; of all that is left, the surest. */
function regular(scores: Float32Array, count: number, box: Boxes, options: Detection["options"]): [Picked[], number] {
  const width = scores.length / count;
  const skip = width - options.num_classes;
  const all: Picked[] = [];
  for (let kind = 0; kind < options.num_classes; kind++) {
    const own = Float32Array.from({ length: count }, (_, at) => scores[at * width + kind + skip] as number);
    for (const at of suppressed(own, box, options, options.detections_per_class)) all.push({ at, kind, score: own[at] as number });
  }
  const found = all.sort((a, b) => b.score - a.score).slice(0, options.max_detections);
  return [found, found.length];
}

/** Places of scores that are high enough, the highest first, without those that one before them covers. */
function suppressed(scores: Float32Array, box: Boxes, options: Detection["options"], limit: number): number[] {
  const picked: number[] = [];
  for (const at of sorted(scores, options.nms_score_threshold)) {
    if (picked.length >= limit) break;
    if (picked.every((other) => overlap(box(other), box(at)) <= options.nms_iou_threshold)) picked.push(at);
  }
  return picked;
}

/** Places of scores from a threshold on, the highest first; of equal ones the first. */
function sorted(scores: Float32Array, threshold: number): number[] {
  const places: number[] = [];
  scores.forEach((score, at) => score >= threshold && places.push(at));
  return places.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
}

/** How much two boxes share, of what they cover together. */
function overlap(a: Box, b: Box): number {
  const [one, two] = [a, b].map(([top, left, bottom, right]) => (bottom - top) * (right - left)) as [number, number];
  if (one <= 0 || two <= 0) return 0;
  const high = Math.max(Math.min(a[2], b[2]) - Math.max(a[0], b[0]), 0);
  const wide = Math.max(Math.min(a[3], b[3]) - Math.max(a[1], b[1]), 0);
  return (high * wide) / (one + two - high * wide);
}
