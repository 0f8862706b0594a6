"""Works on one ticket as in a replay, and makes a branch for a reviewer."""

from __future__ import annotations

from pathlib import Path

from meta.environments.workshop import Workshop
from meta.errors import ExitCode, MetaError
from meta.gateway.models import explain_service_errors
from meta.project import Report
from meta.records.ticket import EnvironmentSpec, Ticket
from meta.store.tickets import Tickets
from meta.workers.own_worker import OwnWorker
from worker_agent.__main__ import read_brief
from worker_agent.branch import branch_name, make_branch
from worker_agent.git import GitError, run_git, run_git_as_user
from worker_agent.records import Brief, Submission
from worker_agent.surface import Surface
from worker_agent.workspace import BadBase


def work_on_ticket(ticket: Ticket, surface: Surface, worker: OwnWorker, workshop: Workshop, report: Report) -> None:
    """Let the worker submit a change, and make a branch of it.

    Raises `MetaError` when it submits nothing.
    """
    done = submit_change(ticket, surface, worker, workshop, report)
    brief = Brief(title=ticket.title, body=ticket.body)
    branch = make_branch(Path(ticket.repo), ticket.base_commit, brief, done, branch_name(brief))
    report(f"\n{done.summary}\n\nbranch {branch} in {ticket.repo}")


def submit_change(
    ticket: Ticket, surface: Surface, worker: OwnWorker, workshop: Workshop, report: Report
) -> Submission:
    """Return what the worker submits. Raises `MetaError` when it submits nothing."""
    try:
        with (
            explain_service_errors("nothing was changed"),
            workshop.bench(Path(ticket.repo), ticket.base_commit, ticket.environment) as bench,
        ):
            done = worker.work(ticket, surface, bench)
    except BadBase as error:
        raise MetaError(str(error), "name another with --repo or --base", ExitCode.USAGE) from None
    report(f"{done.usage.calls} model calls, {done.usage.tokens:,} tokens, {done.seconds:.0f} s")
    if done.ended != "submitted":
        raise MetaError(
            f"the worker did not submit ({done.ended.replace('_', ' ')}): {done.detail or 'no detail'}",
            "nothing was changed in the repository",
        )
    return done


def find_assignment(tickets: Tickets, name: str, repo: Path | None, base: str) -> Ticket:
    """Return the ticket with the id `name`, or the one in that Markdown file.

    A file needs `repo`, and the work starts from its commit `base`. Raises `MetaError` when the ticket, repository or
    commit is missing.
    """
    if known := tickets.find(name):
        return known
    path = Path(name)
    if not path.is_file():
        raise MetaError(f"{name!r} is neither a ticket's id nor a file", "see `meta tickets list`", ExitCode.USAGE)
    if repo is None:
        raise MetaError(f"{name} does not say which repository it is about", "add --repo PATH", ExitCode.USAGE)
    if not repo.is_dir():
        raise MetaError(f"no repository found at {repo}", "name a clone with --repo", ExitCode.USAGE)
    commit = _find_base(repo, base)
    brief = read_brief(path.read_text("utf-8", "replace"))
    if not brief.title:
        raise MetaError(f"{path} is empty", "its first line should be the title of the ticket", ExitCode.USAGE)
    return Ticket(
        id="file",
        title=brief.title,
        body=brief.body,
        repo=str(repo.resolve()),
        base_commit=commit,
        environment=EnvironmentSpec(project=False),
    )


def _find_base(repo: Path, base: str) -> str:
    try:
        if base == "HEAD" and run_git_as_user("status", "--porcelain", cwd=repo).strip():
            raise MetaError(
                f"{repo} has uncommitted changes; the worker starts from a commit",
                "commit or stash them, or say --base REV to start from that commit as it is",
            )
        return run_git("rev-parse", "--verify", f"{base}^{{commit}}", cwd=repo).strip()
    except GitError as error:
        raise MetaError(f"{repo}: {error}", "name a git repository and a commit in it", ExitCode.USAGE) from None
