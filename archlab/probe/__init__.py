"""Measurements of a live module. A probe works on a copy and leaves nothing behind."""
