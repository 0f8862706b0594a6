"""One unattended night, and its account for the morning.

A night keeps to its budget and is resumed after whatever happens. `night` tells the story, one line a stage. `intake`
reads feedback and makes tickets of it, `tuning` looks for better versions (for `meta propose` too), `permissions` does
what the team allows without a person, `promises` compares what was merged with real pull requests, `upkeep` looks after
runs.db, and `bookkeeping` puts together the account that `webhook` sends. Each result is written down under the stage's
name (`stages`), and the account is read back from there. `deadline` and `patience` say how long a night may run, and
how long it waits for a model service that is down. `schedule` starts nights on a timer.

To add a stage: name it in `stages`, write a function that takes what it uses and returns a `StageResult`, call it in
`night`, and read its result in `bookkeeping` if the account should show it.
"""
