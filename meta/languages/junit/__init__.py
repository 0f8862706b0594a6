"""DOCSTRING meta.languages.junit."""
