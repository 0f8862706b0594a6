"""What a person is offered, and their word on it.

`creation` makes a proposal of a kept candidate: a row in runs.db and a branch. `view` puts together all that a reviewer
needs to know of one, `audit` recomputes its decision from the recorded replays, and `decision` merges it, rejects it
or rolls it back. Pages are made of these records in `meta.look`.
"""
