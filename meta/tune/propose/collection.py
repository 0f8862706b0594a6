"""Collects a night's edits: waiting ones from earlier nights, and new ones."""

from __future__ import annotations

from collections.abc import Sequence

from meta.project import Report
from meta.records.account import Night
from meta.records.candidate import Candidate, Edit, EditDraft
from meta.records.replay import Replay
from meta.records.ticket import Ticket
from meta.store.store import Store
from meta.surfaces.versions import Version, read_surface_text
from meta.tune.propose.edit_check import EditCheck
from meta.tune.propose.evidence import gather_evidence
from meta.tune.propose.proposer import Proposer
from worker_agent.surface import list_surface_files


class EditCollection:
    """Asks for up to `most` edits a night, and sends one with an objection back once."""

    def __init__(self, store: Store, proposer: Proposer, check: EditCheck, most: int, report: Report) -> None:
        self._store, self._proposer, self._check = store, proposer, check
        self._most, self._report = most, report

    def collect(
        self, night: Night, incumbent: Version, baseline: Sequence[Replay], search: Sequence[Ticket]
    ) -> list[Candidate]:
        """Return the candidates that wait from earlier nights, and tonight's.

        Edits that were requested and saved before the night was interrupted are not requested again.
        """
        candidates, nights = self._store.candidates, self._store.nights
        known = candidates.of_night(night.id)
        waiting = candidates.waiting_from_other_nights(night.id)
        drafts = nights.drafts(night.id)
        in_conversation = drafts is None and not known
        if in_conversation:
            drafts = self._ask(incumbent, baseline, search)
            nights.save_drafts(night.id, drafts)
        found = [c for c in known if c.status in ("proposed", "testing")]
        for draft in (drafts or [])[len(known) :]:  # each draft becomes one candidate, in their order
            candidate = self._take(night, incumbent, draft, may_revise=in_conversation)
            if candidate.status == "proposed":
                found.append(candidate)
        return [*waiting, *found]

    def _ask(self, incumbent: Version, baseline: Sequence[Replay], search: Sequence[Ticket]) -> list[EditDraft]:
        surface = read_surface_text(incumbent.surface, list_surface_files(incumbent.surface.root))
        evidence = gather_evidence(self._store, baseline, search)
        self._report(
            f"asking for edits: {len(evidence.failures)} failing replays, "
            f"{sum(map(len, evidence.complaints.values()))} pull requests that came back"
        )
        return list(self._proposer.propose(evidence, surface, self._most))

    def _take(self, night: Night, incumbent: Version, draft: EditDraft, *, may_revise: bool) -> Candidate:
        """Record the draft as a candidate: proposed, or invalid with the objection to it."""
        objection = self._find_objection(draft, incumbent)
        if objection and may_revise and (revised := self._proposer.revise(draft, objection)):
            draft, objection = revised, self._find_objection(revised, incumbent)
        edit = draft.edit or Edit(title=draft.title)
        candidates = self._store.candidates
        with self._store.all_or_nothing():  # an invalid edit is never on record as proposed
            candidate = candidates.add(night.id, incumbent.id, edit)
            if objection:
                candidate = candidates.move(candidate, "invalid", objection)
        if objection:
            self._report(f"invalid: {edit.title}: {objection}")
        return candidate

    def _find_objection(self, draft: EditDraft, incumbent: Version) -> str | None:
        if draft.problem:
            return draft.problem
        return self._check.find_objection(draft.edit, incumbent) if draft.edit else "it cannot be read"
