"""DOCSTRING meta.look."""
