"""A model in a process of its own: what crashes or hangs there is an error here.

The worker is `python -m littoral.runtime.worker`. Tensors lie in memory that both processes map; a socket carries short
messages only. `engine.Isolated` is imported when a model is isolated: sockets and processes take time to import.
"""
