"""Tells one night of tuning in `loop`; every other module is a line of it.

    incumbent   which version is in use, and how to rebase a candidate onto it
    held_out    which tickets the search may see, and which only the gate may use
    baseline    how the version in use does on them
    propose/    edits from a model, each checked before a replay is spent on it
    search/     combinations of earlier edits and other settings, suggested by Optuna
    screen      a cheap race on search tickets that ranks the edits
    bundle      small edits joined, so that one test can detect their gain
    trial       the gate, run on real replays; `levels` says how sure each test must be
    budget      the replays that are left; `progress` reports them, `outlook` forecasts what they can show
    result      the end of the night

A candidate is a record in runs.db: it is proposed, screened, perhaps joined with others, tested, then kept or refused
(`meta.records.candidate.NEXT_STATES`). Each step records its result before the next begins, so a killed night resumes.

To add a step, write a class that takes the one to four things it uses, give it a field in `loop.Tuning`, build it in
`meta.app.App.tuning`, and call it from `loop.tune`.
"""
