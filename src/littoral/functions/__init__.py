"""Wasm functions with wasi-nn: their life cycle, their store and their gateway."""
