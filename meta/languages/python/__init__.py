"""DOCSTRING meta.languages.python."""
