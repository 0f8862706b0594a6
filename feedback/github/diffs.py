"""Fetches the diffs of what came back, one request each, if no clone has them."""

from __future__ import annotations

from feedback.github.client import GitHubClient, MissingResource, QueryTooLarge, RefusedWrite
from feedback.github.github_outcome import unknown_fields_of
from feedback.github.pull_story import PullStory
from feedback.outcome import Diff, Outcome


def add_diffs(outcome: Outcome, story: PullStory, client: GitHubClient) -> Outcome:
    """Return the outcome with its diffs, as far as GitHub has them.

    These are what was submitted, what was merged, and the revision between the two.
    """
    if not outcome.kind.came_back:
        return outcome
    facts, repository = story.pull.facts, outcome.repository
    diffs: dict[str, Diff | None] = {}
    if facts.base_oid and outcome.submitted_sha:
        path = f"repos/{repository}/compare/{facts.base_oid}...{outcome.submitted_sha}"
        diffs["submitted_diff"] = _fetch_diff(client, path)
    if facts.merged:
        diffs["merged_diff"] = _fetch_diff(client, f"repos/{repository}/pulls/{outcome.number}")
        if outcome.revision is None and _is_straight(story):
            path = f"repos/{repository}/compare/{outcome.submitted_sha}...{facts.head_oid}"
            diffs["revision"] = _fetch_diff(client, path)
    outcome = outcome.model_copy(update={name: diff for name, diff in diffs.items() if diff is not None})
    return outcome.model_copy(update={"unknown_fields": unknown_fields_of(outcome, story)})


def _is_straight(story: PullStory) -> bool:
    """Whether only plain commits follow the submission, so that comparing it with the head shows the revision."""
    shas = [item.commit.oid for item in story.pull.commits]
    if story.submitted_sha not in shas:
        return False
    later = story.pull.commits[shas.index(story.submitted_sha) + 1 :]
    return all(item.commit.parents.count < 2 for item in later)


def _fetch_diff(client: GitHubClient, path: str) -> Diff | None:
    try:
        return client.diff(path)
    except (MissingResource, RefusedWrite, QueryTooLarge):
        return None
