"""The old address of `meta.gate`, kept because `python -m meta.tune.gate` is documented."""
