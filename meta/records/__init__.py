"""DOCSTRING meta.records."""
