"""Writes the reviews of the agent's pull requests as a JSONL export.

`meta ingest-feedback` reads it; see `feedback.jsonl`. It names no causes: the reviewers' words have to show them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from meta.demo.folders import DEMO_REPOSITORY, DemoFolders
from meta.demo.git_objects import read_diffs
from meta.demo.past import AGENT_PERSON, DemoPull


def write_reviews(folders: DemoFolders, pulls: Sequence[DemoPull], version: str) -> None:
    """Write the export, a line for each pull request."""
    landed = [pull for pull in pulls if pull.merged]
    pairs = [(pull.base, pull.submitted) for pull in pulls]
    pairs += [(pull.base, pull.merged or "") for pull in landed]
    pairs += [(pull.submitted, pull.merged or "") for pull in landed]
    found = read_diffs(folders.project, pairs)
    submitted = found[: len(pulls)]
    merged = dict(zip((pull.change.number for pull in landed), found[len(pulls) :], strict=False))
    revision = dict(zip((pull.change.number for pull in landed), found[len(pulls) + len(landed) :], strict=True))
    with folders.reviews.open("w", encoding="utf-8") as lines:
        for pull, diff in zip(pulls, submitted, strict=True):
            line = _line(pull, version) | {"submitted_diff": diff}
            if pull.merged:
                number, same = pull.change.number, pull.head == pull.submitted
                line |= {"merged_sha": pull.merged, "same_as_head": True, "same_as_first": same}
                line |= {"merged_diff": merged[number], "revision": revision[number]}
            lines.write(json.dumps(line, ensure_ascii=False) + "\n")


def _line(pull: DemoPull, version: str) -> dict[str, Any]:
    change = pull.change
    return {
        "repository": DEMO_REPOSITORY,
        "number": change.number,
        "title": change.title,
        "outcome": change.outcome,
        "url": f"https://forge.example.invalid/{DEMO_REPOSITORY}/pull/{change.number}",
        "agent": f"{AGENT_PERSON.name} <{AGENT_PERSON.email}>",
        "author": AGENT_PERSON.name,
        "version": version,
        "opened_at": pull.opened_at.isoformat(),
        "submitted_at": pull.opened_at.isoformat(),
        "closed_at": pull.closed_at.isoformat(),
        "base_sha": pull.base,
        "first_sha": pull.submitted,
        "submitted_sha": pull.submitted,
        "head_sha": pull.head,
        "comments": [
            {"author": words.author, "text": words.text, "association": "MEMBER", "when": when.isoformat()}
            | _place(words.place)
            for when, words in zip(_times(pull), change.review, strict=True)
        ],
    }


def _times(pull: DemoPull) -> list[datetime]:
    return [pull.closed_at + timedelta(minutes=30 * (i - 1)) for i, _ in enumerate(pull.change.review)]


def _place(place: str | None) -> dict[str, Any]:
    if not place:
        return {}
    path, _, line = place.rpartition(":")
    return {"path": path, "line": int(line)}
