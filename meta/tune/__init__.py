"""Tells one night of tuning in `loop`, one line a step.

    incumbent   which version is in use, and how to rebase a candidate onto it
    held_out    which tickets the search may see, and which only the gate may use
    baseline    how the version in use does on them
    propose/    edits from a model, each checked before a replay is spent on it
    search/     combinations of earlier edits and other settings, suggested by Optuna
    screen      a cheap race on search tickets that ranks the edits
    bundle      small edits joined, so that one test can detect their gain
    gate_runner the gate, run on real replays
    budget      the replays that are left, shared out between tests
    gap_replays what the gate skipped, so that the reviewer sees every ticket before and after
    result      the end of the tuning

The others serve these steps: `levels` says how sure each test must be, `counted_replays` runs replays that count even
when they are void, `progress` reports on a long test, `outlook` forecasts before a night what its replays can show,
`prompts/` is what the proposer is told, and `gate/` only keeps `python -m meta.tune.gate` working; the gate is
`meta.gate`.

A candidate is a record in runs.db: it is proposed, screened, perhaps joined with others, tested, then kept or refused
(`meta.records.candidate.NEXT_STATES`). Each step records its result before the next begins, so a killed night resumes.

To add a step, write a class that takes the one to four things it uses, give it a field in `loop.Tuning`, build it in
`meta.app.App.tuning`, and call it from `loop.tune`.
"""
