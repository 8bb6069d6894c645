"""New classes on a frozen embedder."""

from littoral.learn.embeddings import embedding, embeddings
from littoral.learn.heads import Head, append_head, with_head
from littoral.learn.imprinting import Imprint, Imprinter, Prototype
from littoral.learn.regression import accuracy, train_head

__all__ = [
    "Head",
    "Imprint",
    "Imprinter",
    "Prototype",
    "accuracy",
    "append_head",
    "embedding",
    "embeddings",
    "train_head",
    "with_head",
]
