"""New classes on a frozen embedder."""
