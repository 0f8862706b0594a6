"""Evidence from the commits that merged, reverted, closed or changed it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from feedback.git.cases import LandingCandidate, PullCase
from feedback.git.clone import Commit
from feedback.git.reverts import Revert
from feedback.outcome import OutcomeEvidence

_MAX_QUOTED_COMMITS = 20
"""Commits of each kind that are quoted for one pull request."""


def commit_evidence(kind: str, commit: Commit, note: str = "") -> OutcomeEvidence:
    """Return a commit's message as evidence, after a note on what it shows."""
    return OutcomeEvidence(
        kind=kind,
        text=f"{note}\n\n{commit.message}" if note else commit.message,
        author=f"{commit.author} <{commit.author_email}>",
        place=commit.sha,
        when=datetime.fromtimestamp(commit.time, UTC),
        source="git",
    )


def case_evidence(
    case: PullCase, candidate: LandingCandidate | None, revert: Revert | None
) -> Iterator[OutcomeEvidence]:
    """Yield how it ended, who worked on it after the agent, and what reverted it."""
    pull = case.pull
    if candidate and candidate.is_own_work:
        note = f"came in with #{candidate.landing.carrier_number}" if candidate.landing.carrier_number else ""
        if not candidate.landing.is_complete:
            note = f"{len(candidate.landing.parts)} of {len(pull.own_work)} commits landed"
        yield commit_evidence(candidate.landing.how, candidate.landing.commit, note)
    elif candidate:
        what = "nearly all of its lines came in with" if candidate.proof == "most" else "the same change came in as"
        yield commit_evidence("absorbed", candidate.landing.commit, f"{what} somebody else's commit")
    for commit in case.closing_commits[:_MAX_QUOTED_COMMITS] if not (candidate and candidate.is_own_work) else ():
        yield commit_evidence("closes", commit)
    if case.merge_outside_main and not candidate:
        yield commit_evidence("other-branch", case.merge_outside_main, "merged outside main")
    if case.successor and not candidate:
        yield commit_evidence("successor", case.successor, "later merged under the same title")
    for commit in pull.by_people[:_MAX_QUOTED_COMMITS]:
        yield commit_evidence("person-commit", commit)
    for commit in pull.by_bots[:_MAX_QUOTED_COMMITS]:
        yield commit_evidence("bot-commit", commit)
    if revert:
        yield commit_evidence("revert", revert.commit)
