"""pycoral's public API: replace `pycoral` by `littoral.pycoral` in an old script, and it runs."""
