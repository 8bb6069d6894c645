from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from littoral.check.page import page
from littoral.check.report import Report

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def read(report: Report) -> Reader:
    reader = Reader()
    reader.feed(page(report))
    reader.close()
    assert reader.open == []
    return reader


def test_hostile_text_is_text(read: Reader) -> None:
    assert "script" not in {tag for tag, _ in read.tags}
    assert read.text.count("<script>alert(1)</script>") >= 10
    assert not any(name.startswith("on") for _, attributes in read.tags for name in attributes)


def test_nothing_is_loaded_from_anywhere(read: Reader, report: Report) -> None:
    for _, attributes in read.tags:
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/", "#"))
    assert not re.search(r"@import|url\((?!#)", page(report))
    policy = next(attributes["content"] for _, attributes in read.tags if attributes.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_pictures_and_plots_have_words_for_them(read: Reader) -> None:
    pictures = [attributes for tag, attributes in read.tags if tag == "img"]
    assert len(pictures) == 1
    assert all(attributes.get("alt") for attributes in pictures)
    plots = [attributes for _, attributes in read.tags if attributes.get("role") == "img"]
    assert len(plots) == sum(tag == "svg" for tag, _ in read.tags) == 4
    assert all(attributes.get("aria-label") for attributes in plots)


def test_ids_are_unique(read: Reader) -> None:
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_tables_have_headers(read: Reader) -> None:
    scopes = [attributes.get("scope") for tag, attributes in read.tags if tag == "th"]
    assert scopes.count(None) == 0
    assert "row" in scopes


def test_what_matters_is_said(read: Reader) -> None:
    text = " ".join(read.text.split())
    for said in (
        "✗ 1 failure: these files must not be used",
        "int8 is the smallest that holds",
        "too few samples to tell",
        "✓ chosen",
        "✗ failed",
        "≠ variants disagree",
        "1 skipped: they cannot be read",
        "The 2 worst of 2 operators as a table",
        "ab" * 32,
    ):
        assert said in text


def test_colours_follow_the_page(report: Report) -> None:
    text = page(report)
    drawings = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert drawings
    assert all("var(--accent)" in drawing for drawing in drawings)
    assert not any(re.search(r"#[0-9a-f]{6}\b", drawing) for drawing in drawings)
    assert "prefers-color-scheme: dark" in text


def test_a_report_of_a_single_file_without_data_is_a_page(report: Report) -> None:
    bare = Report(report.source, "", (), (replace(report.measurements[0], runs=(), latency=()),))
    reader = Reader()
    reader.feed(page(bare))
    assert reader.open == []
    assert "Every file passes" in reader.text
    assert "Accuracy" not in reader.text
    assert "svg" not in {tag for tag, _ in reader.tags}


def test_the_same_report_is_the_same_page(report: Report) -> None:
    assert page(report) == page(report)
