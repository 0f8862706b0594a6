"""DOCSTRING meta.disk."""
