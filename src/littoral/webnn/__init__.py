"""The W3C Web Neural Network API in Python, and lowering between model files and WebNN programs."""
