// Tells what is in a picture. The request is a BMP of 24 or 32 bits, or RGB pixels in the size of the model's input; the
// answer is JSON: the five classes that the model is surest of, as
// [{"index": 1, "label": "goldfish, Carassius auratus", "score": 0.9}, ...], or {"error": "..."}.
import { answer, request } from "littoral";
import { quoted, shown } from "json";
import { Model } from "model";
import { PictureInput } from "picture";

const TOP = 5;
const BAD_REQUEST = 400;
const FAILED = 500;

let model!: Model;
let input!: PictureInput;
let scores!: StaticArray<u8>;

// Runs once, when the function is deployed: labels are read and tables made here, not in each request.
export function init(): void {
  model = new Model("classifier"); // as the manifest calls it
  input = new PictureInput(model);
  scores = new StaticArray<u8>(model.output.bytes);
}

// The classes with the highest scores, the highest first; of equal ones the first.
function best(): u32[] {
  const found: u32[] = [];
  for (let index: u32 = 0; index < model.output.elements; index++) {
    const score = model.output.real(scores, index);
    let place = found.length;
    while (place > 0 && score > model.output.real(scores, found[place - 1])) place--;
    if (place == TOP) continue;
    if (found.length == TOP) found.pop();
    found.push(index);
    for (let below = found.length - 1; below > place; below--) found[below] = found[below - 1];
    found[place] = index;
  }
  return found;
}

function shownClass(index: u32): string {
  const label = index < <u32>model.labels.length ? model.labels[index] : "";
  const score = shown(model.output.real(scores, index));
  return '{"index": ' + index.toString() + ', "label": ' + quoted(label) + ', "score": ' + score + "}";
}

function refuse(status: i32, why: string): i32 {
  answer('{"error": ' + quoted(why) + "}\n");
  return status;
}

// Answers one request, in an instance of its own that starts from what `init` left.
export function handle(): i32 {
  if (!input.fill(request())) return refuse(BAD_REQUEST, input.wrong);
  if (model.run(input.bytes, scores)) return refuse(FAILED, "the model cannot be run; the log says why");
  answer("[" + best().map<string>((index) => shownClass(index)).join(", ") + "]\n");
  return 0;
}
