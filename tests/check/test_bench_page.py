from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.check.conftest import HOSTILE

from littoral.check.bench import Benched
from littoral.check.bench_page import bench_page, write_bench
from littoral.check.results import Measurement
from littoral.check.start import Start


@pytest.fixture
def rows(measured: Callable[..., Measurement]) -> list[Benched]:
    one = measured("int8", 1).latency[0]
    begun = Start(0.5, 0.006, None)
    return [
        Benched("m.tflite", "cpu", 1, one, 381.0, 2, begun),
        Benched("m.tflite", "cpu", 2, replace(one, threads=2, p50=0.002), 300.0, 1, begun),
        Benched(HOSTILE, "openvino:bf16", 1, replace(one, ratio=0.5), 700.0, 2),
        Benched("m.tflite", "gpu", 1, refused=f"no adapter {HOSTILE}"),
        Benched("m.tflite", "gpu", 2, refused=f"no adapter {HOSTILE}"),
    ]


class Page(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_needs_nothing_from_elsewhere_and_escapes(rows: list[Benched]) -> None:
    page = Page(bench_page(rows))
    assert {"svg", "table", "style"} <= set(page.tags)
    assert not {"script", "link", "b", "img"} & set(page.tags)
    assert all(address.startswith("#") for address in page.addresses)


def test_the_page_has_every_figure_and_reason(rows: list[Benched]) -> None:
    text = bench_page(rows)
    for words in ("4.00 ms", "381", "500 ms", "openvino:bf16", "2 threads", '<h2 id="latency">'):
        assert words in text
    assert text.count("no adapter") == 1  # once for all numbers of threads
    assert len(re.findall(r"<th scope=\"row\">", text)) == 3


def test_it_is_written_whole_or_not_at_all(
    rows: list[Benched], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bench(rows, tmp_path / "b.html")
    before = (tmp_path / "b.html").read_text()
    assert before == bench_page(rows)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_bench(rows[:1], tmp_path / "b.html")
    assert [path.name for path in tmp_path.iterdir()] == ["b.html"]
    assert (tmp_path / "b.html").read_text() == before
