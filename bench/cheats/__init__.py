"""Cheats that fool a naive grader, tried on this one: `python -m bench.cheats`.

    attack            what a submission and an escape are
    project, projects what is attacked: small projects with a ticket, whose tests decide in many ways
    shop              the project that most cheats attack
    payloads          code that several cheats share
    naive, ours       the naive grader, and this one
    all               every attack by its cause, and how it is tried on both

The other files hold the attacks, one cause each. To add one, put it into the `ATTACKS` of its file; `python -m
bench.cheats` checks that it works on the naive grader and fails here.
"""
