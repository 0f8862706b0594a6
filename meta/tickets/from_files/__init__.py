"""DOCSTRING meta.tickets.from_files."""
