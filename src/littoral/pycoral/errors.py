"""Errors that old scripts catch as ValueError or RuntimeError, with the reason in the text."""

from __future__ import annotations

from littoral.errors import DataError, DeviceError, InputError, LittoralError, ModelFileError


class DelegateError(DeviceError, ValueError):
    """There is no such Edge TPU, or it cannot be used: what pycoral calls "Failed to load delegate"."""


class OpenError(ModelFileError, ValueError):
    """A model file cannot be opened, or is not of the kind that is wanted."""


class LabelsError(DataError, OSError):
    """A file of labels cannot be read."""


class TensorError(InputError, ValueError):
    """A value does not fit the tensor that it is for."""


class InvokeError(DeviceError, RuntimeError):
    """The model could not be run."""


class TrainingError(LittoralError, RuntimeError):
    """Something cannot be learned, or has not been."""


class PipelineError(LittoralError, RuntimeError):
    """A stage of a pipeline failed, or the pipeline has ended."""
