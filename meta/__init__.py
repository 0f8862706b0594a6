"""Improve a team's coding agent every night, and keep only what replays of past tickets prove.

Begin with `tune/loop.py`, one night's tuning, and `nights/night.py`, the unattended night around it. Then, in the
order of a night:

    outcomes, forges    read how the agent's pull requests ended; write issues' answers and pull requests to GitHub
    tickets             turn history, feedback and files into tickets that can be replayed and graded
    tune, gate          propose edits, race them, test each one, keep what is better
    replay, grading     run one version on one ticket, and decide whether it passed
    workers, languages, environments, gateway     what a replay needs: the agent, a test runner, packages, a model
    proposals, look     what a person is offered, and the pages it is shown on
    store, records, surfaces, disk                runs.db, the values in it, the agent's versions, files under .meta

`app.py` builds the parts; `cli/` runs the commands. Imports run down one list of floors, in `tests/test_floors.py`: a
new room is a package with a docstring that maps it, and a line in that list.
"""
