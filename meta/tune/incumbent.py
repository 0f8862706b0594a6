"""Finds the version in use, rebases candidates onto it, and promotes the winners."""

from __future__ import annotations

from collections.abc import Sequence

from meta.proposals.creation import create_proposal
from meta.records.account import Night
from meta.records.candidate import Candidate, Proposal, State
from meta.store.candidates import Candidates
from meta.store.store import Store
from meta.surfaces.versions import Changes, Version, VersionHistory
from worker_agent.branch import write_message


class Promotions:
    """Puts versions in use; `default_model` is for versions that name no model."""

    def __init__(self, store: Store, history: VersionHistory, default_model: str) -> None:
        self._store, self._history, self._default_model = store, history, default_model

    def settle_version_in_use(self, night: Night) -> Version:
        """Return the version in use: HEAD, or the last one that this night kept.

        A version that was not in use before is promoted, so that draws of any other version never count for it.
        """
        newest = self._store.incumbents.current()
        if newest and newest.proposal:
            proposal = self._store.proposals.find(newest.proposal)
            of_tonight = self._store.candidates.find(proposal.candidate).night == night.id
            if of_tonight and proposal.status == "pending":
                return self._history.at(proposal.commit_id)
        version = self._history.head()
        model = model_of_version(version, self._default_model)
        if not newest or (newest.version, newest.model) != (version.id, model):
            self._store.incumbents.promote(version.id, model)
        return version

    def promote(self, candidate: Candidate, version: Version, incumbent: Version) -> Proposal:
        """Turn a kept candidate into a proposal, and put its version in use tonight."""
        proposal = create_proposal(self._store.proposals, self._history, candidate, version, incumbent)
        model = model_of_version(version, self._default_model)
        self._store.incumbents.promote(version.id, model, proposal.id)
        return proposal

    def finish_interrupted(self) -> None:
        """Promote candidates that the gate kept just before the process was killed."""
        for candidate in self._store.candidates.kept_without_proposal():
            if candidate.commit:
                version, before = self._history.at(candidate.commit), self._history.at(f"{candidate.commit}^")
                self.promote(candidate, version, before)


def model_of_version(version: Version, default: str) -> str:
    """Return the model that a version runs with."""
    return version.surface.config.model or default


def rebase(
    history: VersionHistory, candidates: Candidates, candidate: Candidate, incumbent: Version
) -> tuple[Candidate, Version | None]:
    """Return the candidate rebased onto the incumbent, and its version.

    The version is `None` when the edit overlaps one that was kept.
    """
    if candidate.commit and candidate.parent == incumbent.id:
        return candidate, history.at(candidate.commit)
    changes: Changes = candidate.edit.changes
    if candidate.parent != incumbent.id and candidate.commit:
        merged = history.carry_over(f"{candidate.commit}^", candidate.commit, incumbent)
        if merged is None:
            end: State = "refused" if candidate.status == "testing" else "screened_out"
            return candidates.move(candidate, end, "it overlaps with an edit that was kept"), None
        changes = merged
    message = write_message(candidate.edit.title, candidate.edit.hypothesis)
    version = history.commit(incumbent, changes, message, f"refs/meta/candidate-{candidate.id}")
    moved = candidates.move(candidate, candidate.status, parent=incumbent.id, version=version.id, commit=version.commit)
    return moved, version


def rebase_proposed(
    history: VersionHistory, candidates: Candidates, proposed: Sequence[Candidate], incumbent: Version
) -> list[tuple[Candidate, Version]]:
    """Return the new candidates rebased onto the incumbent, each with its version.

    Those that overlap an edit that was kept are left out.
    """
    found = []
    for candidate in proposed:
        if candidate.status == "proposed":
            moved, version = rebase(history, candidates, candidate, incumbent)
            if version:
                found.append((moved, version))
    return found
