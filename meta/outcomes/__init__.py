"""DOCSTRING meta.outcomes."""
