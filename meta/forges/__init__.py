"""DOCSTRING meta.forges."""
