"""What goes into tensors and comes out of them, by kind of model."""
