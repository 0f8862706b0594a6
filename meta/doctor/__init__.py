"""DOCSTRING meta.doctor."""
