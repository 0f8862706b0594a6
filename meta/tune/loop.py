"""One night, from feedback to proposals. Read this first: each line is a room of its own.

Every step writes down what it did before the next begins, and looks up what is already written down: a night that was
killed is taken up by starting it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from meta.context import Context
from meta.errors import MetaError
from meta.records import Candidate, Edit, Proposal, Replay, State, Ticket
from meta.store import tuning as records
from meta.tune import asked
from meta.tune.check import objection
from meta.tune.evidence import gather
from meta.tune.gate import Preset, preset
from meta.tune.judge import judge, pool_draws
from meta.tune.proposals import write_proposal
from meta.tune.proposer import Proposer
from meta.tune.replays import Wanted, left, make
from meta.tune.screen import Screened, screen
from meta.tune.search.suggest import learn, suggest
from meta.tune.split import split
from meta.tune.together import release, together
from meta.versions import Version, surface_text
from worker_agent.surface import surface_files

A_LOOK = 25
"""Replays that a test of an edit without gain takes, about."""

EARLIER = 200
"""A new edit may not repeat one of the newest so many; what was tried long ago met another agent and other tickets."""


@dataclass(frozen=True)
class Night:
    """What a night did."""

    id: int
    candidates: tuple[Candidate, ...]
    proposals: tuple[Proposal, ...]
    replays: int
    out_of_budget: bool = False


def night(context: Context, proposer: Proposer) -> Night:
    """Tune once: look at failures, propose edits, screen them, put each through the gate, write down what passed."""
    store, budget = context.store, context.settings.tune.replays
    begun, (context.night, resumed) = context.night, records.open_night(store, budget)
    if resumed and begun != context.night:  # `meta nightly` has begun its own, and knows
        context.tell(f"night {context.night} was interrupted and is taken up again")
    finish_interrupted(context)
    incumbent = in_use(context)
    search, held_out = split(store)
    if not held_out:
        raise MetaError(
            "there is no admitted ticket that the gate may use",
            "`meta tickets mine PATH` or `meta tickets add FILE`; under-specified ones do not count",
            code=3,
        )

    baseline = replay_incumbent(context, incumbent, search)
    candidates = propose(context, proposer, incumbent, baseline, search)
    may_be_tried = partial(_objection, context, incumbent)
    candidates += suggest(context, incumbent, search, may_be_tried)
    plan = chosen_preset(context)
    screened = screen_all(context, incumbent, candidates, search, baseline, plan)
    learn(context, incumbent)
    if plan.together:
        screened = together(context, incumbent, screened, search, baseline, may_be_tried)

    proposals, ended_early = [], False
    for place, entrant in enumerate(screened, 1):
        candidate = entrant.candidate
        others = [each for each in screened[place:] if not each.hopeless]
        share = share_of(left(context, budget), len(others))
        if share == 0 or (entrant.hopeless and share < A_LOOK):
            ended_early |= bool(others) or not entrant.hopeless
            drop_doubtful(context, screened[place - 1 :])
            break
        candidate, version = rebased(context, candidate, incumbent)
        if version is None:
            continue
        fewest_first = sorted(held_out, key=lambda t: (decisions_of(context, t), t.id))[: plan.held_out]
        candidate, decision = judge(
            context, candidate, version.surface, incumbent.surface, fewest_first, plan.gate, share
        )
        context.tell(f"{candidate.status}: {candidate.edit.title}: {decision.why}")
        release(context)
        if candidate.status == "kept":
            fill_in(context, candidate, version, incumbent, fewest_first)
            proposals.append(write_proposal(context, candidate, version, incumbent))
            incumbent = promote(context, version, proposals[-1])
        ended_early |= candidate.status == "testing"

    used = records.replays_used(store, context.night)
    tried = records.candidates(store, "night = ?", context.night)
    records.end_night(store, context.night, {"replays": used, "kept": [p.id for p in proposals]})
    return Night(context.night, tuple(tried), tuple(proposals), used, ended_early)


def share_of(replays: int, waiting: int) -> int:
    """What a test may spend while others wait: all but what it takes to see that each of those is hopeless, and at
    least half. A test that is still open then goes on another night."""
    return max(replays - waiting * A_LOOK, replays // 2) if waiting else replays


def drop_doubtful(context: Context, unreached: Sequence[Screened]) -> None:
    """The screen only orders. What it gave no hope is dropped when the budget is too small for it; the rest waits."""
    for entrant in unreached:
        if entrant.hopeless:
            records.move(context.store, entrant.candidate, "screened_out", entrant.why)
            context.tell(f"dropped: {entrant.candidate.edit.title}: {entrant.why}")


def finish_interrupted(context: Context) -> None:
    """What a kill left between the gate's word and what follows from it: a kept candidate without a branch, say."""
    release(context)
    done = {p.candidate for p in records.proposals(context.store)}
    for candidate in records.candidates(context.store, "status = 'kept'"):
        if candidate.id not in done and candidate.commit:
            version = context.versions.at(candidate.commit)
            promote(
                context,
                version,
                write_proposal(context, candidate, version, context.versions.at(f"{candidate.commit}^")),
            )


def in_use(context: Context) -> Version:
    """The version at HEAD, or what an interrupted night had already kept. Draws of others never count for it."""
    store, newest = context.store, context.store.incumbent()
    if newest and newest["proposal"]:
        kept = records.proposals(store, "id = ?", newest["proposal"])[0]
        of_tonight = records.candidates(store, "id = ? and night = ?", kept.candidate, context.night)
        if of_tonight and kept.status == "pending":
            return context.versions.at(kept.commit_id)
    version = context.versions.head()
    model = model_of(context, version)
    if not newest or (newest["version"], newest["model"]) != (version.id, model):
        store.promote(version.id, model)
    return version


def model_of(context: Context, version: Version) -> str:
    """The model that a version asks for."""
    return version.surface.config.model or context.settings.worker_endpoint().model


def fill_in(
    context: Context, candidate: Candidate, version: Version, incumbent: Version, tickets: Sequence[Ticket]
) -> None:
    """Run what the gate skipped as sure, once, so that the reviewer sees every ticket before and after."""
    store, wanted = context.store, []
    for ticket in tickets:
        if not store.replays(
            "candidate = ? and ticket = ? and purpose in ('gate', 'measure')", candidate.id, ticket.id
        ):
            wanted.append(Wanted(ticket, version.surface, candidate.id))
        if not pool_draws(store, ticket.id, incumbent.id):
            wanted.append(Wanted(ticket, incumbent.surface))
    room = left(context, context.settings.tune.replays)
    make(context, wanted[:room], "measure")


def promote(context: Context, version: Version, proposal: Proposal) -> Version:
    """The kept version is what the rest of the night is measured against."""
    context.store.promote(version.id, model_of(context, version), proposal.id)
    return version


def replay_incumbent(context: Context, incumbent: Version, search: Sequence[Ticket]) -> list[Replay]:
    """What the incumbent does on search tickets; replays of this version that are already there are not made again."""
    sql = (
        "version = ? and ticket = ? and purpose in ('incumbent', 'measure') and candidate is null and verdict != 'void'"
    )
    missing = [t for t in search if not context.store.replays(sql, incumbent.id, t.id)]
    if missing:
        context.tell(f"replaying the agent in use on {len(missing)} search tickets")
        make(context, [Wanted(t, incumbent.surface) for t in missing], "incumbent")
    return [r for t in search for r in context.store.replays(sql, incumbent.id, t.id)]


def propose(
    context: Context,
    proposer: Proposer,
    incumbent: Version,
    baseline: Sequence[Replay],
    search: Sequence[Ticket],
) -> list[Candidate]:
    """Those of earlier nights that wait, and new ones, each checked and, if refused, corrected once."""
    store, night = context.store, context.night
    assert night is not None
    known = records.candidates(store, "night = ?", night)
    waiting = records.candidates(store, "night != ? and status in ('testing', 'proposed')", night)
    drafts = asked.kept(store, night)
    in_conversation = drafts is None and not known
    if in_conversation:
        surface = surface_text(incumbent.surface, surface_files(incumbent.surface.root))
        evidence = gather(store, baseline, search)
        context.tell(
            f"asking for edits: {len(evidence.failures)} failing replays, "
            f"{sum(map(len, evidence.complaints.values()))} pull requests that came back"
        )
        drafts = list(proposer.propose(evidence, surface, context.settings.proposer.edits))
        asked.keep(store, night, drafts)
    made = [c for c in known if c.status in ("proposed", "testing")]
    for draft in (drafts or [])[len(known) :]:  # each draft becomes one candidate, in their order
        problem = draft.problem or _objection(context, incumbent, draft.edit)
        if problem and in_conversation and (again := proposer.revise(draft, problem)):
            draft, problem = again, again.problem or _objection(context, incumbent, again.edit)
        edit = draft.edit or Edit(title=draft.title)
        with store.all_or_nothing():  # what may not be tried is never there as if it might
            candidate = records.add_candidate(store, night, incumbent.id, edit)
            if problem:
                records.move(store, candidate, "invalid", problem)
        if problem:
            context.tell(f"invalid: {edit.title}: {problem}")
        else:
            made.append(candidate)
    return [*waiting, *made]


def _objection(context: Context, incumbent: Version, edit: Edit | None) -> str | None:
    if edit is None:
        return "it cannot be read"
    earlier = records.candidates(context.store, "status != 'invalid'", newest=EARLIER)
    return objection(context, incumbent, edit, context.store.tickets(), earlier)


def screen_all(
    context: Context,
    incumbent: Version,
    candidates: Sequence[Candidate],
    search: Sequence[Ticket],
    baseline: Sequence[Replay],
    plan: Preset,
) -> list[Screened]:
    """What is worth the gate, most promising first. Candidates in testing go first and are not screened again."""
    testing = [Screened.still_testing(c) for c in candidates if c.status == "testing"]
    entrants = []
    for candidate in candidates:
        if candidate.status == "proposed":
            candidate, version = rebased(context, candidate, incumbent)
            if version:
                entrants.append((candidate, version.surface))
    if entrants:
        context.tell(f"screening {len(entrants)} edits on search tickets")
    good = []
    for result in screen(context, entrants, search, baseline, plan.screen_runs):
        context.tell(f"{'doubtful' if result.hopeless else 'promising'}: {result.candidate.edit.title}: {result.why}")
        good.append(result)
    return testing + good


def rebased(context: Context, candidate: Candidate, incumbent: Version) -> tuple[Candidate, Version | None]:
    """The candidate's edit as a commit on the incumbent. After an accept the rest starts again from what was kept."""
    store = context.store
    if candidate.commit and candidate.parent == incumbent.id:
        return candidate, context.versions.at(candidate.commit)
    changes = dict(candidate.edit.changes)
    if candidate.parent != incumbent.id and candidate.commit:
        merged = context.versions.carried_over(f"{candidate.commit}^", candidate.commit, incumbent)
        if merged is None:
            why = "it overlaps with an edit that was kept"
            end: State = "refused" if candidate.status == "testing" else "screened_out"
            return records.move(store, candidate, end, why), None
        changes = merged
    message = f"{candidate.edit.title}\n\n{candidate.edit.hypothesis}".strip()
    version = context.versions.commit(incumbent, changes, message, f"refs/meta/candidate-{candidate.id}")
    moved = records.move(
        store, candidate, candidate.status, parent=incumbent.id, version=version.id, commit=version.commit
    )
    return moved, version


def chosen_preset(context: Context) -> Preset:
    """The preset of the budget, with the team's own alpha where it has set one."""
    tune = context.settings.tune
    plan = preset(tune.replays)
    return replace(plan, gate=replace(plan.gate, alpha=tune.alpha)) if tune.alpha else plan


def decisions_of(context: Context, ticket: Ticket) -> int:
    row = context.store.one("select decisions from tickets where id = ?", ticket.id)
    return int(row["decisions"]) if row else 0
