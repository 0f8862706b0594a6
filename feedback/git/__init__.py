"""DOCSTRING feedback.git."""
