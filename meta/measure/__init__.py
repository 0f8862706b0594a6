"""DOCSTRING meta.measure."""
