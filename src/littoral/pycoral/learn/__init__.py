"""New classes on a frozen model."""
