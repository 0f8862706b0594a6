"""One night of tuning. `loop` tells it from beginning to end; every other module here is one line of that story.

    incumbent   which version is in use, and how a candidate comes to stand on it
    held_out    which tickets the search may see and which only the gate may use
    baseline    what the version in use does on them
    propose/    edits from a model, each checked before a replay is spent on it
    search/     combinations of earlier edits and other settings, suggested by Optuna
    screen      a cheap race on search tickets, which orders the edits
    bundle      small edits put together, so that one test can show them
    trial       the gate, served with real replays; `levels` says how sure each test must be
    budget      the replays that are left; `progress` reports them, `outlook` forecasts what they can show
    result      the end of the night

A candidate is a record in runs.db: it is proposed, screened, perhaps joined with others, tested, then kept or refused
(`meta.records.candidate.NEXT_STATES`). Each step writes it down before the next begins, so a killed night goes on.

To add a step, write a class that is built with the one to four things it uses, give it a field in `loop.Tuning`, build
it in `meta.app.App.tuning`, and call it in `loop.tune` at its place.
"""
