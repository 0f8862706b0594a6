"""From an issue to a pull request: read, work, push, open, report.

No step is done twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from feedback.github.client import GitHubClient
from feedback.problems import FeedbackError
from meta.errors import MetaError
from meta.forges.github.address import IssuePlace, connect_github, find_clone
from meta.forges.github.issue import Issue, read_issue
from meta.forges.github.pull_request import PullRequestLink, find_pull_request, neutralize_markup, open_pull_request
from meta.forges.github.remote import OriginRemote
from meta.project import Project
from meta.records.ticket import EnvironmentSpec, Ticket
from meta.surfaces.versions import VersionHistory
from worker_agent.branch import VERSION_TRAILER, make_branch
from worker_agent.git import run_git
from worker_agent.records import Submission

REPORT_MARK = "<!-- meta: report -->"
"""How the comment on an issue begins; it is looked for, so that there is one however often this runs."""


@dataclass(frozen=True)
class IssueDelivery:
    """Works on issues with the agent in use.

    `submit` has it work on a ticket and returns what it hands in.
    """

    project: Project
    versions: VersionHistory
    submit: Callable[[Ticket], Submission]

    def deliver(
        self, place: IssuePlace, *, draft: bool = False, as_of: datetime | None = None, pr: bool = True
    ) -> PullRequestLink | None:
        """Work on an issue and open a pull request.

        Without `pr`, only a branch is made, and the result is `None`. A second run opens no second pull request: it
        names the open one, or opens one for what was pushed. `as_of` is when the work was asked for; what was written
        later is not read. Raises `MetaError`.
        """
        try:
            with connect_github(self.project.settings.github, self.project.report) as client:
                return self._deliver(client, place, draft, as_of, pr)
        except FeedbackError as error:
            raise MetaError(str(error)) from None

    def _deliver(
        self, client: GitHubClient, place: IssuePlace, draft: bool, as_of: datetime | None, pr: bool
    ) -> PullRequestLink | None:
        branch, report = f"work/issue-{place.number}", self.project.report
        if pr and (known := find_pull_request(client, place.repository, branch)):
            report(f"this issue already has a pull request: {known.url}")
            _comment_once(client, place, known)
            return known
        clone = find_clone(self.project.settings, place.repository)
        issue = read_issue(client, place, as_of)
        origin = OriginRemote(clone, self.project.settings.github, report)
        base = origin.fetch_branch(issue.main)
        if base is None:
            raise MetaError(f"{clone}: origin has no branch {issue.main}", "check the clone's remote `origin`")
        if pr and (pushed := origin.fetch_branch(branch)):
            report(f"branch {branch} was pushed before; opening a pull request for it")
            message = run_git("log", "-1", "--format=%B", pushed, cwd=clone)
            body = _description(issue, message.partition("\n")[2], self.versions.head().id)
            return _open_and_comment(client, place, branch, issue, body, draft)
        done = self.submit(_ticket_of(issue, place, clone, base))
        name = make_branch(clone, base, issue.brief, done, branch)
        report(f"\n{done.summary}\n\nbranch {name} in {clone}")
        if not pr:
            return None
        origin.push_commit(run_git("rev-parse", f"refs/heads/{name}", cwd=clone).strip(), branch)
        body = _description(issue, done.summary, done.version, done)
        return _open_and_comment(client, place, branch, issue, body, draft)


def _ticket_of(issue: Issue, place: IssuePlace, clone: Path, base: str) -> Ticket:
    brief = issue.brief
    return Ticket(
        id=f"issue-{place.number}",
        title=brief.title,
        body=brief.body,
        repo=str(clone),
        base_commit=base,
        environment=EnvironmentSpec(project=False),
        source=f"issue:{place}",
    )


def _open_and_comment(
    client: GitHubClient, place: IssuePlace, branch: str, issue: Issue, body: str, draft: bool
) -> PullRequestLink:
    title = issue.title
    opened = open_pull_request(client, place.repository, branch, base=issue.main, title=title, body=body, draft=draft)
    _comment_once(client, place, opened)
    return opened


def _comment_once(client: GitHubClient, place: IssuePlace, opened: PullRequestLink) -> None:
    """Name the pull request in one comment on the issue, however often this runs."""
    path = f"repos/{place.repository}/issues/{place.number}/comments"
    for page in range(1, 11):
        found = client.get(path, per_page=100, page=page)
        comments = found if isinstance(found, list) else []
        if any(isinstance(c, dict) and str(c.get("body") or "").startswith(REPORT_MARK) for c in comments):
            return
        if len(comments) < 100:
            break
    text = f"The worker opened #{opened.number}. Review it like anyone else's: it learns from reviews, not from chat."
    client.post(path, {"body": f"{REPORT_MARK}\n{text}"})


def _description(issue: Issue, summary: str, version: str, done: Submission | None = None) -> str:
    """What was done, how it was checked, what is uncertain, and which version of the agent did it."""
    lines = [line for line in summary.strip().splitlines() if not line.startswith(f"{VERSION_TRAILER}:")]
    if done:
        model = neutralize_markup(done.model or "unknown")
        how = f"{done.usage.calls} model calls, {done.seconds:.0f} s, answered by `{model}`."
    else:
        how = "An earlier run wrote it and was stopped before it could open this pull request."
    return "\n\n".join(
        [
            f"Closes #{issue.facts.number}.",
            "### What was done\n\n" + (neutralize_markup("\n".join(lines)) or "The worker left no summary."),
            "### How it was checked\n\nThe worker ran the repository's own checks in a sandbox without network,"
            " and they are no worse than before. Nobody has looked at it yet. " + how,
            "### What is uncertain\n\nThe issue was read as it stood when the work was asked for; anything written"
            " later was not read. A program wrote this change: read the tests first, and say in a review what is"
            " wrong.",
            f"{VERSION_TRAILER}: {version}",
        ]
    )
