"""DOCSTRING meta.environments."""
