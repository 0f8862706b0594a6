"""Cheats that fool a naive grader, tried on this one: `python -m bench.cheats`.

    attack            what a submission and an escape are
    shop              the small project that is attacked
    naive, ours       the naive grader, and this one
    all               every attack, and how it is tried on both

The other files hold the attacks, by what they attack. To add one, put it into the `ATTACKS` of its file; `python -m
bench.cheats` checks that it works on the naive grader and fails here.
"""
