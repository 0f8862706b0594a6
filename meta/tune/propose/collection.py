"""DOCSTRING meta.tune.propose.collection."""

from __future__ import annotations

from collections.abc import Sequence

from meta.app import Context
from meta.records.candidate import Candidate, Edit
from meta.records.replay import Replay
from meta.records.ticket import Ticket
from meta.surfaces.versions import Version, read_surface_text
from meta.tune.propose.edit_check import check_edit
from meta.tune.propose.evidence import gather_evidence
from meta.tune.propose.proposer import Proposer
from worker_agent.surface import list_surface_files

MAX_EARLIER_EDITS = 200
"""A new edit may not repeat one of the newest so many; what was tried long ago met another agent and other tickets."""


def collect_edits(
    context: Context,
    proposer: Proposer,
    incumbent: Version,
    baseline: Sequence[Replay],
    search: Sequence[Ticket],
) -> list[Candidate]:
    """Those of earlier nights that wait, and new ones, each checked and, if refused, corrected once."""
    store, night = context.store, context.night
    assert night is not None
    known = store.candidates.of_night(night)
    waiting = store.candidates.waiting_from_other_nights(night)
    drafts = store.nights.drafts(night)
    in_conversation = drafts is None and not known
    if in_conversation:
        surface = read_surface_text(incumbent.surface, list_surface_files(incumbent.surface.root))
        evidence = gather_evidence(store, baseline, search)
        context.tell(
            f"asking for edits: {len(evidence.failures)} failing replays, "
            f"{sum(map(len, evidence.complaints.values()))} pull requests that came back"
        )
        drafts = list(proposer.propose(evidence, surface, context.settings.proposer.edits))
        store.nights.save_drafts(night, drafts)
    made = [c for c in known if c.status in ("proposed", "testing")]
    for draft in (drafts or [])[len(known) :]:  # each draft becomes one candidate, in their order
        problem = draft.problem or check_draft(context, incumbent, draft.edit)
        if problem and in_conversation and (again := proposer.revise(draft, problem)):
            draft, problem = again, again.problem or check_draft(context, incumbent, again.edit)
        edit = draft.edit or Edit(title=draft.title)
        with store.all_or_nothing():  # what may not be tried is never there as if it might
            candidate = store.candidates.add(night, incumbent.id, edit)
            if problem:
                store.candidates.move(candidate, "invalid", problem)
        if problem:
            context.tell(f"invalid: {edit.title}: {problem}")
        else:
            made.append(candidate)
    return [*waiting, *made]


def check_draft(context: Context, incumbent: Version, edit: Edit | None) -> str | None:
    if edit is None:
        return "it cannot be read"
    earlier = context.store.candidates.readable(MAX_EARLIER_EDITS)
    return check_edit(context, incumbent, edit, context.store.tickets.all(), earlier)
