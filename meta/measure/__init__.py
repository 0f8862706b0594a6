"""Figures that somebody asked for: how good a version is, and how often the gate is wrong.

`measurement` replays a version on the team's tickets. `selftest` puts edits that change nothing through the real gate
with a simulated worker, `selftest_real` does so with the team's own agent and tickets. Each returns a record; the page
that a person reads is made in `meta.look.measurement_page`.

To add a figure, write a function that takes a `Replayer` or the store and returns a record.
"""
