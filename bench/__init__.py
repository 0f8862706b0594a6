"""Benchmarks; run each with `python -m bench.NAME`.

    cheats         cheats that fool a naive grader, tried on this one
    faults         nights that are broken on purpose
    gate           the gate against common rules
    gate_voids     the gate where replays come back void
    nights         what thirty nights gain, and what they wrongly keep; with --growth, what a long record costs
    race_gepa      `meta` against GEPA on the same tickets, edits, worker and budget
    ingest         memory of `meta ingest-feedback` over many pull requests
    memory, soak   memory, open files and speed over many replays, and in one long run
    overhead       what a replay costs besides its tests
    ray_scaling    how busy a Ray driver keeps its workers
    startup        `meta --help` and `meta status` against a minimal program

The rest is shared: `engine`, `worlds`, `growing`, `growth`, `rivals` and `small_house`.
"""
