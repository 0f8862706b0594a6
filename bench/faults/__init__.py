"""Nights that are broken on purpose: `python -m bench.faults`.

    __main__     what is broken, and what counts as well
    kills        kill -9 at random moments
    disk         disks that fill up
    troubles     the service, runs.db, signals, repositories, people at work
    moments      stops a night at a chosen stage
    running      starts `meta nightly`, and watches it from outside
    service      the stand-in model, with faults

A new trouble is a function in `troubles` that returns a `Result`; call it in `__main__`.
"""
