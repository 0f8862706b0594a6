"""DOCSTRING meta.tickets.mining."""
