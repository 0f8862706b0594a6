"""The diffs of what came back, where no clone can give them: one request for each diff."""

from __future__ import annotations

from feedback.github.client import GitHubClient, MissingResource, RefusedWrite
from feedback.github.github_outcome import unknown_fields_of
from feedback.github.pull_story import PullStory
from feedback.outcome import Diff, Outcome
from feedback.problems import FeedbackError


def add_diffs(outcome: Outcome, story: PullStory, client: GitHubClient) -> Outcome:
    """The outcome with what was submitted, what was merged, and the revision between them, as far as GitHub has it."""
    if not outcome.kind.came_back:
        return outcome
    facts, repository = story.pull.facts, outcome.repository
    found: dict[str, Diff | None] = {}
    if facts.base_oid and outcome.submitted_sha:
        found["submitted_diff"] = _fetch_diff(
            client, f"repos/{repository}/compare/{facts.base_oid}...{outcome.submitted_sha}"
        )
    if facts.merged:
        found["merged_diff"] = _fetch_diff(client, f"repos/{repository}/pulls/{outcome.number}")
        if outcome.revision is None and _is_straight(story):
            path = f"repos/{repository}/compare/{outcome.submitted_sha}...{facts.head_oid}"
            found["revision"] = _fetch_diff(client, path)
    told = outcome.model_copy(update={name: diff for name, diff in found.items() if diff is not None})
    return told.model_copy(update={"unknown_fields": unknown_fields_of(told, story)})


def _is_straight(story: PullStory) -> bool:
    """Whether only commits came on top of the submission: then comparing the two shows what was changed."""
    shas = [item.commit.oid for item in story.pull.commits]
    if story.submitted not in shas:
        return False
    later = story.pull.commits[shas.index(story.submitted) + 1 :]
    return all(item.commit.parents.count < 2 for item in later)


def _fetch_diff(client: GitHubClient, path: str) -> Diff | None:
    try:
        return client.diff(path)
    except (MissingResource, RefusedWrite):
        return None
    except FeedbackError as error:
        if "406" in str(error):  # too large for GitHub to show
            return None
        raise
