"""Driving the compiler, with the stand-in `edgetpu_compiler` of this folder in its place."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from littoral.coral import compiler
from littoral.coral.compiler import Request
from littoral.coral.compiler_log import KNOWN_FAILURES
from littoral.coral.rules import LIMITATION
from littoral.data import Contract, InputContract
from littoral.errors import InputError, LittoralError, ModelFileError, SourceError
from littoral.runtime import contract_of, embed
from littoral.tflite import Graph, read, slice_operators, write

MODEL = "mobilenet_v1_0.25_128_quant"
OTHER = "mobilenet_v1_0.5_160_quant"
CONTRACT = Contract((InputContract(128, 128, name="input"),), labels=("a", "b"), recipe="full-int8")


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, coral: Path) -> Path:
    """Puts the stand-in on PATH, with the compiled models of the test data; what it was asked goes to this file."""
    monkeypatch.setenv("PATH", f"{Path(__file__).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN_TWINS", str(coral))
    monkeypatch.setenv("STAND_IN_NOTES", str(tmp_path / "notes.json"))
    return tmp_path / "notes.json"


@pytest.fixture
def model(coral: Path, tmp_path: Path) -> Path:
    """A quantized model file with a contract."""
    graph = read(coral / f"{MODEL}.tflite")
    embed(graph, CONTRACT)
    write(graph, tmp_path / f"{MODEL}.tflite")
    return tmp_path / f"{MODEL}.tflite"


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for has, too."""
    stat = Path(f"/proc/{pid}/stat")
    for _ in range(200):
        try:
            state = stat.read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        time.sleep(0.05)
    return False


def custom_options(graph: Graph) -> bytes:
    options = graph.main.operators[0].custom_options
    assert options is not None
    return bytes(options)


def test_a_model_is_compiled(notes: Path, model: Path, coral: Path, tmp_path: Path) -> None:
    stages: list[str] = []
    made = compiler.compile(model, tmp_path / "new" / "out", progress=lambda stage, _, __: stages.append(stage))
    assert made.version == "16.0.384591198"
    assert made.files == (tmp_path / "new" / "out" / f"{MODEL}_edgetpu.tflite",)
    assert made.results[0].off_chip == round(3.23 * 2**20)
    assert [row.count for row in made.results[0].table if row.status == LIMITATION] == [1]
    assert stages[0] == "edgetpu_compiler: Started a compilation timeout timer of 180 seconds"
    assert sorted(path.name for path in made.files[0].parent.iterdir()) == [made.files[0].name]
    graph = read(made.files[0])
    assert contract_of(graph) == CONTRACT
    assert custom_options(graph) == custom_options(read(coral / f"{MODEL}_edgetpu.tflite"))
    arguments = json.loads(notes.read_text())["arguments"]
    assert arguments[0] == "--show_operations"
    assert arguments[-1] == str(model)
    assert "--num_segments" not in arguments


def test_without_a_contract_the_file_stays_as_it_is(notes: Path, coral: Path, tmp_path: Path) -> None:
    name = "split_concat"
    shutil.copy(coral / "tools" / f"{name}_edgetpu.tflite", tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAND_IN_TWINS", str(tmp_path))
        made = compiler.compile(coral / "tools" / f"{name}.tflite", tmp_path / "out")
    assert made.files[0].read_bytes() == (coral / "tools" / f"{name}_edgetpu.tflite").read_bytes()


def test_options_are_handed_on(notes: Path, model: Path, tmp_path: Path) -> None:
    compiler.compile(model, tmp_path, Request(search_delegate=True, runtime_version=12, timeout=99))
    arguments = json.loads(notes.read_text())["arguments"]
    assert arguments[3:-1] == ["--timeout_sec", "99", "--search_delegate", "--min_runtime_version", "12"]


def test_models_are_compiled_together(notes: Path, model: Path, coral: Path, tmp_path: Path) -> None:
    made = compiler.compile(model, tmp_path / "out", beside=[coral / f"{OTHER}.tflite"])
    assert [file.name for file in made.files] == [f"{MODEL}_edgetpu.tflite", f"{OTHER}_edgetpu.tflite"]
    assert [Path(result.output).name for result in made.results] == [file.name for file in made.files]
    assert json.loads(notes.read_text())["arguments"][-2:] == [str(model), str(coral / f"{OTHER}.tflite")]


def test_segments_share_the_contract(notes: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, twins = read(model), tmp_path / "twins"
    twins.mkdir()
    for index, operators in enumerate((range(10), range(10, 20), range(20, 31))):
        write(slice_operators(graph, operators), twins / f"{MODEL}_segment_{index}_of_3_edgetpu.tflite")
    monkeypatch.setenv("STAND_IN_TWINS", str(twins))
    made = compiler.compile(model, tmp_path / "out", Request(segments=3))
    first, middle, last = (contract_of(read(file)) for file in made.files)
    assert first is not None
    assert first.inputs == CONTRACT.inputs
    assert not first.labels
    assert middle is None or not (middle.inputs or middle.labels)
    assert last is not None
    assert not last.inputs
    assert last.labels == CONTRACT.labels
    arguments = json.loads(notes.read_text())["arguments"]
    assert arguments[arguments.index("--num_segments") + 1] == "3"


def test_a_table_that_is_only_in_the_log_file(
    notes: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STAND_IN_MODE", "no-table")
    (result,) = compiler.compile(model, tmp_path).results
    assert result.mapped == 15


@pytest.mark.parametrize("line", [
    "Invalid model: a.tflite\nModel not quantized",
    "ERROR: Didn't find op for builtin opcode 'FULLY_CONNECTED' version '12'. An older version might be supported.",
    "ERROR: Encountered unresolved custom op: Atan.",
    "ERROR: Attempting to use a delegate that only supports static-sized tensors with a graph that has dynamic-sized "
    "tensors.",
    "Compilation failed: Compilation failed due to large activation tensors in model.",
    "ERROR: Node number 31 (CONV_2D) failed to prepare.",
    "libc++abi: terminating with uncaught exception of type std::out_of_range: vector",
    "Internal compiler error. Aborting! ",
    "Compilation failed! ",
])  # fmt: skip
def test_a_failure_is_one_line_with_its_remedy(
    line: str,
    notes: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STAND_IN_SAYS", line)
    out = tmp_path / "out"
    out.mkdir()
    (out / f"{MODEL}_edgetpu.tflite").write_bytes(b"what was there before")
    with pytest.raises(SourceError) as caught:
        compiler.compile(model, out)
    assert caught.value.cause.startswith(f"edgetpu_compiler refuses {MODEL}.tflite: ")
    assert caught.value.remedy in {remedy for _, remedy in KNOWN_FAILURES}
    assert "\n" not in str(caught.value)
    assert ".." not in str(caught.value)
    assert [path.read_bytes() for path in out.iterdir()] == [b"what was there before"]


@pytest.mark.parametrize(("mode", "words"), [("crash", "made no"), ("", "made no")])
def test_a_failure_without_a_word(
    mode: str,
    words: str,
    notes: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STAND_IN_MODE", mode)
    monkeypatch.setenv("STAND_IN_SAYS", "")
    with pytest.raises(SourceError, match=words) as caught:
        compiler.compile(model, tmp_path / "out")
    assert "version 16.0.384591198" in caught.value.cause
    assert list((tmp_path / "out").iterdir()) == []


def test_half_of_the_models_is_none(notes: Path, model: Path, coral: Path, tmp_path: Path) -> None:
    (tmp_path / "unknown.tflite").write_bytes((coral / f"{OTHER}.tflite").read_bytes())
    with pytest.raises(SourceError, match=r"refuses .*: Compilation failed\. It gave no reason"):
        compiler.compile(model, tmp_path / "out", beside=[tmp_path / "unknown.tflite"])
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("mode", ["hang", "half"])
def test_the_time_limit_ends_it_and_its_children(
    mode: str, notes: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_MODE", mode)
    with pytest.raises(SourceError, match=r"did not finish with .* within 2 s. Give it more time"):
        compiler.compile(model, tmp_path / "out", Request(timeout=2))
    ids = json.loads(notes.read_text())
    assert gone(ids["pid"])
    assert gone(ids["child"])
    assert list((tmp_path / "out").iterdir()) == []


def test_an_interruption_leaves_nothing(
    notes: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_MODE", "half")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compiler.compile(model, tmp_path / "out", progress=interrupt)
    assert gone(json.loads(notes.read_text())["pid"])
    assert list((tmp_path / "out").iterdir()) == []


def test_without_the_compiler(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compiler.find() is None
    with pytest.raises(SourceError, match=r"edgetpu_compiler is not on this machine\. It is Google's Debian package"):
        compiler.compile(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_compiler_that_cannot_be_started(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "edgetpu_compiler"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="cannot be started: No such file or directory"):
        compiler.compile(model, tmp_path / "out")


def test_what_cannot_be_asked(notes: Path, model: Path, coral: Path, tmp_path: Path) -> None:
    cases: list[tuple[type[LittoralError], str, object]] = [
        (InputError, "0 segments", lambda: Request(segments=0)),
        (InputError, "17 segments", lambda: Request(segments=17)),
        (InputError, "runtime version 9. Accepted: 10 to 14", lambda: Request(runtime_version=9)),
        (InputError, "time limit", lambda: Request(timeout=0)),
        (InputError, "have one name", lambda: compiler.compile(model, tmp_path, beside=[model])),
        (
            InputError,
            "not cut",
            lambda: compiler.compile(model, tmp_path, Request(2), beside=[coral / f"{OTHER}.tflite"]),
        ),
        (ModelFileError, "_edgetpu.tflite is compiled", lambda: compiler.compile(coral / f"{MODEL}_edgetpu.tflite")),
        (ModelFileError, "nothing.tflite", lambda: compiler.compile(tmp_path / "nothing.tflite")),
    ]
    for kind, words, ask in cases:
        with pytest.raises(kind, match=words):
            ask()  # type: ignore[operator]
