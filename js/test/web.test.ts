import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { detections } from "../web/detection.js";
import { area, bilinear, nearest } from "../web/resize.js";
import type { Constant, Detection } from "../web/site.js";
import { inflate, unpack } from "../web/weights.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");

/** What a program in Python prints as JSON; "b64" in it makes text of bytes. */
function python<T>(program: string): T {
  const head = "import base64, json\nimport numpy as np\nb64 = lambda data: base64.b64encode(data).decode()\n";
  const options = { encoding: "utf8", maxBuffer: 1 << 26 } as const;
  return JSON.parse(execFileSync(join(root, ".venv/bin/python"), ["-c", head + program], options)) as T;
}

describe("weights that Python packed", () => {
  interface Packed {
    data: string;
    inflated: number;
    constants: Constant[];
    bytes: string[];
  }
  const packed = python<Packed>(`
from littoral.export.weights import pack
from littoral.webnn.program import DTYPES
rng = np.random.default_rng(5)
halves = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
constants = [halves, halves.reshape(256, 256)[:, ::3].copy()]
for name in DTYPES:
    bits = rng.integers(0, 256, (5, 7, np.dtype(name).itemsize), dtype=np.uint8)
    small = np.arange(-128, 128).astype(np.int8).astype(name)
    constants += [bits.view(name)[..., 0], small, np.full((3, 1, 5), 42, name), bits.view(name)[2, 3], np.zeros((0, 2), name)]
stored, data, inflated = pack(constants)
print(json.dumps({
    "data": b64(data), "inflated": inflated, "bytes": [b64(np.ascontiguousarray(c).tobytes()) for c in constants],
    "constants": [{"operand": i, "dataType": c.dtype.name, "shape": c.shape, "stored": s.data_type, "count": s.count}
                  for i, (c, s) in enumerate(zip(constants, stored))],
}))`);

  test("are unpacked bit for bit", async () => {
    const inflated = await inflate(new Uint8Array(Buffer.from(packed.data, "base64")), packed.inflated);
    let seen = 0;
    for (const [constant, bytes] of unpack(inflated, packed.constants)) {
      const expected = Buffer.from(packed.bytes[constant.operand] as string, "base64");
      assert.ok(expected.equals(bytes), JSON.stringify(constant));
      seen++;
    }
    assert.equal(seen, packed.bytes.length);
  });
});

describe("a picture", () => {
  type Case = { from: [number, number]; to: [number, number]; picture: string; bilinear: string; nearest: string; area: string };
  const cases = python<Case[]>(`
from littoral.data import InputContract, prepare
rng = np.random.default_rng(3)
made = []
for w, h, to_w, to_h in [(9, 31, 7, 5), (31, 9, 40, 3), (5, 5, 17, 23), (64, 200, 64, 20), (60, 60, 13, 60), (3, 400, 50, 60)]:
    rgba = rng.integers(0, 256, (h, w, 4), dtype=np.uint8)
    given = {how: b64(prepare(rgba, InputContract(to_w, to_h, resize=how)).tobytes()) for how in ("bilinear", "nearest", "area")}
    made.append({"from": [w, h], "to": [to_w, to_h], "picture": b64(rgba.tobytes()), **given})
print(json.dumps(made))`);
  const floats = (text: string): Float32Array => new Float32Array(new Uint8Array(Buffer.from(text, "base64")).buffer);
  const rgb = (rgba: ArrayLike<number>): number[] => Array.from(rgba).filter((_, i) => i % 4 < 3);

  for (const { from, to, ...each } of cases) {
    const data = new Uint8ClampedArray(Buffer.from(each.picture, "base64"));
    const picture = { width: from[0], height: from[1], data };
    test(`of ${from.join(" x ")} becomes ${to.join(" x ")} as in Pillow`, () => {
      assert.deepEqual(rgb(bilinear(picture, ...to).data), Array.from(floats(each.bilinear)));
      assert.deepEqual(rgb(nearest(picture, ...to).data), Array.from(floats(each.nearest)));
      const means = floats(each.area);
      rgb(area(picture, ...to).data).forEach((value, i) => assert.ok(Math.abs(value - (means[i] as number)) < 1e-4));
    });
  }
});

describe("a detector's boxes", () => {
  interface Case {
    encodings: string;
    scores: string;
    anchors: string;
    options: Detection["options"];
    outputs: string[];
  }
  const cases = python<Case[]>(`
from littoral.runtime import load
from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Subgraph, Tensor, TensorType
import sys
sys.path.insert(0, ${JSON.stringify(root)})
from tests.vision.test_detect import OPERATOR, flexbuffer_map
rng = np.random.default_rng(11)
made = []
# LiteRT 2.3 leaves out class 2 where classes are suppressed for themselves, so that there are only two of them here.
for regular, classes, background, kinds in [(False, 1, 1, 3), (False, 2, 0, 3), (True, 1, 1, 2), (True, 1, 0, 2)]:
    options = dict(max_detections=10, max_classes_per_detection=classes, detections_per_class=4, num_classes=kinds,
                   nms_score_threshold=0.1, nms_iou_threshold=0.5, use_regular_nms=int(regular),
                   y_scale=10.0, x_scale=10.0, h_scale=5.0, w_scale=5.0)
    n = 40
    encodings = rng.normal(size=(1, n, 4)).astype(np.float32)
    scores = rng.random((1, n, kinds + background), dtype=np.float32)
    anchors = np.concatenate([rng.random((n, 2)), rng.random((n, 2)) * 0.5 + 0.1], 1).astype(np.float32)
    tensors = [Tensor(name=name, shape=shape, type=TensorType.FLOAT32, buffer=buffer) for name, shape, buffer in [
        ("e", (1, n, 4), None), ("s", scores.shape, None), ("a", (n, 4), Buffer(data=anchors.tobytes())),
        ("boxes", (), None), ("classes", (), None), ("scores", (), None), ("count", (), None)]]
    operator = Operator(code=OperatorCode.of(OPERATOR), inputs=(0, 1, 2), outputs=(3, 4, 5, 6), custom_options=flexbuffer_map(**options))
    graph = Graph(subgraphs=[Subgraph(tensors=tensors, inputs=(0, 1), outputs=(3, 4, 5, 6), operators=[operator])], metadata=[], signatures=[])
    with load(graph) as model:
        given = model({"e": encodings, "s": scores})
    made.append({"encodings": b64(encodings.tobytes()), "scores": b64(scores.tobytes()), "anchors": b64(anchors.tobytes()),
                 "options": options, "outputs": [b64(given[name].tobytes()) for name in ("boxes", "classes", "scores", "count")]})
print(json.dumps(made))`);
  const floats = (text: string): Float32Array => new Float32Array(new Uint8Array(Buffer.from(text, "base64")).buffer);

  for (const [i, each] of cases.entries()) {
    test(`are picked as TFLite picks them (${i})`, () => {
      const outputs = detections(floats(each.encodings), floats(each.scores), floats(each.anchors), each.options);
      const expected = each.outputs.map(floats);
      const count = (expected[3] as Float32Array)[0] as number;
      assert.equal((outputs[3] as Float32Array)[0], count);
      assert.ok(count > 3);
      for (const [which, width] of [[0, 4], [1, 1], [2, 1]] as const) {
        const [ours, theirs] = [outputs[which] as Float32Array, expected[which] as Float32Array];
        assert.equal(ours.length, theirs.length);
        for (let k = 0; k < width * count; k++) assert.ok(Math.abs((ours[k] as number) - (theirs[k] as number)) <= 1e-6);
      }
    });
  }
});
