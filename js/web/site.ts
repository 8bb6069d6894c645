/** model.json: a program, its weights, and what the model is for. Python writes it: littoral.export.page. */
import type { Contract } from "../src/contract.js";
import type { DataType, Task, Tensor } from "./littoral-web.js";

/** A file beside model.json. */
export interface File {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** An argument or option: an operand is {"$": number}, and a number that JSON lacks {"number": "-Infinity"}. */
export type Value = Reference | { readonly number: string } | boolean | number | string | readonly Value[];
export interface Reference {
  readonly $: number;
}

/** One call of a builder's method: name, arguments in the standard's order, options, the operands that it returns. */
export type Call = readonly [string, readonly Value[], Readonly<Record<string, Value>>, readonly number[]];

export interface Constant {
  readonly operand: number;
  readonly dataType: DataType;
  readonly shape: readonly number[];
  /** The type of the stored values, which is widened to dataType. */
  readonly stored: DataType;
  /** How many values are stored: 1 where all are the same. */
  readonly count: number;
}

export interface Program {
  readonly weights: File & { /** When inflated, in bytes. */ readonly inflated: number };
  /** The operand of each of the site's inputs and outputs, in their order. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** In the order of the weights. */
  readonly constants: readonly Constant[];
  readonly calls: readonly Call[];
}

/** LiteRT.js and the model file that it runs. */
export interface Fallback {
  readonly model: File;
  /** The folder with LiteRT.js, relative to model.json. */
  readonly runtime: string;
}

/** The names of a detector's four outputs. */
export interface Roles {
  readonly boxes: string;
  readonly classes: string;
  readonly scores: string;
  readonly count: string;
}

/** A detector's last operator, which the script does: littoral.export.edges has its parts. */
export interface Detection {
  /** What the model gives without it. */
  readonly given: readonly Tensor[];
  readonly boxes: number;
  readonly scores: number;
  /** float32 [N, 4]. */
  readonly anchors: File;
  readonly options: {
    readonly max_detections: number;
    readonly max_classes_per_detection: number;
    readonly detections_per_class: number;
    readonly num_classes: number;
    readonly nms_score_threshold: number;
    readonly nms_iou_threshold: number;
    readonly use_regular_nms: boolean;
    readonly y_scale: number;
    readonly x_scale: number;
    readonly h_scale: number;
    readonly w_scale: number;
  };
  /** Where its boxes, classes, scores and count stand among the site's outputs. */
  readonly places: readonly number[];
  /** Where the others of `given` stand there: [given, output]. */
  readonly kept: readonly (readonly [number, number])[];
}

export interface Site {
  readonly format: 1;
  readonly name: string;
  readonly task: Task | null;
  readonly contract: Contract;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly roles: Roles | null;
  readonly detection: Detection | null;
  /** null where the model has no WebNN program, for the reason in `unmapped`. */
  readonly program: Program | null;
  readonly unmapped: string;
  readonly fallback: Fallback | null;
}
