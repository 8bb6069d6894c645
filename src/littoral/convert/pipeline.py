"""The main job: a trained model in, proven model files out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from littoral import check
from littoral.convert import mixed
from littoral.convert.calibrate import Ranges, calibrate
from littoral.convert.engines import Engine, Io, Workshop
from littoral.convert.guess import guess
from littoral.convert.recipes import RECIPES, Recipe, recipes_of
from littoral.convert.sources import Options, Source, control_flow, open_source, settle, sha256
from littoral.convert.target import EDGE_TPU, Target, for_target, make_ready
from littoral.data import Calibration, Contract, Dataset, open_dataset
from littoral.devices import usable_cores
from littoral.errors import DataError, MissingExtraError, SourceError
from littoral.runtime import contract_of, embed, main_outputs
from littoral.tflite import Graph, read, write

if TYPE_CHECKING:
    from littoral.check import DataUse, Measurement, Progress, Report
    from littoral.check.pareto import Prefer
    from littoral.data import Sample

FLOAT = RECIPES["float32"]
_INTEGER = RECIPES["full-int8"]


def convert(
    source: str | os.PathLike[str],
    *,
    recipes: Sequence[str] | None = None,
    calibrate: Any = None,
    evaluate: Any = None,
    contract: Contract | str | os.PathLike[str] | None = None,
    io: Io | None = None,
    max_drop: float | None = None,
    prefer: Prefer = "size",
    engine: Engine = "auto",
    refine: bool = False,
    output: str | os.PathLike[str] = ".",
    samples: int = 100,
    seed: int = 0,
    threads: int | None = None,
    custom_objects: str | None = None,
    unsafe_lambda: bool = False,
    target: Target | None = None,
    progress: Progress | None = None,
) -> Report:
    """Convert a trained model, prove each variant, and write OUTPUT/NAME.RECIPE.tflite, report.html and report.json.

    Args:
        source: A .keras or .h5 file, a SavedModel folder, or a float .tflite.
        recipes: Names from RECIPES; by default float16, dynamic, and int8 when there are samples.
        calibrate: Samples for the ranges of activations: a folder of pictures, .npy, .npz, or a data set. By default
            those to evaluate on.
        evaluate: Labelled samples, all of which are used. By default those to calibrate on.
        contract: How a picture becomes a tensor; guessed, with a note in the report, when there is none.
        io: The types of full-int8's inputs and outputs; "int8" by default.
        max_drop: Choose the variant that loses at most this share (0.01 is one percentage point) of accuracy, or of
            agreement with the float model where samples have no labels. When none holds, int8-mixed is made: the most
            sensitive operators stay in float.
        prefer: Of the variants that hold, the one of least "size" or "latency".
        engine: "auto", or "tf" for TensorFlow's own quantizer.
        refine: Round weights by what they meet in the samples (see littoral.convert.rounding): nearer to the float
            model, and slower to make.
        output: The folder to write to, made where it is missing.
        samples: How many to calibrate on.
        seed: Of their selection.
        threads: For the interpreters; None for all cores.
        custom_objects: A module's name or .py file that defines the model's own layers.
        unsafe_lambda: Code that is stored in the model (Lambda layers) may run.
        target: "edgetpu" for a full-int8 that its compiler takes; with uint8 inputs and outputs where io says nothing.
        progress: Called with (what, done, total).

    Raises:
        LittoralError: SourceError, DataError, ContractError, MissingExtraError: one line that says what to do.
    """
    opened = open_source(source)
    wanted = None if recipes is None else recipes_of(recipes)
    _check_io(io, wanted)
    wanted, io = for_target(target, wanted, io)
    given = Contract.load(contract) if isinstance(contract, str | os.PathLike) else contract
    data = _Data.of(calibrate, evaluate, samples, seed)
    _check_data(data, wanted, refine)
    with tempfile.TemporaryDirectory(prefix="littoral-") as folder:
        options = Options(_sizes(given), custom_objects, unsafe_lambda)
        job = _Job(opened, options, data, Path(folder), Path(output), threads, progress)
        job.read_source(wanted)
        job.settle_contract(given)
        chosen = job.choose_recipes(wanted, io)
        job.calibrate(chosen, refine)
        job.make(chosen, engine, io or "int8", refine)
        job.measure(chosen)
        if max_drop is not None:
            job.choose(max_drop, prefer)
        return job.report()


def _check_data(data: _Data, wanted: Sequence[Recipe] | None, refine: bool) -> None:
    """Say at once, before TensorFlow is started, that samples will be missing."""
    needing = ["refining"] * refine + [recipe.name for recipe in wanted or () if recipe.needs_calibration]
    if needing and data.calibration is None:
        raise DataError(
            f"{needing[0]} needs samples to calibrate on, and there are none",
            "Give --calibrate with a folder of photos, or an .npy or .npz file",
        )


def _check_io(io: Io | None, wanted: Sequence[Recipe] | None) -> None:
    if io not in (None, "float32", "int8", "uint8"):
        raise SourceError(f"inputs and outputs cannot be {io!r}", "Accepted: float32, int8, uint8")
    if io in ("int8", "uint8") and wanted is not None and _INTEGER not in wanted:
        raise SourceError(
            f"{io} inputs and outputs are of full-int8, which is not among the recipes", "Add -r full-int8"
        )


def _sizes(contract: Contract | None) -> tuple[int, int] | None:
    if contract is None or not contract.inputs:
        return None
    return contract.inputs[0].height, contract.inputs[0].width


@dataclass(frozen=True)
class _Data:
    """The samples and what each is for."""

    calibration: Dataset | None
    evaluation: Dataset | None
    limit: int
    seed: int
    paths: tuple[str, str]
    shared: bool

    @classmethod
    def of(cls, calibrate: Any, evaluate: Any, limit: int, seed: int) -> _Data:
        first = calibrate if calibrate is not None else evaluate
        second = evaluate if evaluate is not None else calibrate
        names = tuple(str(one) if isinstance(one, str | os.PathLike) else type(one).__name__ for one in (first, second))
        return cls(
            None if first is None else open_dataset(first),
            None if second is None else open_dataset(second),
            limit,
            seed,
            (names[0], names[1]),
            shared=calibrate is None or evaluate is None,
        )

    @property
    def datasets(self) -> list[Dataset]:
        return [one for one in (self.calibration, self.evaluation) if one is not None]

    @property
    def labels(self) -> tuple[str, ...]:
        return next((one.labels for one in reversed(self.datasets) if one.labels), ())


@dataclass
class _Pass:
    """Goes over samples any number of times, and remembers how many the last pass saw."""

    dataset: Dataset
    contract: Contract
    limit: int | None
    seed: int
    count: int = 0
    labelled: int = 0

    def __call__(self) -> Iterator[Sample]:
        self.count = self.labelled = 0
        for sample in self.dataset.samples(self.contract, limit=self.limit, seed=self.seed):
            self.count += 1
            self.labelled += sample.label is not None
            yield sample

    def use(self, role: str, path: str) -> DataUse:
        skipped = tuple(check.SkippedSample(str(one.path), one.reason) for one in self.dataset.skipped)
        return check.DataUse(role, path, self.count, self.labelled, skipped)


@dataclass
class _Job:
    """One conversion: what is known so far. The methods are its steps, in their order."""

    source: Source
    options: Options
    data: _Data
    work: Path
    output: Path
    threads: int | None
    progress: Progress | None
    notes: list[str] = field(default_factory=list)
    uses: list[DataUse] = field(default_factory=list)
    contract: Contract = field(default_factory=Contract)
    ranges: Ranges | None = None
    proof: check.Proof = field(default_factory=lambda: check.Proof(()))
    sensitivity: tuple[check.OperatorSensitivity, ...] = ()
    chosen: check.Choice | None = None

    @property
    def name(self) -> str:
        return self.source.path.name if self.source.path.is_dir() else self.source.path.stem

    @property
    def float_file(self) -> Path:
        return self.work / f"{self.name}.float32.tflite"

    def say(self, words: str) -> None:
        if self.progress:
            self.progress(words, 0, 1)

    def read_source(self, wanted: Sequence[Recipe] | None) -> None:
        """Make the float model file, and make it fit to quantize."""
        self._takes_pixels = self.source.to_float(self.float_file, self.options, self.say)
        graph = read(self.float_file)
        self.notes += settle(graph, self.source.path.name, quantized_is_fine=wanted == [FLOAT])
        self._graph = graph
        write(graph, self.float_file)

    def settle_contract(self, given: Contract | None) -> None:
        """Take the contract from the caller or the file, or guess it; add the data's labels."""
        contract = given or contract_of(self._graph) or Contract()
        labels = contract.labels or self._fitting_labels()
        if not contract.inputs and self.data.datasets:
            guessed, notes = guess(self.float_file, self._graph, self.data.datasets, labels, self._takes_pixels)
            contract = replace(contract, inputs=guessed.inputs)
            self.notes += notes
        self.contract = replace(
            contract, labels=labels, recipe="", calibration=None, source_sha256=sha256(self.source.path)
        )

    def _fitting_labels(self) -> tuple[str, ...]:
        """The data's class names, where the model has an output for each."""
        columns = {info.shape[-1] for info in main_outputs(self._graph) if len(info.shape) == 2}
        return self.data.labels if len(self.data.labels) in columns else ()

    def choose_recipes(self, wanted: Sequence[Recipe] | None, io: Io | None) -> list[Recipe]:
        """Those asked for, else those that make sense for this model and these samples."""
        if wanted is not None:
            return list(wanted)
        chosen = [RECIPES["float16"], RECIPES["dynamic"]]
        if self.data.calibration is None:
            self.notes.append("int8 was not made: there is nothing to calibrate on (give --calibrate).")
        elif loops := control_flow(self._graph):
            self.notes.append(
                f"int8 was not made: the model has a loop ({', '.join(loops)}), as a rolled LSTM or GRU does."
            )
        else:
            chosen.append(_INTEGER if io in ("int8", "uint8") else RECIPES["int8"])
        return chosen

    def calibrate(self, recipes: Sequence[Recipe], refine: bool) -> None:
        """Find the ranges of activations, if a recipe needs them."""
        samples = self._calibration()
        if samples is None or not (refine or any(recipe.needs_calibration for recipe in recipes)):
            return
        total = min(self.data.limit, len(samples.dataset))
        self.ranges = calibrate(
            self._graph, samples(), total=total, threads=self.threads or usable_cores(), progress=self.progress
        )
        self.uses.append(samples.use("calibration", self.data.paths[0]))
        skipped = len(self.uses[-1].skipped)
        spans = tuple((name, low, high) for name, (low, high) in self.ranges.inputs.items())
        self.contract = replace(
            self.contract, calibration=Calibration(self.ranges.samples, self.data.seed, skipped, spans)
        )

    def _calibration(self) -> _Pass | None:
        if self.data.calibration is None:
            return None
        return _Pass(self.data.calibration, self.contract, self.data.limit, self.data.seed)

    def make(self, recipes: Sequence[Recipe], engine: Engine, io: Io, refine: bool) -> None:
        """Make all variants, and only then write them."""
        workshop = Workshop(
            self.source,
            self.options,
            self.float_file,
            self.ranges,
            self._calibration(),
            engine,
            refine,
            self.threads or usable_cores(),
            self.progress,
        )
        made: list[tuple[Recipe, Graph]] = []
        for recipe in recipes:
            self.say(f"making {recipe.name}")
            graph, notes = workshop.make(recipe, io)
            self.notes += notes + (make_ready(graph) if recipe is EDGE_TPU else [])
            made.append((recipe, graph))
        for recipe, graph in made:
            self.publish(graph, recipe)

    def publish(self, graph: Graph, recipe: Recipe | str) -> Path:
        """Write a variant with its contract."""
        name = recipe if isinstance(recipe, str) else recipe.name
        static = isinstance(recipe, str) or recipe.needs_calibration
        embed(graph, replace(self.contract, recipe=name, calibration=self.contract.calibration if static else None))
        try:
            self.output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SourceError(
                f"{self.output} cannot be made: {error.strerror}", "Give another folder: -o DIR"
            ) from error
        file = self.file_of(name)
        write(graph, file)
        return file

    def file_of(self, recipe: str) -> Path:
        return self.output / f"{self.name}.{recipe}.tflite"

    def measure(self, recipes: Sequence[Recipe]) -> None:
        """Prove the float model and all variants in one pass."""
        embed(self._graph, self.contract)
        write(self._graph, self.float_file)
        variants = [check.Variant(self.float_file, FLOAT.name)]
        variants += [check.Variant(self.file_of(recipe.name), recipe.name) for recipe in recipes if recipe is not FLOAT]
        samples = self._evaluation()
        self.proof = check.measure_all(
            variants,
            reference=self.float_file,
            samples=samples,
            labels=self.contract.labels,
            threads=self.threads,
            progress=self.progress,
        )
        if samples is not None:
            self.uses.append(samples.use("evaluation", self.data.paths[1]))
            if self.ranges is not None and self.data.shared:
                self.notes.append(
                    "The same data served to calibrate and to evaluate: other data would judge more strictly."
                )

    def _evaluation(self) -> _Pass | None:
        if self.data.evaluation is None:
            return None
        alone = self.data.evaluation is self.data.calibration
        return _Pass(self.data.evaluation, self.contract, self.data.limit if alone else None, self.data.seed)

    def choose(self, max_drop: float, prefer: Prefer) -> None:
        """Choose the variant that holds the bound; make one when none does."""
        self.chosen = check.choose(self._candidates, max_drop=max_drop, prefer=prefer)
        samples = self._evaluation()
        if self.chosen.recipe is not None or samples is None or self.ranges is None:
            return
        ranking = mixed.rank(self.float_file, self.ranges, samples, progress=self.progress)
        self.sensitivity = tuple(ranking)
        found = mixed.mix(self.float_file, self.ranges, ranking, samples, max_drop=max_drop, progress=self.progress)
        if found is None:
            return
        graph, floats = found
        file = self.publish(graph, mixed.NAME)
        self.notes.append(
            f"{mixed.NAME} leaves {len(floats)} of {len(ranking)} operators in float, the most sensitive ones."
        )
        again = check.measure_all(
            [check.Variant(file, mixed.NAME)],
            reference=self.float_file,
            samples=samples,
            labels=self.contract.labels,
            threads=self.threads,
            predictions=0,
            progress=self.progress,
        )
        self.proof = replace(self.proof, measurements=(*self.proof.measurements, *again.measurements))
        self.chosen = check.choose(self._candidates, max_drop=max_drop, prefer=prefer)

    @property
    def _candidates(self) -> list[Measurement]:
        return [one for one in self.proof.measurements if one.recipe != FLOAT.name]

    def report(self) -> Report:
        """Write the report and return it."""
        report = check.Report(
            source=self.source.path.name,
            reference=self.float_file.name,
            data=tuple(self.uses),
            measurements=self.proof.measurements,
            predictions=self.proof.predictions,
            sensitivity=self.sensitivity,
            chosen=self.chosen,
            notes=(*self.notes, *self.proof.notes),
            source_sha256=self.contract.source_sha256,
        )
        try:
            check.write_report(report, self.output)
        except MissingExtraError as error:  # report.json is written, and so are the model files
            return replace(report, notes=(*report.notes, f"report.html was not written: {error}"))
        return report
