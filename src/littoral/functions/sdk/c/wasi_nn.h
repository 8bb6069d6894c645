// wasi-nn, preview 1: the six calls of the standard's module "wasi_ephemeral_nn".
// https://github.com/WebAssembly/wasi-nn/blob/0.2.1/wasi-nn.abi.md, with load_by_name of later hosts.
#ifndef WASI_NN_H
#define WASI_NN_H

#include <stdint.h>

typedef uint32_t wasi_nn_graph;
typedef uint32_t wasi_nn_graph_execution_context;

typedef enum {
    WASI_NN_SUCCESS = 0,
    WASI_NN_INVALID_ARGUMENT = 1,
    WASI_NN_INVALID_ENCODING = 2,
    WASI_NN_MISSING_MEMORY = 3,
    WASI_NN_BUSY = 4,
    WASI_NN_RUNTIME_ERROR = 5,
    WASI_NN_UNSUPPORTED_OPERATION = 6,
    WASI_NN_TOO_LARGE = 7,
    WASI_NN_NOT_FOUND = 8,
} wasi_nn_errno;

// The standard has no type for int8: such a tensor goes as U8, byte for byte.
typedef enum {
    WASI_NN_F16 = 0,
    WASI_NN_F32 = 1,
    WASI_NN_F64 = 2,
    WASI_NN_U8 = 3,
    WASI_NN_I32 = 4,
    WASI_NN_I64 = 5,
} wasi_nn_tensor_type;

typedef enum {
    WASI_NN_OPENVINO = 0,
    WASI_NN_ONNX = 1,
    WASI_NN_TENSORFLOW = 2,
    WASI_NN_PYTORCH = 3,
    WASI_NN_TENSORFLOWLITE = 4,
} wasi_nn_graph_encoding;

typedef enum { WASI_NN_CPU = 0, WASI_NN_GPU = 1, WASI_NN_TPU = 2 } wasi_nn_execution_target;

typedef struct {
    const uint8_t *data;
    uint32_t length;  // bytes
} wasi_nn_graph_builder;

typedef struct {
    const uint32_t *dimensions;
    uint32_t rank;
    uint8_t type;  // wasi_nn_tensor_type
    const uint8_t *data;
    uint32_t length;  // bytes
} wasi_nn_tensor;

_Static_assert(sizeof(wasi_nn_tensor) == 20, "the host reads 20 bytes");

#define WASI_NN_IMPORT(name) __attribute__((import_module("wasi_ephemeral_nn"), import_name(name)))

// A graph of the guest's own bytes. Hosts may refuse it: then graphs are named.
WASI_NN_IMPORT("load")
wasi_nn_errno wasi_nn_load(const wasi_nn_graph_builder *builders, uint32_t count, uint32_t encoding, uint32_t target,
                           wasi_nn_graph *graph);

// A graph that the host has, by the name in the function's manifest.
WASI_NN_IMPORT("load_by_name")
wasi_nn_errno wasi_nn_load_by_name(const char *name, uint32_t length, wasi_nn_graph *graph);

WASI_NN_IMPORT("init_execution_context")
wasi_nn_errno wasi_nn_init_execution_context(wasi_nn_graph graph, wasi_nn_graph_execution_context *context);

WASI_NN_IMPORT("set_input")
wasi_nn_errno wasi_nn_set_input(wasi_nn_graph_execution_context context, uint32_t index, const wasi_nn_tensor *tensor);

WASI_NN_IMPORT("compute")
wasi_nn_errno wasi_nn_compute(wasi_nn_graph_execution_context context);

// `room` bytes are at `out`; a larger output is WASI_NN_TOO_LARGE. `written` becomes its size in bytes.
WASI_NN_IMPORT("get_output")
wasi_nn_errno wasi_nn_get_output(wasi_nn_graph_execution_context context, uint32_t index, uint8_t *out, uint32_t room,
                                 uint32_t *written);

#endif
