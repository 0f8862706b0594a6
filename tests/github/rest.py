"""Answers of GitHub's REST API over a made-up world, each with all that its description requires."""

from __future__ import annotations

import base64
from typing import Any

from tests.github.world import at, sha

Data = dict[str, Any]
_USERS = "avatar events followers following gists organizations received_events repos starred subscriptions"
_REPOSITORIES = (
    "archive assignees blobs branches collaborators comments commits compare contents contributors deployments"
    " downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels"
    " languages merges milestones notifications pulls releases stargazers statuses subscribers subscription"
    " tags teams trees"
)
_COUNTS = "forks forks_count open_issues open_issues_count size stargazers_count watchers watchers_count"
_SWITCHES = "archived disabled fork private has_discussions has_downloads has_issues has_pages has_projects has_wiki"


def missing() -> Data:
    return {"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}


def refused(message: str) -> Data:
    """Why a write is not done (HTTP 422)."""
    return {"message": message, "documentation_url": "https://docs.github.com/rest", "status": "422"}


def account(url: str, login: str) -> Data:
    api = f"{url}/users/{login}"
    kind = "Bot" if login.endswith("[bot]") else "User"
    named = {"login": login, "type": kind, "site_admin": False, "gravatar_id": ""}
    return {**_identified(login), **named, **_addresses(api, _USERS), "url": api, "html_url": f"{url}/{login}"}


def permission(url: str, login: str, role: str) -> Data:
    """What somebody may do with a repository: its own roles fold into GitHub's old four words."""
    old = {"maintain": "write", "triage": "read"}.get(role, role)
    return {"permission": old, "role_name": role, "user": account(url, login) | {"role_name": role}}


def repository(url: str, name: str, main: str) -> Data:
    api, web = f"{url}/repos/{name}", f"{url}/{name}"
    owner, _, short = name.partition("/")
    return {
        **_identified(name),
        "name": short,
        "full_name": name,
        "owner": account(url, owner),
        "default_branch": main,
        **_addresses(api, _REPOSITORIES),
        "url": api,
        "html_url": web,
        "clone_url": f"{web}.git",
        "svn_url": web,
        "git_url": f"git://git.example/{name}.git",
        "ssh_url": f"git@git.example:{name}.git",
        **dict.fromkeys(_COUNTS.split(), 0),
        **dict.fromkeys(_SWITCHES.split(), False),
        **dict.fromkeys(("description", "homepage", "language", "license", "mirror_url")),
        **dict.fromkeys(("created_at", "updated_at", "pushed_at"), at(0)),
    }


def whole_repository(url: str, name: str, main: str) -> Data:
    """As it is given when it is asked for alone."""
    return repository(url, name, main) | {"network_count": 0, "subscribers_count": 0}


def listed_pull(url: str, name: str, main: str, asked: Data, number: int, by: str = "robo[bot]") -> Data:
    """The open pull request that somebody asked for, as in a list: `asked` is the body of that request."""
    api, web = f"{url}/repos/{name}", f"{url}/{name}"
    statuses, issue, api = f"{api}/statuses/{sha(number)}", f"{api}/issues/{number}", f"{api}/pulls/{number}"
    addresses = {
        "url": api,
        "html_url": f"{web}/pull/{number}",
        "issue_url": issue,
        "comments_url": f"{issue}/comments",
        "commits_url": f"{api}/commits",
        "review_comments_url": f"{api}/comments",
        "review_comment_url": f"{api}/comments{{/number}}",
        "statuses_url": statuses,
    }
    links = {
        n: {"href": addresses[f"{n}_url"]}
        for n in ("comments", "commits", "html", "issue", "review_comment", "review_comments", "statuses")
    }
    author = account(url, by)
    return {
        **_identified(api),
        **addresses,
        "_links": links | {"self": {"href": api}},
        "number": number,
        "state": "open",
        "diff_url": f"{web}/pull/{number}.diff",
        "patch_url": f"{web}/pull/{number}.patch",
        "title": asked["title"],
        "body": asked["body"],
        "draft": asked.get("draft", False),
        "user": author,
        "author_association": "CONTRIBUTOR",
        "created_at": at(number),
        "updated_at": at(number),
        "locked": False,
        "labels": [],
        "head": _end(url, name, main, asked["head"]),
        "base": _end(url, name, main, asked["base"]),
        **dict.fromkeys(("assignee", "auto_merge", "closed_at", "merged_at", "merge_commit_sha", "milestone")),
    }


def whole_pull(listed: Data) -> Data:
    """The same as it is given when it is opened, or asked for alone."""
    counts = dict.fromkeys(("additions", "changed_files", "comments", "commits", "deletions", "review_comments"), 0)
    state = {"mergeable": None, "mergeable_state": "unknown", "merged": False, "merged_by": None}
    return {**listed, **counts, **state, "maintainer_can_modify": False}


def issue_comment(url: str, name: str, issue: int, number: int, text: str, by: str = "robo[bot]") -> Data:
    api = f"{url}/repos/{name}/issues/comments/{number}"
    return {
        **_identified(api),
        "id": number,
        "url": api,
        "issue_url": f"{url}/repos/{name}/issues/{issue}",
        "html_url": f"{url}/{name}/issues/{issue}#issuecomment-{number}",
        "user": account(url, by),
        "body": text,
        "author_association": "CONTRIBUTOR",
        "created_at": at(number),
        "updated_at": at(number),
    }


def _end(url: str, name: str, main: str, branch: str) -> Data:
    """One of the two branches of a pull request."""
    owner = name.partition("/")[0]
    return {
        "label": f"{owner}:{branch}",
        "ref": branch,
        "sha": sha(branch),
        "user": account(url, owner),
        "repo": repository(url, name, main),
    }


def _identified(name: str) -> Data:
    return {"id": int(sha(name)[:7], 16), "node_id": base64.b64encode(name.encode()).decode()}


def _addresses(api: str, names: str) -> Data:
    return {f"{name}_url": f"{api}/{name}" for name in names.split()}
