"""Programs that run in a child process: the only modules that import TensorFlow and Keras.

Each is started by `littoral.convert.process.run_child` as `python -m littoral.convert.child.NAME`. It reads one JSON
request from standard input and answers in JSON lines on a pipe of its own: TensorFlow writes to both standard streams.
"""
