"""DOCSTRING meta.grading."""
