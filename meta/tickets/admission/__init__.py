"""DOCSTRING meta.tickets.admission."""
