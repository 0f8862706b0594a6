"""DOCSTRING meta.tickets.from_feedback."""
