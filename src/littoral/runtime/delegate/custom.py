"""Custom operators that LiteRT has no kernel for, run in Python: the entry-point group `littoral.operators`.

An entry point's name is the operator's in the model file, and its object makes a kernel of a partition that is that one
operator: `compile(partition) -> Kernel`. It runs on any device. Where the file does not say what shapes its outputs
have, the kernel has an attribute `shapes`: see `Kernel`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from importlib.metadata import entry_points
from typing import TypeAlias

from littoral.errors import DeviceError
from littoral.runtime.delegate.base import Delegate, Kernel
from littoral.runtime.delegate.failures import calling
from littoral.runtime.delegate.partition import Partition
from littoral.runtime.delegate.plugins import plugins
from littoral.tflite import Graph, Operator, Subgraph

GROUP = "littoral.operators"
Compile: TypeAlias = Callable[[Partition], Kernel]


class OneOperator(Delegate):
    """A delegate for one operator of a model: the kernels of two never become one.

    Args:
        operator: Which.
        compile: Makes its kernel.
    """

    name = "python"

    def __init__(self, operator: Operator, compile: Compile) -> None:  # noqa: A002 - as the method
        self.name = operator.name  # type: ignore[misc] # each has its own
        self.operator = operator
        self._compile = compile

    def claim(self, _: Subgraph, operator: Operator) -> bool:
        """That one."""
        return operator is self.operator

    def compile(self, partition: Partition) -> Kernel:
        """As the entry point does."""
        return self._compile(partition)


def find(names: Set[str]) -> dict[str, Compile]:
    """What runs custom operators in Python, by operator; those that are not installed are left out.

    Raises:
        DeviceError: One cannot be imported.
    """
    found: dict[str, Compile] = {}
    for point in entry_points(group=GROUP):
        if point.name in names:
            with calling(point.name, f"import of {point.value}"):
                found[point.name] = point.load()
    return found


def delegates(graph: Graph, operators: Mapping[str, Compile]) -> Iterator[OneOperator]:
    """One for each operator of a model that Python runs."""
    for subgraph in graph.subgraphs:
        for operator in subgraph.operators:
            if operator.name in operators:
                yield OneOperator(operator, operators[operator.name])


def check_belongs(names: Set[str], device: str, model: str) -> None:
    """Refuses a model when plug-ins say that some of its custom operators run on their own devices only.

    Args:
        names: The model's custom operators that nothing here runs.
        device: The name of the device that is to run it.
        model: Names it in the error.

    Raises:
        DeviceError: In the words of such a plug-in.
    """
    claims: dict[str, Mapping[str, tuple[str, str]]]
    claims = {name: getattr(plugin, "only_here", {}) for name, plugin in plugins()}
    own = claims.pop(device, {})
    for operator in sorted(names - own.keys()):
        for claim in claims.values():
            if operator in claim:
                cause, remedy = claim[operator]
                raise DeviceError(f"{model} {cause} and does not run on {device}", remedy)
