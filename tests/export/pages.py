"""What tests of pages share: pictures on their way to a browser, and calls of littoral-web.js there."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

_SETUP = """async ({url, device, calls}) => {
    const { load } = await import(new URL("littoral-web.js", document.baseURI).href);
    const bytes = (text) => Uint8ClampedArray.from(atob(text), (c) => c.charCodeAt(0));
    const text = (array) => {
        const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
        return { type: array.constructor.name, data: Array.from(bytes, (b) => String.fromCharCode(b)).join("") };
    };
    const real = (value) =>
        value?.rgba ? new ImageData(bytes(value.rgba), value.width)
        : value?.floats ? new Float32Array(bytes(value.floats).buffer)
        : value?.bytes ? new Uint8Array(bytes(value.bytes).buffer)
        : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, real(v)]))
        : value;
    const plain = (value) =>
        ArrayBuffer.isView(value) ? text(value)
        : Array.isArray(value) ? value.map(plain)
        : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]))
        : value;
    try {
        const model = await load(url, { device });
        try {
            const given = [];
            for (const [name, ...args] of calls) given.push(plain(await model[name](...args.map(real))));
            return { device: model.device, task: model.task, notes: model.notes, latency: model.latency, given };
        } finally {
            model.close();
        }
    } catch (error) {
        return { error: error.name, message: error.message };
    }
}"""


def shown(pixels: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Pixels [H, W, 3] as an ImageData to be."""
    rgba = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    return {"rgba": _text(rgba), "width": pixels.shape[1]}


def floats(values: npt.NDArray[np.float32]) -> dict[str, str]:
    """Values as a Float32Array to be."""
    return {"floats": _text(np.ascontiguousarray(values, np.float32))}


def small(values: npt.NDArray[np.uint8]) -> dict[str, str]:
    """Values as a Uint8Array to be."""
    return {"bytes": _text(values)}


def array(given: dict[str, str]) -> npt.NDArray[Any]:
    """An array of a page, as one row."""
    dtype = given["type"].removesuffix("Array").replace("Big", "").lower()
    return np.frombuffer(given["data"].encode("latin-1"), dtype)


def call(page: Any, device: str, *calls: tuple[Any, ...], url: str = "model.json") -> dict[str, Any]:
    """Loads a model in a page that is of the site, and calls its methods: [(name, arguments...), ...].

    Returns:
        device, task, notes, latency, and in `given` what each call gave; or error and message.
    """
    answer: dict[str, Any] = page.evaluate(
        _SETUP, {"url": url, "device": device, "calls": [list(each) for each in calls]}
    )
    return answer


def _text(values: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
