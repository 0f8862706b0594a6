"""DOCSTRING meta.surfaces."""
