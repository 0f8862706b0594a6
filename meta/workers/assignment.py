"""`meta work`: the worker on one ticket, as in a replay, but the result is a branch for a reviewer."""

from __future__ import annotations

from pathlib import Path

from meta.app import Context
from meta.errors import MetaError
from meta.records.ticket import EnvironmentSpec, Ticket
from meta.workers.own_worker import run_worker
from worker_agent.__main__ import read_brief
from worker_agent.branch import branch_name, make_branch
from worker_agent.git import GitError, run_git, run_git_as_user
from worker_agent.records import Brief


def work_on_ticket(context: Context, name: str, repo: Path | None, base: str) -> None:
    """Run the worker and make a branch of what it submits; `name` is a ticket's id in runs.db or a Markdown file.

    Raises `MetaError` when it does not submit, or when there is no such ticket, repository or commit.
    """
    ticket = _ticket(context, name, repo, base)
    done = run_worker(context, ticket)
    brief = Brief(title=ticket.title, body=ticket.body)
    branch = make_branch(Path(ticket.repo), ticket.base_commit, brief, done, branch_name(brief))
    context.tell(f"\n{done.summary}\n\nbranch {branch} in {ticket.repo}")


def _ticket(context: Context, name: str, repo: Path | None, base: str) -> Ticket:
    if known := context.store.tickets.find(name):
        return known
    path = Path(name)
    if not path.is_file():
        raise MetaError(f"{name!r} is neither a ticket's id nor a file", "see `meta tickets list`", code=2)
    if repo is None:
        raise MetaError(f"{name} does not say which repository it is about", "add --repo PATH", code=2)
    if not repo.is_dir():
        raise MetaError(f"there is no repository at {repo}", "name a clone with --repo", code=2)
    try:
        if base == "HEAD" and run_git_as_user("status", "--porcelain", cwd=repo).strip():
            raise MetaError(
                f"{repo} has uncommitted changes; the worker starts from a commit",
                "commit or stash them, or say --base REV to start from that commit as it is",
            )
        commit = run_git("rev-parse", "--verify", f"{base}^{{commit}}", cwd=repo).strip()
    except GitError as error:
        raise MetaError(f"{repo}: {error}", "name a git repository and a commit in it", code=2) from None
    brief = read_brief(path.read_text("utf-8", "replace"))
    if not brief.title:
        raise MetaError(f"{path} is empty", "its first line should be the title of the ticket", code=2)
    return Ticket(
        id="file",
        title=brief.title,
        body=brief.body,
        repo=str(repo.resolve()),
        base_commit=commit,
        environment=EnvironmentSpec(project=False),
    )
