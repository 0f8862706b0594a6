"""Nights that are broken on purpose; see `__main__`."""
