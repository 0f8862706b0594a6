"""The diffs of what came back, where no clone can give them: one request for each diff."""

from __future__ import annotations

from feedback.errors import FeedbackError
from feedback.github.client import Client, NotFound, Refused
from feedback.github.outcome import Story, unknown_fields
from feedback.records import Diff, Outcome


def with_diffs(outcome: Outcome, story: Story, client: Client) -> Outcome:
    """The outcome with what was submitted, what was merged, and the revision between them, as far as GitHub has it."""
    if not outcome.kind.came_back:
        return outcome
    facts, repository = story.pull.facts, outcome.repository
    found: dict[str, Diff | None] = {}
    if facts.base_oid and outcome.submitted_sha:
        found["submitted_diff"] = _ask(client, f"repos/{repository}/compare/{facts.base_oid}...{outcome.submitted_sha}")
    if facts.merged:
        found["merged_diff"] = _ask(client, f"repos/{repository}/pulls/{outcome.number}")
        if outcome.revision is None and _straight(story):
            path = f"repos/{repository}/compare/{outcome.submitted_sha}...{facts.head_oid}"
            found["revision"] = _ask(client, path)
    told = outcome.model_copy(update={name: diff for name, diff in found.items() if diff is not None})
    return told.model_copy(update={"unknown_fields": unknown_fields(told, story)})


def _straight(story: Story) -> bool:
    """Whether only commits came on top of the submission: then comparing the two shows what was changed."""
    shas = [item.commit.oid for item in story.pull.commits]
    if story.submitted not in shas:
        return False
    later = story.pull.commits[shas.index(story.submitted) + 1 :]
    return all(item.commit.parents.count < 2 for item in later)


def _ask(client: Client, path: str) -> Diff | None:
    try:
        return client.diff(path)
    except (NotFound, Refused):
        return None
    except FeedbackError as error:
        if "406" in str(error):  # too large for GitHub to show
            return None
        raise
