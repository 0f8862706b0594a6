"""`meta work`: the worker on one ticket, as in a replay, but the result is a branch for a reviewer."""

from __future__ import annotations

import tempfile
from pathlib import Path

from meta.context import Context
from meta.errors import MetaError
from meta.records import EnvironmentSpec, Ticket
from meta.replay.environment import build
from worker_agent.__main__ import read_brief
from worker_agent.agent import work
from worker_agent.branch import branch_name, make_branch
from worker_agent.git import GitError, git
from worker_agent.model import ModelMisconfigured
from worker_agent.records import Brief, Event, Submission
from worker_agent.workspace import BadBase, make_template, open_workspace


def work_on(context: Context, name: str, repo: Path | None, base: str) -> None:
    """Run the worker and make a branch of what it submits; `name` is a ticket's id in runs.db or a Markdown file.

    Raises `MetaError` when it does not submit, or when there is no such ticket, repository or commit.
    """
    ticket = _ticket(context, name, repo, base)
    done = run_worker(context, ticket)
    brief = Brief(title=ticket.title, body=ticket.body)
    branch = make_branch(Path(ticket.repo), ticket.base_commit, brief, done, branch_name(brief))
    context.tell(f"\n{done.summary}\n\nbranch {branch} in {ticket.repo}")


def run_worker(context: Context, ticket: Ticket) -> Submission:
    """What the agent in use submits for a ticket. Raises `MetaError` when it does not."""
    repository, brief = Path(ticket.repo), Brief(title=ticket.title, body=ticket.body)
    version = context.versions.head()
    events: list[Event] = []
    try:
        template = make_template(repository, ticket.base_commit, context.settings.cache / "templates")
        environment = build(ticket.environment, repository, ticket.base_commit, context.settings.cache / "environments")
        scratch = context.setting.scratch
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch, prefix="work-", ignore_cleanup_errors=True) as folder:
            done = work(
                brief,
                surface=version.surface,
                model=context.worker_model,
                workspace=open_workspace(template, Path(folder) / "work"),
                sandbox=context.sandbox,
                environment=environment,
                limits=context.settings.replay.limits,
                record=events.append,
            )
    except BadBase as error:
        raise MetaError(str(error), "name another with --repo or --base", code=2) from None
    except ModelMisconfigured as error:
        raise MetaError(f"the model's service refuses: {error}", "check key, model and base_url") from None
    context.tell(f"{done.usage.calls} model calls, {done.usage.tokens:,} tokens, {done.seconds:.0f} s")
    if done.ended != "submitted":
        raise MetaError(
            f"the worker did not submit ({done.ended.replace('_', ' ')}): {done.detail or 'no detail'}",
            "nothing was changed in the repository",
        )
    return done


def _ticket(context: Context, name: str, repo: Path | None, base: str) -> Ticket:
    if known := context.store.ticket(name):
        return known
    path = Path(name)
    if not path.is_file():
        raise MetaError(f"{name!r} is neither a ticket's id nor a file", "see `meta tickets list`", code=2)
    if repo is None:
        raise MetaError(f"{name} does not say which repository it is about", "add --repo PATH", code=2)
    if not repo.is_dir():
        raise MetaError(f"there is no repository at {repo}", "name a clone with --repo", code=2)
    try:
        if base == "HEAD" and git("status", "--porcelain", cwd=repo).strip():
            raise MetaError(
                f"{repo} has uncommitted changes; the worker starts from a commit",
                "commit or stash them, or say --base REV to start from that commit as it is",
            )
        commit = git("rev-parse", "--verify", f"{base}^{{commit}}", cwd=repo).strip()
    except GitError as error:
        raise MetaError(f"{repo}: {error}", "name a git repository and a commit in it", code=2) from None
    brief = read_brief(path.read_text("utf-8", "replace"))
    if not brief.title:
        raise MetaError(f"{path} is empty", "its first line should be the title of the ticket", code=2)
    return Ticket(
        id="file", title=brief.title, body=brief.body, repo=str(repo.resolve()), base_commit=commit,
        environment=EnvironmentSpec(project=False),
    )  # fmt: skip
