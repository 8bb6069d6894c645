"""Edge TPU: find chips, say what is wrong, run, read compiled models, predict placement, drive the compiler."""
