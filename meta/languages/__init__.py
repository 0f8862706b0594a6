"""DOCSTRING meta.languages."""
