"""A made-up GitHub: repositories, pull requests and what people said, in the shape of GitHub's GraphQL answers."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

Data = dict[str, Any]
AGENT = {"__typename": "Bot", "login": "robo"}
"""As GraphQL names the App whose commits are `robo[bot]`'s."""
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def at(hours: float) -> str:
    """A moment, in hours after the beginning."""
    return (START + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def sha(name: object) -> str:
    return hashlib.sha1(str(name).encode()).hexdigest()


def user(login: str) -> Data:
    return {"__typename": "User", "login": login}


def _said(kind: str, who: Data | None, text: str, hours: float, association: str, edits: list[Data]) -> Data:
    return {
        "__typename": kind,
        "id": f"{kind}_{sha((who, text, hours))[:12]}",
        "author": who,
        "authorAssociation": association,
        "body": text,
        "createdAt": at(hours),
        "publishedAt": at(hours),
        "isMinimized": False,
        "minimizedReason": None,
        "lastEditedAt": max((e["editedAt"] for e in edits), default=None),
        "userContentEdits": edits,
    }


def edit(hours: float, text: str | None, deleted: bool = False) -> Data:
    """A version of a text: what it said after this edit."""
    return {"editedAt": at(hours), "deletedAt": at(hours + 1) if deleted else None, "diff": text}


def comment(login: str, text: str, hours: float, association: str = "MEMBER", edits: list[Data] | None = None) -> Data:
    return _said("IssueComment", user(login), text, hours, association, edits or [])


def review(
    login: str, state: str, text: str, hours: float, on: str, *, push: bool = True, association: str = "MEMBER"
) -> Data:
    said = _said("PullRequestReview", user(login), text, hours, association, [])
    return said | {
        "state": state,
        "submittedAt": at(hours),
        "authorCanPushToRepository": push,
        "commit": {"oid": on},
    }


def thread(path: str, line: int, *comments: Data, push: bool = True) -> Data:
    """A review thread on a line; its comments are made with `comment`."""
    lines = [
        c
        | {
            "__typename": "PullRequestReviewComment",
            "path": path,
            "line": line,
            "originalLine": line,
            "outdated": False,
            "originalCommit": None,
            "pullRequestReview": {"id": "PRR_1", "authorCanPushToRepository": push},
        }
        for c in comments
    ]
    return {
        "__typename": "PullRequestReviewThread",
        "id": f"PRRT_{sha((path, line, len(lines)))[:12]}",
        "path": path,
        "line": line,
        "originalLine": line,
        "isResolved": False,
        "comments": lines,
    }


def commit(
    name: object,
    who: str,
    message: str,
    hours: float,
    *,
    checks: str | None = "SUCCESS",
    parents: int = 1,
    mail: str = "",
) -> Data:
    """A commit as it stands in a pull request; `who` ending in [bot] has no account of a person."""
    person = None if who.endswith("[bot]") else {"__typename": "User", "login": who}
    return {
        "commit": {
            "oid": sha(name),
            "message": message,
            "committedDate": at(hours),
            "parents": [{}] * parents,
            "author": {"name": who, "email": mail or f"{who}@users.example", "user": person},
            "committer": {"name": who, "email": mail or f"{who}@users.example"},
            "statusCheckRollup": {"state": checks} if checks else None,
        }
    }


def event(kind: str, login: str, hours: float, **more: Any) -> Data:
    return {
        "__typename": kind,
        "id": f"E_{sha((kind, hours))[:10]}",
        "createdAt": at(hours),
        "actor": user(login),
        **more,
    }


def cross_reference(
    number: int,
    title: str,
    body: str,
    hours: float,
    *,
    merged: bool = True,
    base: str = "main",
    elsewhere: bool = False,
) -> Data:
    """Another pull request that mentions this one."""
    source = {
        "__typename": "PullRequest",
        "number": number,
        "title": title,
        "body": body,
        "merged": merged,
        "mergedAt": at(hours) if merged else None,
        "baseRefName": base,
        "mergeCommit": {"oid": sha(title)},
        "repository": {"nameWithOwner": "team/app"},
    }
    return event("CrossReferencedEvent", "ann", hours, isCrossRepository=elsewhere, source=source)


def pull(number: int, state: str = "MERGED", **changed: Any) -> Data:
    """A pull request of the agent: one commit, merged an hour after it was opened unless said otherwise."""
    opened = float(number)
    made: Data = {
        "__typename": "PullRequest",
        "id": f"PR_{number}",
        "number": number,
        "title": f"Fix thing {number}",
        "url": f"https://github.example/team/app/pull/{number}",
        "state": state,
        "merged": state == "MERGED",
        "body": "Done by the agent.",
        "createdAt": at(opened),
        "updatedAt": at(opened + 2),
        "closedAt": None if state == "OPEN" else at(opened + 1),
        "mergedAt": at(opened + 1) if state == "MERGED" else None,
        "baseRefName": "main",
        "baseRefOid": sha("base"),
        "author": AGENT,
        "authorAssociation": "NONE",
        "isCrossRepository": False,
        "mergeCommit": {"oid": sha(f"merge {number}"), "message": f"Fix thing {number} (#{number})"}
        if state == "MERGED"
        else None,
        "labels": [],
        "closingIssuesReferences": [],
        "comments": [],
        "reviews": [],
        "reviewThreads": [],
        "commits": [commit(f"{number}.1", "robo[bot]", f"Fix thing {number}", opened)],
        "timelineItems": [event("MergedEvent" if state == "MERGED" else "ClosedEvent", "ann", opened + 1)]
        if state != "OPEN"
        else [],
    }
    made |= changed
    made.setdefault("headRefOid", made["commits"][-1]["commit"]["oid"])
    return made


def issue(number: int, title: str, state: str = "CLOSED", reason: str | None = "COMPLETED", **changed: Any) -> Data:
    return {
        "__typename": "Issue",
        "id": f"I_{number}",
        "number": number,
        "title": title,
        "body": "",
        "state": state,
        "stateReason": reason,
        "url": f"https://github.example/team/app/issues/{number}",
        "createdAt": at(0),
        "publishedAt": at(0),
        "lastEditedAt": None,
        "userContentEdits": [],
        "author": user("eve"),
        "authorAssociation": "NONE",
        "comments": [],
        "labels": [],
        "repository": {"nameWithOwner": "team/app"},
        "isMinimized": False,
        "timelineItems": [],
        **changed,
    }
