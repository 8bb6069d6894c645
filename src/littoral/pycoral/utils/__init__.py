"""Devices and label files."""
