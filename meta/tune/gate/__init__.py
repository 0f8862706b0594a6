"""Keeps the documented `python -m meta.tune.gate`; the code is in `meta.gate`."""
