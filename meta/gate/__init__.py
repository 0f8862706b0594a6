"""Decides whether a change is kept, by a test that may be read at any time.

    bets             one bet on one replay, and the inequality behind it
    beliefs          what is believed about each ticket
    give_up          when to stop looking for a gain
    pass_plan        which replays a pass asks for, and in which order
    gate             the test of one candidate against the incumbent
    pool             incumbent replays that several candidates share
    sequential_test  the interface that both have in common
    gate_record      settings, requests, bets and the decision; the whole test as JSON
    recomputation    recomputes a decision from its record, or resumes a test
    presets          settings by nightly budget; the strict tier
    power            what given tickets and a budget can detect
    __main__         the gate over stdin and stdout, for outside audits

A caller makes a `Gate`, puts a `PooledGate` in front of it, runs the replays in `requests` and passes their outcomes
to `tell` until there is a `decision`. Beliefs and planning only affect how many replays a test takes; its promise
rests on `bets` alone, so a new planning rule goes into `pass_plan` or `give_up` and needs no proof.

Standard library only; no input or output, no clock. See docs/gate.md for what the gate promises.
"""
