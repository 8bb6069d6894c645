"""Several models in a row, each on its device."""
