"""Replays tickets: one version of the agent, once on one ticket, many at a time.

A `ReplayJob` goes through an `Executor`: `executor` runs it in threads of this process, `ray_executor` on a cluster
(`ray_shipping` packs what a node needs), `simulated` draws its verdict. Each lets `run.run_replay` make the replay: the
worker submits, the grader decides, and a `FinishedReplay` comes back. Only `replayer` knows the store: it hands out
jobs within the budget and writes each result down before the next counts.

To run replays elsewhere, add an `Executor` beside these.
"""
