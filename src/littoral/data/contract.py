"""The contract: how a picture becomes a tensor. It travels as JSON in the model file's metadata entry `littoral`."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from littoral.data.labels import read_labels
from littoral.errors import ContractError

VERSION = 1
MAX_SIDE = 1 << 14  # pixels: a larger input is a mistake, and would take gigabytes

MIN_GUESS = 8  # pixels: a tensor with shorter sides is hardly a picture

Layout = Literal["NHWC", "NCHW", "NHW"]
Colour = Literal["rgb", "bgr", "gray"]
Resize = Literal["bilinear", "area", "letterbox", "nearest"]


@dataclass(frozen=True)
class InputContract:
    """How a picture becomes one input tensor: value = (pixel - mean) * scale, with pixel in 0..255.

    Attributes:
        width: Pixels.
        height: Pixels.
        name: The input's name in the model; empty where the model has one input.
        layout: "NHWC", "NCHW", or "NHW" for a gray picture without a channel axis.
        colour: "rgb", "bgr" or "gray": the order of the tensor's channels.
        resize: "bilinear" (antialiased), "area" (exact mean), "letterbox" (aspect kept, gray bars) or "nearest".
        scale: One for all channels, or one a channel in the tensor's order.
        mean: The same, in pixels.

    Raises:
        ContractError: A value is none of these.
    """

    width: int
    height: int
    name: str = ""
    layout: Layout = "NHWC"
    colour: Colour = "rgb"
    resize: Resize = "bilinear"
    scale: float | tuple[float, ...] = 1.0
    mean: float | tuple[float, ...] = 0.0

    def __post_init__(self) -> None:
        for field, accepted in (("layout", Layout), ("colour", Colour), ("resize", Resize)):
            _one_of(*get_args(accepted))(getattr(self, field), field)
        for field in ("width", "height"):
            _whole(1, MAX_SIDE)(getattr(self, field), field)
        if self.layout == "NHW" and self.colour != "gray":
            raise ContractError(f'layout NHW has no channels, but colour is "{self.colour}"', 'Use colour "gray"')
        for field in ("scale", "mean"):
            values = _numbers(getattr(self, field), field)
            if isinstance(values, tuple) and len(values) != self.channels:
                accepts = f"Give one number, or {self.channels} for {self.colour}"
                raise ContractError(f"{field} has {len(values)} numbers", accepts)
            if field == "scale" and 0.0 in (values if isinstance(values, tuple) else (values,)):
                raise ContractError(
                    "scale is 0: every picture would be the same", "Leave it out for pixels as they are"
                )

    @property
    def channels(self) -> int:
        """Channels of the prepared picture: 1 or 3."""
        return 1 if self.colour == "gray" else 3

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the prepared picture, without the batch axis."""
        sizes = {"H": self.height, "W": self.width, "C": self.channels}
        return tuple(sizes[axis] for axis in self.layout[1:])

    @property
    def value_range(self) -> tuple[float, float]:
        """Smallest and largest value that a pixel of 0..255 can become."""
        ends = [(pixel - mean) * scale for mean, scale in self.normalisation for pixel in (0.0, 255.0)]
        return min(ends), max(ends)

    @property
    def normalisation(self) -> tuple[tuple[float, float], ...]:
        """(mean, scale) of each channel."""
        means, scales = (
            value if isinstance(value, tuple) else (value,) * self.channels for value in (self.mean, self.scale)
        )
        return tuple(zip(means, scales, strict=True))

    @classmethod
    def from_shape(cls, shape: Sequence[int], name: str = "") -> InputContract | None:
        """The contract that a tensor's shape suggests, with pixels as they are; None where it is no picture.

        Args:
            shape: With the batch axis: [1, H, W, C], [1, C, H, W] or a square [1, H, W]; C is 1 or 3; -1 = unknown.
            name: The input's name.
        """
        size = tuple(int(side) for side in shape[1:])
        if not all(1 <= side <= MAX_SIDE for side in size) or sum(side >= MIN_GUESS for side in size) < 2:
            return None
        if len(size) == 2 and size[0] == size[1]:  # other matrices are rarely pictures: sound, text, series
            return cls(size[1], size[0], name, "NHW", "gray")
        if len(size) == 3 and size[2] in (1, 3):
            return cls(size[1], size[0], name, "NHWC", "gray" if size[2] == 1 else "rgb")
        if len(size) == 3 and size[0] in (1, 3):
            return cls(size[2], size[1], name, "NCHW", "gray" if size[0] == 1 else "rgb")
        return None


@dataclass(frozen=True)
class Calibration:
    """What a quantization was calibrated on.

    Attributes:
        samples: How many.
        seed: Of their selection.
        skipped: Unreadable ones that were passed over.
        ranges: (input name, smallest value, largest value) of each input.
    """

    samples: int
    seed: int = 0
    skipped: int = 0
    ranges: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True)
class Contract:
    """What goes into a model and what its answers are called.

    Attributes:
        inputs: Those that take pictures; other inputs take arrays as they are.
        labels: Names of the classes, in the order of the model's output.
        recipe: How the file was quantized; empty where it was not by us.
        calibration: What on.
        source_sha256: Of the trained model, hexadecimal.
    """

    inputs: tuple[InputContract, ...] = ()
    labels: tuple[str, ...] = ()
    recipe: str = ""
    calibration: Calibration | None = None
    source_sha256: str = ""

    def __post_init__(self) -> None:
        names = [entry.name for entry in self.inputs]
        if len(set(names)) != len(names):
            raise ContractError(f"two inputs have one name: {names}", "Name each input of the contract")

    def input(self, name: str) -> InputContract | None:
        """How that input is made, None where it takes arrays. The only input of a contract may have no name."""
        if len(self.inputs) == 1 and self.inputs[0].name in ("", name):
            return self.inputs[0]
        return next((entry for entry in self.inputs if entry.name == name), None)

    def to_json(self) -> str:
        """JSON that `from_json` reads; what is empty is left out."""
        data: dict[str, Any] = {"version": VERSION, "inputs": [vars(entry) for entry in self.inputs]}
        if self.calibration:
            ranges = {name: (low, high) for name, low, high in self.calibration.ranges}
            data["calibration"] = {**vars(self.calibration), "ranges": ranges}
        rest = {"labels": self.labels, "recipe": self.recipe, "source_sha256": self.source_sha256}
        return json.dumps(
            data | {key: value for key, value in rest.items() if value}, ensure_ascii=False, allow_nan=False
        )

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "the contract") -> Contract:
        """Reads what `to_json` wrote, or what a person did: `{"inputs": [{"width": 224, "height": 224}]}` is enough.

        Args:
            text: JSON, UTF-8 where bytes.
            where: Names it in errors.

        Raises:
            ContractError: It is not JSON, or has unknown keys, wrong types or another version.
        """
        return cls(**_CONTRACT(_parse(text, where), where))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Contract:
        """Reads a contract file, where `labels` may also be a labels file's path, relative to the contract's folder.

        Raises:
            ContractError: It cannot be read, or `from_json` refuses it.
            DataError: The labels file cannot be read.
        """
        path = Path(path)
        try:
            data = _parse(path.read_bytes(), str(path))
        except OSError as error:
            raise ContractError(f"{path} cannot be read: {error.strerror}") from error
        labels = data.get("labels") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(labels, str):
            return cls(**_CONTRACT(data, str(path)))
        contract = cls(**_CONTRACT({key: value for key, value in data.items() if key != "labels"}, str(path)))
        return replace(contract, labels=read_labels(path.parent / labels))


Parser = Callable[[object, str], Any]


def _wrong(where: str, value: object, accepted: str) -> ContractError:
    shown = repr(value)
    return ContractError(f"{where} is {shown if len(shown) <= 60 else shown[:57] + '...'}", f"Accepted: {accepted}")


def _parse(text: str | bytes, where: str) -> object:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a number")

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise ContractError(f"{where} is not JSON: {error}") from error


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise _wrong(where, value, "a string")
    return value


def _one_of(*accepted: str) -> Parser:
    def parse(value: object, where: str) -> str:
        if value not in accepted:
            raise _wrong(where, value, ", ".join(accepted))
        return str(value)

    return parse


def _whole(low: int, high: int) -> Parser:
    def parse(value: object, where: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise _wrong(where, value, f"a whole number of {low} to {high}")
        return value

    return parse


def _number(value: object, where: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            if math.isfinite(float(value)):
                return float(value)
        except OverflowError:
            pass
    raise _wrong(where, value, "a finite number")


def _numbers(value: object, where: str) -> float | tuple[float, ...]:
    if isinstance(value, list | tuple):
        return tuple(_number(entry, f"{where}[{index}]") for index, entry in enumerate(value))
    return _number(value, where)


def _list(parse: Parser) -> Parser:
    def parse_all(value: object, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _wrong(where, value, "a list")
        return tuple(parse(entry, f"{where}[{index}]") for index, entry in enumerate(value))

    return parse_all


def _object(fields: Mapping[str, Parser], make: Callable[..., Any] = dict, required: Sequence[str] = ()) -> Parser:
    def parse(value: object, where: str) -> Any:
        accepted = "an object with " + ", ".join(fields)
        if not isinstance(value, dict):
            raise _wrong(where, value, accepted)
        if unknown := sorted(set(value) - set(fields)):
            raise ContractError(f"{where} has an unknown key {unknown[0]!r}", f"Accepted: {', '.join(fields)}")
        if missing := [key for key in required if key not in value]:
            raise ContractError(f"{where} has no {missing[0]!r}", f"Accepted: {accepted}")
        parsed = {key: fields[key](entry, f"{where}: {key}") for key, entry in value.items()}
        try:
            return make(**parsed)
        except ContractError as error:
            raise ContractError(f"{where}: {error.cause}", error.remedy) from error

    return parse


def _ranges(value: object, where: str) -> tuple[tuple[str, float, float], ...]:
    if not isinstance(value, dict):
        raise _wrong(where, value, "an object of name: [low, high]")
    ranges = []
    for name, ends in value.items():
        pair = _numbers(ends, f"{where}.{name}")
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise _wrong(f"{where}.{name}", ends, "[low, high]")
        ranges.append((name, *pair))
    return tuple(ranges)


def _without_version(version: int = VERSION, **fields: Any) -> dict[str, Any]:
    if version != VERSION:
        raise ContractError(f"version is {version}", f"This littoral reads version {VERSION}")
    return fields


_INPUT = _object(
    {
        "name": _text,
        "layout": _one_of(*get_args(Layout)),
        "width": _whole(1, MAX_SIDE),
        "height": _whole(1, MAX_SIDE),
        "colour": _one_of(*get_args(Colour)),
        "resize": _one_of(*get_args(Resize)),
        "scale": _numbers,
        "mean": _numbers,
    },
    InputContract,
    required=("width", "height"),
)
_COUNT = _whole(0, 1 << 53)
_CALIBRATION = _object(
    {"samples": _COUNT, "seed": _COUNT, "skipped": _COUNT, "ranges": _ranges}, Calibration, required=("samples",)
)
_CONTRACT = _object(
    {
        "version": _COUNT,
        "inputs": _list(_INPUT),
        "labels": _list(_text),
        "recipe": _text,
        "calibration": _CALIBRATION,
        "source_sha256": _text,
    },
    _without_version,
)
