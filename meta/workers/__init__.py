"""DOCSTRING meta.workers."""
