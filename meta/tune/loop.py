"""One night of tuning, from failing replays to proposals. Read this file first.

Each step records its result before the next begins, and builds on what is already recorded. So a night that was killed
resumes where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass

from meta.gate.presets import Preset
from meta.project import Report
from meta.records.account import Night
from meta.records.candidate import Proposal
from meta.replay.replayer import Replayer
from meta.store.store import Store
from meta.surfaces.versions import VersionHistory
from meta.tune.baseline import replay_baseline
from meta.tune.budget import ReplayBudget
from meta.tune.bundle import Bundles
from meta.tune.gap_replays import fill_gaps
from meta.tune.gate_runner import GateRunner
from meta.tune.held_out import divide_tickets, explain_no_tickets
from meta.tune.incumbent import Promotions, rebase, rebase_proposed
from meta.tune.propose.collection import EditCollection
from meta.tune.result import TuningResult, end_tuning
from meta.tune.screen import ScreenRace, drop_doubtful, list_open_tests
from meta.tune.search.suggestions import SearchStudy


@dataclass(frozen=True)
class Tuning:
    """The services of a night. Only `tune` sees them all."""

    night: Night
    store: Store
    history: VersionHistory
    replayer: Replayer
    promotions: Promotions  # which version is in use
    edits: EditCollection  # asks the proposer, checks each edit, sends one with an objection back once
    study: SearchStudy  # combinations of edits and settings, suggested by Optuna
    race: ScreenRace  # a cheap first look at each edit, on search tickets
    bundles: Bundles  # tests small edits as one
    gate: GateRunner  # the gate, run on real replays
    budget: ReplayBudget
    preset: Preset  # how many tickets a test uses at this budget, and whether small edits are joined
    report: Report


def tune(t: Tuning) -> TuningResult:
    """Learn from failures: propose edits, screen them, keep what passes the gate."""
    t.bundles.refuse_failed_parts()  # of a joint test whose night was killed as it ended
    t.promotions.finish_interrupted()
    incumbent = t.promotions.settle_version_in_use(t.night)
    search, held_out = divide_tickets(t.store.tickets)
    if not held_out:
        raise explain_no_tickets()

    baseline = replay_baseline(t.replayer, t.store.replays, incumbent, search, t.report)
    candidates = t.edits.collect(t.night, incumbent, baseline, search)
    candidates += t.study.suggest(t.night, incumbent, search)
    racing = rebase_proposed(t.history, t.store.candidates, candidates, incumbent)
    entrants = list_open_tests(candidates) + t.race.run(racing, search, baseline)
    t.study.learn(t.night, incumbent)
    if t.preset.together:
        entrants = t.bundles.form(t.night, incumbent, entrants, search, baseline)

    proposals, out_of_budget = list[Proposal](), False
    for place, entrant in enumerate(entrants):
        promising = [other for other in entrants[place + 1 :] if not other.is_doubtful]
        share = t.budget.test_share(len(promising))
        if not entrant.can_begin_test(share):
            out_of_budget |= bool(promising) or not entrant.is_doubtful
            drop_doubtful(t.store.candidates, entrants[place:], t.report)
            break
        candidate, version = rebase(t.history, t.store.candidates, entrant.candidate, incumbent)
        if version is None:  # it overlaps an edit that was kept tonight
            continue
        tickets = t.store.tickets.least_decided(held_out, t.preset.held_out)
        candidate, decision = t.gate.run(candidate, version.surface, incumbent.surface, tickets, share)
        t.report(f"{candidate.status}: {candidate.edit.title}: {decision.why}")
        t.bundles.refuse_failed_parts()  # now, so that the report of this night has them
        if candidate.status == "kept":
            fill_gaps(t.replayer, t.store.replays, candidate, version, incumbent, tickets, t.budget.remaining)
            proposals.append(t.promotions.promote(candidate, version, incumbent))
            incumbent = version
        out_of_budget |= candidate.status == "testing"  # its test continues another night

    return end_tuning(t.store, t.night, proposals, out_of_budget)
