"""From an issue to a pull request: read, work, push, open, report. Each step looks whether it was already done."""

from __future__ import annotations

from datetime import datetime

from feedback.github.client import GitHubClient
from feedback.problems import FeedbackError
from meta.app import Context
from meta.errors import MetaError
from meta.forges.github import remote
from meta.forges.github.address import IssuePlace, connect_github, repository_settings_of
from meta.forges.github.issue import Issue, read_issue
from meta.forges.github.pull_request import PullRequestLink, find_pull_request, neutralize_markup, open_pull_request
from meta.records.ticket import EnvironmentSpec, Ticket
from meta.workers.assignment import submit_change
from worker_agent.branch import VERSION_TRAILER, make_branch
from worker_agent.git import run_git
from worker_agent.records import Submission

REPORT_MARK = "<!-- meta: report -->"


def deliver_issue(
    context: Context, place: IssuePlace, *, draft: bool = False, as_of: datetime | None = None, pr: bool = True
) -> PullRequestLink | None:
    """Work on an issue and open a pull request; with `pr` false only a branch is made. Raises `MetaError`.

    Run again it opens no second one: what was pushed is used, and what is open is named.
    """
    try:
        with connect_github(context) as client:
            return _deliver(context, client, place, draft, as_of, pr)
    except FeedbackError as error:
        raise MetaError(str(error)) from None


def _deliver(
    context: Context, client: GitHubClient, place: IssuePlace, draft: bool, as_of: datetime | None, pr: bool
) -> PullRequestLink | None:
    branch = f"work/issue-{place.number}"
    if pr and (known := find_pull_request(client, place.repository, branch)):
        context.tell(f"there is a pull request for this issue already: {known.url}")
        _report(client, place, known)
        return known
    settings = repository_settings_of(context, place.repository)
    clone = (context.settings.root / settings.path).resolve()
    if not clone.is_dir():
        raise MetaError(f"there is no clone at {clone}", f"git clone {place.repository} there", code=2)
    issue = read_issue(client, place, as_of)
    base = remote.fetch_branch(context, clone, issue.main)
    if base is None:
        raise MetaError(f"{clone}: origin has no branch {issue.main}", "check the clone's remote `origin`")
    pushed = remote.fetch_branch(context, clone, branch) if pr else None
    if pushed:
        context.tell(f"branch {branch} was pushed before; a pull request is opened for it")
        message = run_git("log", "-1", "--format=%B", pushed, cwd=clone)
        body = _body(issue, message.partition("\n")[2], context, None)
        return _open(client, place, branch, issue, body, draft)
    ticket, surface = _ticket(issue, place, str(clone), base), context.versions.head().surface
    done = submit_change(ticket, surface, context.worker, context.workshop, context.tell)
    name = make_branch(clone, base, issue.brief, done, branch)
    context.tell(f"\n{done.summary}\n\nbranch {name} in {clone}")
    if not pr:
        return None
    remote.push_commit(context, clone, run_git("rev-parse", f"refs/heads/{name}", cwd=clone).strip(), branch)
    return _open(client, place, branch, issue, _body(issue, done.summary, context, done), draft)


def _ticket(issue: Issue, place: IssuePlace, repository: str, base: str) -> Ticket:
    brief = issue.brief
    return Ticket(
        id=f"issue-{place.number}",
        title=brief.title,
        body=brief.body,
        repo=repository,
        base_commit=base,
        environment=EnvironmentSpec(project=False),
        source=f"issue:{place.repository}#{place.number}",
    )


def _open(
    client: GitHubClient, place: IssuePlace, branch: str, issue: Issue, body: str, draft: bool
) -> PullRequestLink:
    title = issue.title
    opened = open_pull_request(client, place.repository, branch, base=issue.main, title=title, body=body, draft=draft)
    _report(client, place, opened)
    return opened


def _report(client: GitHubClient, place: IssuePlace, opened: PullRequestLink) -> None:
    """One comment on the issue, however often this runs."""
    path = f"repos/{place.repository}/issues/{place.number}/comments"
    for page in range(1, 11):
        found = client.get(path, per_page=100, page=page)
        comments = found if isinstance(found, list) else []
        if any(isinstance(c, dict) and str(c.get("body") or "").startswith(REPORT_MARK) for c in comments):
            return
        if len(comments) < 100:
            break
    text = (
        f"The worker opened #{opened.number}. Review it as you would anybody's: it learns from reviews, not from chat."
    )
    client.post(path, {"body": f"{REPORT_MARK}\n{text}"})


def _body(issue: Issue, summary: str, context: Context, done: Submission | None) -> str:
    """What was done, how it was checked, what is uncertain, and which version of the agent did it."""
    version = done.version if done else context.versions.head().id
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
            "### How it was checked\n\nThe worker ran what the repository's own checks are for it, in a sandbox without"
            " network, and they are no worse than before. Nobody has looked at it yet. " + how,
            "### What is uncertain\n\nThe issue was read as it stood when the work was asked for; what was written"
            " later is not in it. A program wrote this change: read the tests first, and say what is wrong in a"
            " review.",
            f"{VERSION_TRAILER}: {version}",
        ]
    )
