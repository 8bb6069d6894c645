"""The last layer, trained."""
