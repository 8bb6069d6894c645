"""MobileNetV2 in a browser, as `littoral export --to web` makes it: WebNN beside LiteRT.js, on the same page.

1. Latency of a call: page and worker are the same, and the contestants alternate. LiteRT.js has threads on an isolated
   page, and none on another.
2. From an empty cache on a line of 10 Mbit/s (20 ms) to the first result, and what is fetched for it.

The browser is the one that the tests drive: npm's @sparticuz/chromium, the only one here with a WebNN backend.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.device_models import DATA, ROOT, models
from benchmarks.devices import Row, row

from littoral.export.server import ISOLATION, serving

MODULES = ROOT / "js" / "node_modules"
BROWSER = MODULES / ".chromium" / "chromium"
FLAGS = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--enable-features=WebMachineLearningNeuralNetwork"]
LINE = {"offline": False, "latency": 20, "downloadThroughput": 10e6 / 8, "uploadThroughput": 10e6 / 8}
FASTER, SOONER, LESS = 2.0, 5.0, 9e6
ROUNDS = 3  # of cold loads

_RACE = """async (seconds) => {
    const { load } = await import("./littoral-web.js");
    const models = [await load("model.json", { device: "webnn" }), await load("model.json", { device: "wasm" })];
    const times = models.map(() => []);
    const values = (model) => Object.fromEntries(
        model.inputs.map((i) => [i.name, new Float32Array(i.shape.reduce((a, b) => a * b)).map(() => Math.random())]));
    const end = performance.now() + 2000 * seconds;
    while (performance.now() < end) {
        for (const [which, model] of models.entries()) {
            for (let i = 0; i < 10; i++) {
                await model.run(values(model));
                if (i > 1) times[which].push(model.latency);
            }
        }
    }
    const devices = models.map((model) => model.device);
    models.forEach((model) => model.close());
    return { devices, times };
}"""
_COLD = """async (device) => {
    const start = performance.now();
    const { load } = await import("./littoral-web.js");
    const model = await load("model.json", { device });
    await model.answer(new ImageData(640, 480));
    const took = performance.now() - start;
    model.close();
    return took;
}"""


def page(browser: Any, address: str) -> Any:
    """A page of the site without its own script, in a new profile."""
    opened = browser.new_context(service_workers="block").new_page()
    opened.goto(f"{address}littoral-web.d.ts")
    return opened


def latencies(browser: Any, name: str, site: Path, seconds: float) -> Iterator[Row]:
    for headers in (ISOLATION, {}):
        with serving(site, headers) as address:
            opened = page(browser, address)
            found = opened.evaluate(_RACE, seconds)
            opened.context.close()
        ours, theirs = (median(times) for times in found["times"])
        yield row(f"browser: call by {found['devices'][0]}, ms", name, ours)
        yield row(f"browser: call by LiteRT.js {found['devices'][1]}, ms", name, theirs)
        target, holds = (f">= {FASTER}", theirs / ours >= FASTER) if name == "mobilenet_v2" else ("", None)
        yield row(f"browser: webnn against {found['devices'][1]}", name, theirs / ours, target, holds)


def cold(browser: Any, name: str, site: Path) -> Iterator[Row]:
    times: dict[str, list[float]] = {"webnn": [], "wasm": []}
    with serving(site, ISOLATION) as address:
        for _ in range(ROUNDS):
            for device, found in times.items():
                opened = page(browser, address)
                session = opened.context.new_cdp_session(opened)
                session.send("Network.enable")
                session.send("Network.emulateNetworkConditions", LINE)
                found.append(opened.evaluate(_COLD, device))
                opened.context.close()
    ours, theirs = (median(found) for found in times.values())
    yield row("browser: first result by webnn, cold, ms", name, ours)
    yield row("browser: first result by LiteRT.js, cold, ms", name, theirs)
    yield row("browser: first result sooner", name, theirs / ours, f">= {SOONER}", theirs / ours >= SOONER)


def contestants() -> dict[str, Path]:
    """MobileNetV2 as floats, quantized by us and by Coral; and a small network."""
    real, small = models()["mobilenet_v2"]
    coral = DATA / "coral" / "mobilenet_v2_1.0_224_quant.tflite"
    flowers = DATA / "flowers" / "models" / "model.tflite"
    found = {"mobilenet_v2": real, "mobilenet_v2.int8": small, coral.stem: coral, "flowers": flowers}
    return {name: file for name, file in found.items() if file.exists()}


def rows(seconds: float) -> Iterator[Row]:
    """The rows of benchmarks/webnn.py for the browser; none where it is not there."""
    from playwright.sync_api import sync_playwright

    from littoral.export import to_web

    if not BROWSER.exists():
        return
    os.environ.setdefault("LITTORAL_LITERTJS", str(MODULES))
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(BROWSER), args=FLAGS)
        try:
            for name, file in contestants().items():
                made = to_web(file, Path(folder) / name, task="classify")
                yield row("browser: fetched for webnn, bytes", name, made.page)
                less = made.fallback - made.page
                yield row("browser: less than for LiteRT.js, bytes", name, less, f">= {LESS:.0e}", less >= LESS)
                yield from latencies(browser, name, made.folder, seconds)
                yield from cold(browser, name, made.folder)
        finally:
            browser.close()
