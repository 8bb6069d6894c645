"""A model in a process of its own: what crashes or hangs there is an error here.

The worker is `python -m littoral.runtime.worker`. Tensors lie in memory that both processes map; a socket carries short
messages only.
"""

from littoral.runtime.worker.engine import Isolated
from littoral.runtime.worker.process import Isolation

__all__ = ["Isolated", "Isolation"]
