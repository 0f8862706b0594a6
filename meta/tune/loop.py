"""One night, from feedback to proposals. Read this first: each line is a room of its own.

Every step writes down what it did before the next begins, and looks up what is already written down: a night that was
killed is taken up by starting it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from meta.app import Context
from meta.errors import MetaError
from meta.proposals.creation import write_proposal
from meta.records.candidate import Candidate, Proposal
from meta.tune.baseline import fill_in_missing_replays, replay_baseline
from meta.tune.budget import (
    MIN_TRIAL_REPLAYS,
    count_remaining_replays,
    drop_doubtful_edits,
    preset_of_settings,
    trial_share,
)
from meta.tune.bundle import bundle_small_edits, release_bundled
from meta.tune.held_out import divide_tickets
from meta.tune.incumbent import promote_version, rebase, version_in_use
from meta.tune.propose.collection import check_draft, collect_edits
from meta.tune.propose.proposer import Proposer
from meta.tune.screen import screen_candidates
from meta.tune.search.suggestions import report_races, suggest_edits
from meta.tune.trial import run_trial


@dataclass(frozen=True)
class TuningResult:
    """What a night did."""

    id: int
    candidates: tuple[Candidate, ...]
    proposals: tuple[Proposal, ...]
    replays: int
    out_of_budget: bool = False


def tune(context: Context, proposer: Proposer) -> TuningResult:
    """Tune once: look at failures, propose edits, screen them, put each through the gate, write down what passed."""
    store, night, budget = context.store, context.night, context.settings.tune.replays
    assert night is not None
    finish_interrupted_promotions(context)
    incumbent = version_in_use(context)
    search, held_out = divide_tickets(store)
    if not held_out:
        raise MetaError(
            "there is no admitted ticket that the gate may use",
            "`meta tickets mine PATH` or `meta tickets add FILE`; under-specified ones do not count",
            code=3,
        )

    baseline = replay_baseline(context, incumbent, search)
    candidates = collect_edits(context, proposer, incumbent, baseline, search)
    may_be_tried = partial(check_draft, context, incumbent)
    candidates += suggest_edits(context, incumbent, search, may_be_tried)
    plan = preset_of_settings(context)
    screened = screen_candidates(context, incumbent, candidates, search, baseline, plan)
    report_races(context, incumbent)
    if plan.together:
        screened = bundle_small_edits(context, incumbent, screened, search, baseline, may_be_tried)

    proposals, ended_early = [], False
    for place, entrant in enumerate(screened, 1):
        candidate = entrant.candidate
        others = [each for each in screened[place:] if not each.hopeless]
        share = trial_share(count_remaining_replays(context, budget), len(others))
        if share == 0 or (entrant.hopeless and share < MIN_TRIAL_REPLAYS):
            ended_early |= bool(others) or not entrant.hopeless
            drop_doubtful_edits(context, screened[place - 1 :])
            break
        candidate, version = rebase(context, candidate, incumbent)
        if version is None:
            continue
        fewest_first = store.tickets.least_decided(held_out, plan.held_out)
        candidate, decision = run_trial(
            context, candidate, version.surface, incumbent.surface, fewest_first, plan.gate, share
        )
        context.tell(f"{candidate.status}: {candidate.edit.title}: {decision.why}")
        release_bundled(context)
        if candidate.status == "kept":
            fill_in_missing_replays(context, candidate, version, incumbent, fewest_first)
            proposals.append(write_proposal(context, candidate, version, incumbent))
            incumbent = promote_version(context, version, proposals[-1])
        ended_early |= candidate.status == "testing"

    used, tried = store.replays.count_used(night), store.candidates.of_night(night)
    store.nights.end_tuning(night, {"replays": used, "kept": [p.id for p in proposals]})
    return TuningResult(night, tuple(tried), tuple(proposals), used, ended_early)


def finish_interrupted_promotions(context: Context) -> None:
    """What a kill left between the gate's word and what follows from it: a kept candidate without a branch, say."""
    release_bundled(context)
    for candidate in context.store.candidates.kept_without_proposal():
        if candidate.commit:
            version = context.versions.at(candidate.commit)
            promote_version(
                context,
                version,
                write_proposal(context, candidate, version, context.versions.at(f"{candidate.commit}^")),
            )
