"""DOCSTRING meta.tune.incumbent."""

from __future__ import annotations

from meta.app import Context
from meta.records.candidate import Candidate, Proposal, State
from meta.surfaces.versions import Version


def version_in_use(context: Context) -> Version:
    """The version at HEAD, or what an interrupted night had already kept. Draws of others never count for it."""
    store, newest = context.store, context.store.incumbents.current()
    if newest and newest.proposal:
        kept = store.proposals.find(newest.proposal)
        is_tonights = store.candidates.find(kept.candidate).night == context.night
        if is_tonights and kept.status == "pending":
            return context.versions.at(kept.commit_id)
    version = context.versions.head()
    model = model_of(context, version)
    if not newest or (newest.version, newest.model) != (version.id, model):
        store.incumbents.promote(version.id, model)
    return version


def model_of(context: Context, version: Version) -> str:
    """The model that a version asks for."""
    return version.surface.config.model or context.settings.worker_endpoint().model


def promote_version(context: Context, version: Version, proposal: Proposal) -> Version:
    """The kept version is what the rest of the night is measured against."""
    context.store.incumbents.promote(version.id, model_of(context, version), proposal.id)
    return version


def rebase(context: Context, candidate: Candidate, incumbent: Version) -> tuple[Candidate, Version | None]:
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
            return store.candidates.move(candidate, end, why), None
        changes = merged
    message = f"{candidate.edit.title}\n\n{candidate.edit.hypothesis}".strip()
    version = context.versions.commit(incumbent, changes, message, f"refs/meta/candidate-{candidate.id}")
    moved = store.candidates.move(
        candidate, candidate.status, parent=incumbent.id, version=version.id, commit=version.commit
    )
    return moved, version
