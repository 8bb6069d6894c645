"""The decoders of the C SDK, in the sandbox, held against Pillow pixel by pixel, and against damage."""

from __future__ import annotations

import io
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from littoral.functions import compiled, manifest
from littoral.functions.build import build
from littoral.functions.errors import FunctionError
from littoral.functions.function import Function

pytest.importorskip("ziglang")

Pixels: TypeAlias = npt.NDArray[np.uint8]
GUEST = Path(__file__).parent / "guests" / "decode.c"


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    folder = tmp_path_factory.mktemp("decode")
    shutil.copy(GUEST, folder)
    (folder / "function.toml").write_text(
        'name = "decode"\n[limits]\noutput = "64 MiB"\nmemory = "64 MiB"\ntime = 60.0\n'
    )
    described = manifest.read(folder / "function.toml")
    with Function(compiled.compile(build(folder).module.read_bytes(), described), described) as function:
        yield function


def decode(decoder: Function, content: bytes) -> tuple[Pixels, int]:
    """Pixels [height, width, 3] as the guest decodes them, and EXIF's orientation."""
    answer = decoder.invoke(content)
    assert answer.status == 0, answer.log
    width, height, orientation = struct.unpack_from("<III", answer.body)
    return np.frombuffer(answer.body, np.uint8, offset=12).reshape(height, width, 3), orientation


def reference(content: bytes) -> Pixels:
    """The same by Pillow: transparency dropped, the upper half of 16 bits."""
    with Image.open(io.BytesIO(content)) as image:
        if image.mode.startswith("I"):
            return np.repeat((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)[..., None], 3, axis=2)
        if image.mode == "P" and "transparency" in image.info:
            image = image.convert("RGBA")
        return np.asarray(image.convert("RGB"))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """Smooth colours, an edge and some noise: what photos are made of."""
    y, x = np.mgrid[0:height, 0:width]
    made = np.stack([x * 255 / max(width, 2), y * 255 / max(height, 2), 128 + 100 * np.sin(x / 3 + y / 5)], axis=2)
    made[height // 3 :, width // 2 :] = 255 - made[height // 3 :, width // 2 :]
    made += np.random.default_rng(seed).normal(0, 8, made.shape)
    return Image.fromarray(made.clip(0, 255).astype(np.uint8))


SIZES = [(1, 1), (2, 3), (3, 2), (7, 9), (8, 8), (16, 16), (17, 33), (33, 17), (100, 75)]


@pytest.mark.parametrize("progressive", [False, True], ids=["baseline", "progressive"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg_is_what_pillow_decodes(decoder: Function, mode: str, progressive: bool) -> None:
    for size in SIZES:
        image = picture(*size).convert(mode)
        for subsampling in (0, 1, 2):
            for quality in (5, 60, 98):
                options = {"quality": quality, "subsampling": subsampling, "progressive": progressive}
                restarts = {"restart_marker_blocks": 3} if quality == 60 else {}
                content = encoded(image, "JPEG", **options, **restarts)
                np.testing.assert_array_equal(decode(decoder, content)[0], reference(content), str((size, options)))


def test_jpeg_in_rgb_and_with_tables_of_its_own(decoder: Function) -> None:
    for options in ({"keep_rgb": True}, {"optimize": True}, {"qtables": [[40] * 64, [90] * 64]}):
        content = encoded(picture(61, 47), "JPEG", **options)
        np.testing.assert_array_equal(decode(decoder, content)[0], reference(content), str(options))


def test_real_photos_are_what_pillow_decodes(decoder: Function, shared_data: Path) -> None:
    found = [path for path in sorted(shared_data.rglob("*")) if path.suffix in (".jpg", ".bmp")]
    assert len(found) > 50
    for path in found:
        content = path.read_bytes()
        np.testing.assert_array_equal(decode(decoder, content)[0], reference(content), str(path))


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
KINDS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(size: tuple[int, int], kind: int, depth: int, interlaced: bool, packed: tuple[int, int], split: int) -> bytes:
    """A PNG of noise, of any kind, with filters at random: no writer has them all."""
    rng = np.random.default_rng(hash((size, kind, depth, interlaced, packed, split)) % 2**32)
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    raw = bytearray()
    for x, y, across, down in ADAM7 if interlaced else ((0, 0, 1, 1),):
        width, height = (size[0] - x + across - 1) // across, (size[1] - y + down - 1) // down
        for _ in range(height if width > 0 else 0):
            raw.append(int(rng.integers(0, 5)))
            raw += rng.integers(0, 256, (width * depth * samples + 7) // 8, dtype=np.uint8).tobytes()
    level, strategy = packed
    packer = zlib.compressobj(level, zlib.DEFLATED, 15, 9, strategy)
    data = packer.compress(bytes(raw)) + packer.flush()
    palette = chunk(b"PLTE", rng.integers(0, 256, 3 << depth, dtype=np.uint8).tobytes()) if kind == 3 else b""
    pieces = b"".join(chunk(b"IDAT", data[at : at + split]) for at in range(0, len(data), split))
    header = struct.pack(">IIBBBBB", *size, depth, kind, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + palette + pieces + chunk(b"IEND", b"")


@pytest.mark.parametrize("interlaced", [False, True], ids=["plain", "interlaced"])
@pytest.mark.parametrize(("kind", "depth"), [(kind, depth) for kind, depths in KINDS.items() for depth in depths])
def test_png_is_what_pillow_decodes(decoder: Function, kind: int, depth: int, interlaced: bool) -> None:
    packings = (((6, 0), 1 << 20), ((0, 0), 50), ((9, zlib.Z_FIXED), 1), ((1, zlib.Z_HUFFMAN_ONLY), 7))
    for size in [(1, 1), (1, 7), (7, 1), (2, 3), (5, 5), (9, 17), (100, 61)]:
        for packed, split in packings:
            content = png(size, kind, depth, interlaced, packed, split)
            np.testing.assert_array_equal(decode(decoder, content)[0], reference(content), str((size, packed)))


def test_a_png_larger_than_the_window_of_its_compression(decoder: Function) -> None:
    for image in (picture(300, 300), Image.new("RGB", (400, 400), (1, 2, 3)), picture(90, 700).convert("P")):
        content = encoded(image, "PNG", transparency=1) if image.mode == "P" else encoded(image, "PNG")
        np.testing.assert_array_equal(decode(decoder, content)[0], reference(content))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_bmp_is_what_pillow_decodes(decoder: Function, mode: str) -> None:
    for size in SIZES:
        content = encoded(picture(*size).convert(mode), "BMP")
        np.testing.assert_array_equal(decode(decoder, content)[0], reference(content), str(size))


def bitmap(size: tuple[int, int], bits: int, packing: int, data: bytes, extra: bytes = b"") -> bytes:
    start = 54 + len(extra)
    header = struct.pack("<2sIIIIiiHHII16x", b"BM", start + len(data), 0, start, 40, *size, 1, bits, packing, len(data))
    return header + extra + data


def old_bitmap() -> bytes:
    palette = bytes((index * 7 + part) & 255 for index in range(16) for part in range(3))
    return struct.pack("<2sIIIIHHHH", b"BM", 26 + 48 + 8, 0, 26 + 48, 12, 5, 2, 1, 4) + palette + bytes(range(16, 24))


PALETTE = bytes((index * 3 + part) & 255 for index in range(256) for part in range(4))
RLE8 = bytes([2, 1, 2, 5, 0, 3, 9, 8, 7, 0, 0, 0, 0, 2, 1, 1, 4, 4, 0, 0, 7, 9, 0, 0, 0, 1])
RLE4 = bytes([3, 0x12, 4, 0x55, 0, 0, 0, 5, 0x98, 0x76, 0x50, 0, 2, 0x31, 0, 0, 7, 0x99, 0, 1])
NOISE = np.random.default_rng(3).integers(0, 256, 4 * 35, dtype=np.uint8).tobytes()


@pytest.mark.parametrize(
    "content",
    [
        bitmap((7, 4), 8, 1, RLE8, PALETTE),
        bitmap((7, 3), 4, 2, RLE4, PALETTE[:64]),
        bitmap((6, 5), 16, 0, NOISE[:60]),
        bitmap((6, 5), 16, 3, NOISE[:60], struct.pack("<III", 0xF800, 0x7E0, 0x1F)),
        bitmap((7, 5), 32, 0, NOISE),
        bitmap((7, 5), 32, 3, NOISE, struct.pack("<III", 0xFF000000, 0xFF0000, 0xFF00)),
        bitmap((7, -5), 32, 0, NOISE),
        bitmap((4, -3), 24, 0, NOISE[:36]),
        old_bitmap(),
    ],
    ids=["rle8", "rle4", "555", "565", "32", "fields", "top down", "24 top down", "os2"],
)
def test_bitmaps_that_pillow_does_not_write(decoder: Function, content: bytes) -> None:
    np.testing.assert_array_equal(decode(decoder, content)[0], reference(content))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_read(decoder: Function, kind: str, orientation: int) -> None:
    image = picture(9, 5)
    exif = image.getexif()
    exif[0x0112] = orientation
    assert decode(decoder, encoded(image, kind, exif=exif))[1] == orientation


def damaged_png() -> bytes:
    content = bytearray(encoded(picture(20, 20), "PNG"))
    content[60] ^= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no picture that this function reads"),
        (b"GIF89a", "no picture that this function reads"),
        (b"BM", "ends too early"),
        (encoded(picture(20, 20), "PNG")[:-300], "ends too early"),
        (encoded(picture(20, 20), "JPEG")[:-100], "ends too early"),
        (encoded(picture(20, 20), "JPEG", progressive=True)[:-100], "ends too early"),
        (encoded(picture(20, 20), "BMP")[:-100], "ends too early"),
        (damaged_png(), "a checksum is wrong"),
        (encoded(picture(20, 20), "JPEG").replace(b"\xff\xc0", b"\xff\xc9", 1), "arithmetically coded"),
        (bitmap((100_000, 100_000), 24, 0, b""), "more than 89 million pixels"),
        (bitmap((8000, 11_000), 8, 1, b"", PALETTE), "too large for the memory"),
        (bitmap((2_000_000, 13), 24, 0, b""), "too large for the memory"),
        (bitmap((0, 5), 24, 0, b""), "no pixels"),
        (bitmap((5, 5), 24, 4, b""), "compressed in a way"),
        (bitmap((5, 5), 7, 0, b""), "odd number of bits"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(decoder: Function, content: bytes, says: str) -> None:
    answer = decoder.invoke(content)
    assert answer.status == 400
    assert says in answer.log


def _files() -> list[bytes]:
    small = picture(23, 19)
    jpegs: list[dict[str, object]] = [{}, {"progressive": True}, {"subsampling": 0, "restart_marker_blocks": 2}]
    return [
        *(encoded(small, "JPEG", **options) for options in jpegs),
        encoded(small.convert("CMYK"), "JPEG"),
        encoded(small, "PNG"),
        png((21, 13), 3, 4, True, (6, 0), 40),
        png((21, 13), 6, 16, False, (9, zlib.Z_FIXED), 1 << 20),
        encoded(small, "BMP"),
        bitmap((7, 5), 8, 1, RLE8, PALETTE),
    ]


def _overwrite(content: bytearray, at: int, byte: int) -> None:
    content[at % len(content)] = byte


def _cut(content: bytearray, at: int, byte: int) -> None:
    del content[max(at % len(content), 1) :]


def _remove(content: bytearray, at: int, byte: int) -> None:
    start = 1 + at % len(content)
    del content[start : start + byte % 16]


def _with_checksums(content: bytearray) -> bytes:
    """A damaged PNG with right checksums, so that the damage reaches what is behind them."""
    at = 8
    while content[:4] == b"\x89PNG" and at + 12 <= len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        content[end : end + 4] = struct.pack(">I", zlib.crc32(content[at + 4 : end]))
        at = end + 4
    return bytes(content)


FILES = _files()
Damage: TypeAlias = Callable[[bytearray, int, int], None]


@settings(max_examples=400, deadline=None)
@given(
    st.integers(0, len(FILES) - 1),
    st.lists(
        st.tuples(
            st.sampled_from([_overwrite, _overwrite, _overwrite, _cut, _remove]),
            st.one_of(st.integers(0, 60), st.integers(0, 5000)),
            st.integers(0, 255),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_damage_is_an_answer_and_never_a_trap(
    decoder: Function, which: int, damages: list[tuple[Damage, int, int]]
) -> None:
    content = bytearray(FILES[which])
    for damage, at, byte in damages:
        damage(content, at, byte)
    try:
        answer = decoder.invoke(_with_checksums(content))
    except FunctionError as error:
        if error.kind != "output":  # a picture may claim to be large, and have little in it
            raise
    else:
        assert answer.status in (0, 400)
        assert bool(answer.log) == bool(answer.status)
