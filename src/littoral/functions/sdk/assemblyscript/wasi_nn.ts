// wasi-nn, preview 1: the six calls of the standard's module "wasi_ephemeral_nn", each with an error number as its result.
// https://github.com/WebAssembly/wasi-nn/blob/0.2.1/wasi-nn.abi.md, with load_by_name of later hosts.

export enum NnErrno {
  success = 0,
  invalid_argument = 1,
  invalid_encoding = 2,
  missing_memory = 3,
  busy = 4,
  runtime_error = 5,
  unsupported_operation = 6,
  too_large = 7,
  not_found = 8,
}

// The standard has no type for int8: such a tensor goes as u8, byte for byte.
export enum TensorType {
  f16 = 0,
  f32 = 1,
  f64 = 2,
  u8 = 3,
  i32 = 4,
  i64 = 5,
}

export enum GraphEncoding {
  openvino = 0,
  onnx = 1,
  tensorflow = 2,
  pytorch = 3,
  tensorflowlite = 4,
}

export enum ExecutionTarget {
  cpu = 0,
  gpu = 1,
  tpu = 2,
}

export namespace wasi_nn {
  // Pointers to (pointer, length) pairs of a model's bytes. Hosts may refuse it: then graphs are named.
  @external("wasi_ephemeral_nn", "load")
  export declare function load(builders: usize, count: u32, encoding: u32, target: u32, graph: usize): i32;

  @external("wasi_ephemeral_nn", "load_by_name")
  export declare function load_by_name(name: usize, length: u32, graph: usize): i32;

  @external("wasi_ephemeral_nn", "init_execution_context")
  export declare function init_execution_context(graph: u32, context: usize): i32;

  @external("wasi_ephemeral_nn", "set_input")
  export declare function set_input(context: u32, index: u32, tensor: usize): i32;

  @external("wasi_ephemeral_nn", "compute")
  export declare function compute(context: u32): i32;

  @external("wasi_ephemeral_nn", "get_output")
  export declare function get_output(context: u32, index: u32, out: usize, room: u32, written: usize): i32;
}

// What set_input's `tensor` points to.
@unmanaged
export class NnTensor {
  dimensions: usize;
  rank: u32;
  type: u8;
  data: usize;
  length: u32;
}
