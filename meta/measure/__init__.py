"""Measures how good a version is and how often the gate is wrong, on request.

`measurement` replays a version on the team's tickets. `selftest` puts edits that change nothing through the real gate
with a simulated worker; `selftest_real` does the same with the team's own agent and tickets. Each returns a record,
which `meta.look.measurement_page` renders for a person.

To add a figure, write a function that takes a `Replayer` or the store and returns a record.
"""
