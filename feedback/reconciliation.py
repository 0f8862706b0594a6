"""Merges what several sources know about one pull request into one record.

None of them has to be complete.

Git knows best what was submitted and merged, a forge what people wrote and how it ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feedback.causes import assign_cause
from feedback.outcome import Cause, Outcome, OutcomeKind

_FORGE_FIRST = ("github", "jsonl", "git")
_GIT_FIRST = ("git", "github", "jsonl")
_CONTENT_FIELDS = frozenset(
    {
        "base_sha",
        "first_sha",
        "submitted_sha",
        "head_sha",
        "merged_sha",
        "submitted_at",
        "same_as_first",
        "same_as_head",
        "submitted_diff",
        "merged_diff",
        "revision",
        "version",
    }
)
"""Taken from git first; all other fields from the forge first."""
_KIND_WEIGHTS = {
    OutcomeKind.REVERTED: 4,
    OutcomeKind.REVISED: 3,
    OutcomeKind.MERGED: 2,
    OutcomeKind.REJECTED: 1,
    OutcomeKind.OPEN: 1,
    OutcomeKind.UNKNOWN: 0,
}
"""The heaviest kind wins: what one source saw did happen, even if another could not see it."""


def reconcile(parts: Mapping[str, Outcome]) -> Outcome:
    """Merge one pull request's records, keyed by the name of their source."""
    if len(parts) == 1:
        return assign_cause(next(iter(parts.values())))
    forge_first, git_first = _sort_parts(parts, _FORGE_FIRST), _sort_parts(parts, _GIT_FIRST)
    fields: dict[str, Any] = {}
    for name in Outcome.model_fields:
        ranked = git_first if name in _CONTENT_FIELDS else forge_first
        known = [p for p in ranked if name not in p.unknown_fields and getattr(p, name) is not None]
        fields[name] = getattr((known or ranked)[0], name)
    certain = [part for part in forge_first if "kind" not in part.unknown_fields] or forge_first
    fields["kind"] = max(certain, key=lambda part: _KIND_WEIGHTS[part.kind]).kind  # the forge wins a tie
    fields["evidence"] = tuple(dict.fromkeys(item for part in git_first for item in part.evidence))
    fields |= _reconcile_cause(forge_first, fields["kind"])
    unknown_to_some = set().union(*(part.unknown_fields for part in forge_first))
    unknown = {name for name in unknown_to_some - {"kind", "words"} if fields.get(name) is None}
    unknown |= {name for name in ("kind", "words") if all(name in part.unknown_fields for part in forge_first)}
    fields["unknown_fields"] = tuple(sorted(unknown))
    return assign_cause(Outcome(**fields))


def _sort_parts(parts: Mapping[str, Outcome], order: tuple[str, ...]) -> list[Outcome]:
    def rank(item: tuple[str, Outcome]) -> tuple[int, str]:
        kind = item[0].split(":", 1)[0]
        return (order.index(kind) if kind in order else len(order)), item[0]

    return [outcome for _, outcome in sorted(parts.items(), key=rank)]


def _reconcile_cause(ranked: list[Outcome], kind: OutcomeKind) -> dict[str, Any]:
    """A person's cause stands; a rule's or a model's stands only if it is for the final kind."""
    fitting = [p for p in ranked if p.cause is not Cause.UNKNOWN and (p.cause_by == "person" or p.kind is kind)]
    chosen = next((p for p in fitting if p.cause_by == "person"), fitting[0] if fitting else None)
    if chosen is None:
        return {"cause": Cause.UNKNOWN, "cause_by": None, "cause_evidence": ()}
    return {"cause": chosen.cause, "cause_by": chosen.cause_by, "cause_evidence": chosen.cause_evidence}
