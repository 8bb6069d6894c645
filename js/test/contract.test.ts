import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { ContractError, ModelFileError, metadataEntry, parseContract, prepare, readContract } from "../src/index.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");

/** What Python says: the bytes of a model file with a contract, a small picture (RGBA), and the tensor that it becomes. */
const PYTHON = `
import base64, json, sys
import numpy as np
from littoral import tflite
from littoral.data import Contract, prepare
text, = sys.argv[1:]
contract = Contract.from_json(text)
graph = tflite.Graph(subgraphs=[tflite.Subgraph(tensors=[], operators=[])], metadata=[], signatures=[])
graph.set_metadata("littoral", contract.to_json().encode())
rgba = np.random.default_rng(7).integers(0, 256, (4, 5, 4), dtype=np.uint8)
tensor = prepare(np.ascontiguousarray(rgba[..., :3]), contract.inputs[0])
b64 = lambda data: base64.b64encode(data).decode()
print(json.dumps({"file": b64(tflite.to_bytes(graph)), "rgba": b64(rgba.tobytes()), "tensor": tensor.ravel().tolist()}))
`;

function python(contract: object): { file: Buffer; rgba: Buffer; tensor: number[] } {
  const text = execFileSync(join(root, ".venv/bin/python"), ["-c", PYTHON, JSON.stringify(contract)], { encoding: "utf8" });
  const answer = JSON.parse(text) as { file: string; rgba: string; tensor: number[] };
  return { file: Buffer.from(answer.file, "base64"), rgba: Buffer.from(answer.rgba, "base64"), tensor: answer.tensor };
}

describe("a contract written by Python", () => {
  const input = { width: 5, height: 4, scale: 1 / 127.5, mean: 127.5 };
  let answer: ReturnType<typeof python>;
  before(() => {
    answer = python({ inputs: [input], labels: ["daisy", "тюльпан"] });
  });

  test("is read from the model file", () => {
    const contract = readContract(answer.file);
    assert.deepEqual(contract?.labels, ["daisy", "тюльпан"]);
    assert.equal(contract?.inputs[0]?.mean, 127.5);
    assert.equal(contract?.inputs[0]?.colour, "rgb");
  });

  test("is null where the model file has none", () => {
    assert.equal(metadataEntry(answer.file, "another"), null);
  });

  test("every truncation is refused, never misread", () => {
    for (let size = 0; size < answer.file.length; size++) {
      try {
        assert.deepEqual(readContract(answer.file.subarray(0, size))?.labels ?? null, null);
      } catch (error) {
        assert.ok(error instanceof ModelFileError || error instanceof ContractError, String(error));
      }
    }
  });
});

for (const [name, input] of Object.entries({
  "rgb, one scale": { scale: 1 / 255 },
  "bgr, a scale a channel": { colour: "bgr", scale: [0.5, 0.25, 0.125], mean: [1, 2, 3] },
  "gray": { colour: "gray", mean: 33 },
  "gray without a channel axis": { colour: "gray", layout: "NHW" },
  "channels first": { layout: "NCHW", scale: 2 },
})) {
  test(`prepare gives what Python gives: ${name}`, () => {
    const contract = { inputs: [{ width: 5, height: 4, ...input }] };
    const answer = python(contract);
    const input0 = parseContract(JSON.stringify(contract)).inputs[0];
    assert.ok(input0);
    const tensor = prepare(answer.rgba, input0);
    assert.equal(tensor.length, answer.tensor.length);
    tensor.forEach((value, i) => assert.ok(Math.abs(value - (answer.tensor[i] as number)) <= 1e-4, `${i}: ${value}`));
  });
}

test("a picture of another size is refused", () => {
  const input = parseContract('{"inputs": [{"width": 2, "height": 2}]}').inputs[0];
  assert.ok(input);
  assert.throws(() => prepare(new Uint8Array(12), input), ContractError);
});

for (const text of ["", "[]", '{"version": 9}', '{"inputs": [{}]}', '{"inputs": [{"width": 2, "height": 2, "scale": [1]}]}']) {
  test(`refused in one line: ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseContract(text), ContractError);
  });
}

test("what is not a model file is refused", () => {
  assert.throws(() => readContract(new TextEncoder().encode("PK\u0003\u0004 not a model")), ModelFileError);
});
