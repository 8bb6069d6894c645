"""How a class says what its table looks like in the file: the class body is the schema.

A table class derives from `Table`; its annotated fields stand in slot order, and the aliases below (`I32`, `Ints` ...)
say how each is stored. `littoral.tflite.reader` and `littoral.tflite.writer` walk these descriptions; nothing else
knows the format of a table. A field that a file leaves out keeps the default of its class, which costs nothing.
Modules with table classes do not postpone annotations, so that they need not be evaluated from text.
"""

import struct
from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, get_args, get_origin

import numpy as np
import numpy.typing as npt

from littoral.tflite.enums import ByteEnum, IntegerEnum, UnsignedEnum

if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_):
        """Say to type checkers that subclasses are like dataclasses."""
        return lambda cls: cls


@dataclass_transform(kw_only_default=True)
class Record:
    """Fields given by keyword, compared by value: a dataclass, but 150 of those cost 50 ms to import."""

    def __init__(self, **values: Any) -> None:
        cls = type(self)
        for name in cls.__annotations__:
            if name in values:
                setattr(self, name, values.pop(name))
            elif not hasattr(cls, name):
                raise TypeError(f"{cls.__name__} needs {name}")
        if values:
            raise TypeError(f"{cls.__name__} has no {', '.join(values)}: it has {', '.join(cls.__annotations__)}")

    def replaced(self, **changes: Any) -> "Self":
        """A copy with some fields changed; the other fields are shared with this one."""
        return type(self)(**{**vars(self), **changes})

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_same(getattr(self, name), getattr(other, name)) for name in type(self).__annotations__)

    def __repr__(self) -> str:
        shown = (f"{name}={_brief(value)}" for name, value in vars(self).items())
        return f"{type(self).__name__}({', '.join(shown)})"


class Table(Record):
    """One kind of table in a model file."""

    skipped_slots: ClassVar[tuple[int, ...]] = ()  # given up by the schema: old files may still have them

    def pooled(self, _index: int) -> "Self | None":
        """What a reference to this table stands for, where tables are referred to by index; None for no table."""
        return self


def _same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()  # bytes, so that NaN equals itself
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (a != a and b != b)
    return a == b


def _brief(value: object) -> str:
    if isinstance(value, memoryview):
        return f"<{value.nbytes} bytes>"
    if isinstance(value, list):
        return f"<{len(value)}>"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


# How one field is stored


class Scalar(NamedTuple):
    """A number inside the table. `code` is that of `struct`."""

    code: str
    size: int


class Enumeration(NamedTuple):
    """A number inside the table of which only some values have a meaning."""

    enum: type[IntEnum]
    code: str
    size: int


class Reference(NamedTuple):
    """The index of a table in one of the model's pools; in memory the table itself."""

    table: type[Table]
    code: str
    size: int = 4


class References(NamedTuple):
    """A vector of signed 32-bit indices into one of the model's pools; in memory a tuple of tables."""

    table: type[Table]
    size: int = 4


class Text(NamedTuple):
    """A UTF-8 string."""

    size: int = 4


class Numbers(NamedTuple):
    """A short vector; in memory a tuple."""

    code: str
    item: int
    size: int = 4


class Array(NamedTuple):
    """A vector that stays where it is; in memory a read-only numpy array."""

    dtype: str
    item: int
    size: int = 4


class Blob(NamedTuple):
    """Bytes that stay where they are; in memory a read-only memoryview.

    `outside` is the first of two slots with the place (from the start of the file) and size of bytes that lie behind
    the flatbuffer, where 32-bit offsets do not reach: so are files of more than 2 GB made.
    """

    outside: int = 0
    size: int = 4


class Blobs(NamedTuple):
    """A vector of byte strings that stay where they are; in memory a list of memoryviews. Model files have none."""

    size: int = 4


class Child(NamedTuple):
    """Another table."""

    table: type[Table]
    size: int = 4


class Children(NamedTuple):
    """A vector of tables; in memory a list. A `pool` is what references point into."""

    table: type[Table]
    pool: bool = False
    size: int = 4


class Union(NamedTuple):
    """One of several tables, in two slots: its code, then the table. `tables` maps codes to classes."""

    tables: Mapping[int, type[Table]]
    size: int = 4


Kind = Scalar | Enumeration | Reference | References | Text | Numbers | Array | Blob | Blobs | Child | Children | Union


class Field(NamedTuple):
    """One field of a table: its attribute, its slot, how it is stored, and the value that need not be spelled out."""

    name: str
    slot: int
    kind: Any
    default: Any


Bytes = bytes | memoryview
I8 = Annotated[int, Scalar("b", 1)]
U8 = Annotated[int, Scalar("B", 1)]
I32 = Annotated[int, Scalar("i", 4)]
U32 = Annotated[int, Scalar("I", 4)]
I64 = Annotated[int, Scalar("q", 8)]
U64 = Annotated[int, Scalar("Q", 8)]
F32 = Annotated[float, Scalar("f", 4)]
Bools = Annotated[tuple[bool, ...], Numbers("?", 1)]
Ints = Annotated[tuple[int, ...], Numbers("i", 4)]
UInts = Annotated[tuple[int, ...], Numbers("I", 4)]
Longs = Annotated[tuple[int, ...], Numbers("q", 8)]
UInt8Array = Annotated[npt.NDArray[np.uint8], Array("<u1", 1)]
UInt16Array = Annotated[npt.NDArray[np.uint16], Array("<u2", 2)]
Int32Array = Annotated[npt.NDArray[np.int32], Array("<i4", 4)]
Int64Array = Annotated[npt.NDArray[np.int64], Array("<i8", 8)]
Float32Array = Annotated[npt.NDArray[np.float32], Array("<f4", 4)]
Data = Annotated[Bytes, Blob()]


def empty(dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """A read-only array without elements: the default of vectors that a file leaves out."""
    array = np.empty(0, dtype)
    array.flags.writeable = False
    return array


_ENUM_CODES: dict[type[IntEnum], tuple[str, int]] = {ByteEnum: ("b", 1), IntegerEnum: ("i", 4), UnsignedEnum: ("I", 4)}
_PLAIN_KINDS: dict[object, Kind] = {bool: Scalar("?", 1), str: Text()}


_FIELDS: dict[type[Table], tuple[Field, ...]] = {}


def fields_of(cls: type[Table]) -> tuple[Field, ...]:
    """The fields of a table class in slot order, pools first: what refers to them can be resolved as it is read."""
    if cls not in _FIELDS:
        _FIELDS[cls] = _describe(cls)
    return _FIELDS[cls]


def _describe(cls: type[Table]) -> tuple[Field, ...]:
    fields = []
    slot = 0
    for name, annotation in cls.__annotations__.items():
        kind = _kind(annotation)
        if kind is None:
            continue
        while slot in cls.skipped_slots:
            slot += 1
        fields.append(Field(name, slot, kind, getattr(cls, name, None)))
        slot += 2 if isinstance(kind, Union) else 1
    return tuple(sorted(fields, key=lambda field: not (isinstance(field.kind, Children) and field.kind.pool)))


def _kind(annotation: Any) -> Kind | None:
    """How a field with this annotation is stored; None for class variables."""
    origin = get_origin(annotation)
    if origin is ClassVar:
        return None
    if origin is Annotated:
        kind: Kind = annotation.__metadata__[0]
        return kind
    if origin is list:
        return Children(get_args(annotation)[0])
    if isinstance(annotation, UnionType):
        return Child(next(cls for cls in get_args(annotation) if issubclass(cls, Table)))
    if annotation in _PLAIN_KINDS:
        return _PLAIN_KINDS[annotation]
    assert issubclass(annotation, IntEnum), annotation
    return Enumeration(annotation, *_ENUM_CODES[annotation.__bases__[0]])


@cache
def unpacker(code: str) -> Any:
    """`struct`'s compiled reader of one little-endian value."""
    return struct.Struct("<" + code)
