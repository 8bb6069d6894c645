"""The C structs that a delegate shares with the runtime, as ctypes layouts for 64-bit machines.

Source: tflite/core/c/common.h of LiteRT, which is "semi-ABI-stable": fields are only ever appended. So the structs that
the runtime owns are given here as far as they are used, and those that it takes from us have zeros behind them for the
fields of runtimes to come. `littoral.runtime.delegate.selftest` proves each runtime before it is used.
"""

import ctypes
from collections.abc import Sequence

from littoral.errors import DeviceError
from littoral.tflite import TensorType

OK = 0
DELEGATE_ERROR = 2
MAPPED_READ_ONLY = 1  # TfLiteAllocationType of what lies in the model file
INIT_FAILED = ctypes.c_void_p(-1).value
ALLOW_DYNAMIC_TENSORS = 1
REQUIRE_PROPAGATED_SHAPES = 2
_DELEGATE_OPERATOR = 51
_SPARE = 8

Ints = ctypes.POINTER(ctypes.c_int)  # TfLiteIntArray: the count, then the items
_pointer = ctypes.c_void_p

INIT = ctypes.CFUNCTYPE(_pointer, _pointer, _pointer, ctypes.c_size_t)
FREE = ctypes.CFUNCTYPE(None, _pointer, _pointer)
STEP = ctypes.CFUNCTYPE(ctypes.c_int, _pointer, _pointer)


class Tensor(ctypes.Structure):
    """TfLiteTensor. Its size is the distance between tensors, so all fields are here."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("data", _pointer),
        ("dims", Ints),
        ("scale", ctypes.c_float),
        ("zero_point", ctypes.c_int32),
        ("allocation_type", ctypes.c_int),
        ("bytes", ctypes.c_size_t),
        ("allocation", _pointer),
        ("name", ctypes.c_char_p),
        ("delegate", _pointer),
        ("buffer_handle", ctypes.c_int),
        ("data_is_stale", ctypes.c_bool),
        ("is_variable", ctypes.c_bool),
        ("quantization_type", ctypes.c_int),
        ("quantization_params", _pointer),
        ("sparsity", _pointer),
        ("dims_signature", _pointer),
    )


class Node(ctypes.Structure):
    """The first fields of TfLiteNode."""

    _fields_ = (
        ("inputs", Ints),
        ("outputs", Ints),
        ("intermediates", Ints),
        ("temporaries", Ints),
        ("user_data", _pointer),
    )


class Registration(ctypes.Structure):
    """TfLiteRegistration, which the runtime takes by value."""

    _fields_ = (
        ("init", INIT),
        ("free", FREE),
        ("prepare", STEP),
        ("invoke", STEP),
        ("profiling_string", _pointer),
        ("builtin_code", ctypes.c_int32),
        ("custom_name", ctypes.c_char_p),
        ("version", ctypes.c_int),
        ("registration_external", _pointer),
        ("async_kernel", _pointer),
        ("inplace_operator", ctypes.c_uint64),
        ("spare", ctypes.c_uint64 * _SPARE),
    )


class Context(ctypes.Structure):
    """The first fields of TfLiteContext. Those that change the graph work inside `TfLiteDelegate.Prepare` only."""

    _fields_ = (
        ("tensors_size", ctypes.c_size_t),
        ("get_execution_plan", ctypes.CFUNCTYPE(ctypes.c_int, _pointer, ctypes.POINTER(Ints))),
        ("tensors", _pointer),
        ("impl", _pointer),
        ("resize_tensor", ctypes.CFUNCTYPE(ctypes.c_int, _pointer, _pointer, _pointer)),
        ("report_error", ctypes.CFUNCTYPE(None, _pointer, ctypes.c_char_p)),  # variadic: a format, then its arguments
        ("add_tensors", _pointer),
        (
            "get_node_and_registration",
            ctypes.CFUNCTYPE(
                ctypes.c_int, _pointer, ctypes.c_int, ctypes.POINTER(ctypes.POINTER(Node)), ctypes.POINTER(_pointer)
            ),
        ),
        (
            "replace_node_subsets",
            ctypes.CFUNCTYPE(ctypes.c_int, _pointer, Registration, _pointer, _pointer),
        ),
        ("recommended_num_threads", ctypes.c_int),
        ("get_external_context", _pointer),
        ("set_external_context", _pointer),
        ("allow_fp32_relax_to_fp16", ctypes.c_bool),
        ("profiler", _pointer),
        ("allocate_persistent_buffer", _pointer),
        ("allocate_buffer_for_eval", _pointer),
        ("request_scratch_buffer", _pointer),
        ("get_scratch_buffer", _pointer),
        ("resize_tensor_explicit", _pointer),
        ("preview_partitioning", _pointer),
        ("get_tensor", _pointer),
        ("get_eval_tensor", _pointer),
        ("get_model_metadata", _pointer),
        (
            "acquire_subgraph_context",
            ctypes.CFUNCTYPE(ctypes.c_int, _pointer, ctypes.c_int, ctypes.POINTER(_pointer)),
        ),
        ("release_subgraph_context", ctypes.CFUNCTYPE(ctypes.c_int, _pointer, ctypes.c_int)),
    )


class Delegate(ctypes.Structure):
    """TfLiteDelegate."""

    _fields_ = (
        ("data", _pointer),
        ("prepare", STEP),
        ("copy_from_buffer_handle", _pointer),
        ("copy_to_buffer_handle", _pointer),
        ("free_buffer_handle", _pointer),
        ("flags", ctypes.c_int64),
        ("opaque_delegate_builder", _pointer),
        ("spare", ctypes.c_uint64 * _SPARE),
    )


class DelegateParams(ctypes.Structure):
    """TfLiteDelegateParams: one partition."""

    _fields_ = (("delegate", _pointer), ("nodes", Ints), ("inputs", Ints), ("outputs", Ints))


TENSOR_SIZE = ctypes.sizeof(Tensor)
TENSOR_DATA = Tensor.data.offset
CONTEXT_TENSORS = Context.tensors.offset
NODE_USER_DATA = Node.user_data.offset
DELEGATE_DATA = Delegate.data.offset

RUNTIME_TYPES: dict[TensorType, int] = {
    TensorType.FLOAT32: 1,
    TensorType.INT32: 2,
    TensorType.UINT8: 3,
    TensorType.INT64: 4,
    TensorType.STRING: 5,
    TensorType.BOOL: 6,
    TensorType.INT16: 7,
    TensorType.COMPLEX64: 8,
    TensorType.INT8: 9,
    TensorType.FLOAT16: 10,
    TensorType.FLOAT64: 11,
    TensorType.COMPLEX128: 12,
    TensorType.UINT64: 13,
    TensorType.RESOURCE: 14,
    TensorType.VARIANT: 15,
    TensorType.UINT32: 16,
    TensorType.UINT16: 17,
    TensorType.INT4: 18,
    TensorType.BFLOAT16: 19,
}
"""The number that the runtime gives to an element type, which is not the number in the file."""


def registration(init: object, free: object, prepare: object, invoke: object, name: bytes) -> Registration:
    """What the runtime calls for each partition; the caller keeps callbacks and name alive."""
    return Registration(init, free, prepare, invoke, None, _DELEGATE_OPERATOR, name, 1)


def items(array: "ctypes._Pointer[ctypes.c_int]") -> tuple[int, ...]:
    """The items of a TfLiteIntArray; none when it is missing."""
    return tuple(array[1 : 1 + array[0]]) if array else ()


def int_array(values: "list[int]") -> "ctypes.Array[ctypes.c_int]":
    """A TfLiteIntArray of our own; the caller keeps it alive."""
    return (ctypes.c_int * (len(values) + 1))(len(values), *values)


def resize(context: int, tensor: int, shape: Sequence[int]) -> None:
    """Gives a tensor of the graph another shape; works inside `prepare` only.

    Args:
        context: The address of a TfLiteContext.
        tensor: The address of the tensor.
        shape: For it.

    Raises:
        DeviceError: The runtime does not take it.
    """
    array = int_array(list(shape))
    size = ctypes.sizeof(array)
    allocate = ctypes.CDLL(None).malloc  # the runtime frees it with free()
    allocate.argtypes, allocate.restype = (ctypes.c_size_t,), _pointer
    copy = allocate(size)
    ctypes.memmove(copy, array, size)
    if Context.from_address(context).resize_tensor(context, tensor, copy) != OK:
        raise DeviceError(f"the runtime does not take a tensor of shape {list(shape)}")
