"""From feedback sources into runs.db: incremental, each outcome durable before the next is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from feedback.git.plain_git import PlainGit, has_pulls
from feedback.identity import AgentIdentity
from feedback.jsonl import JsonlExport
from feedback.problems import FeedbackError
from feedback.source import Cursor, FeedbackSource
from meta.app import Context
from meta.errors import MetaError

GITHUB_SOURCE = "github"
"""As a source: every repository of meta.toml that has a name; `github:owner/name` is one of them, or any other."""


@dataclass
class IngestResult:
    """What one source gave."""

    source: str
    changed: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    failure: str = ""
    """Why it could not be read, or not to its end; what came before that is stored."""


def open_sources(context: Context, given: list[str]) -> Iterator[FeedbackSource]:
    """The sources of meta.toml, or those given: a folder is a clone, a file is a JSONL export, `github` is GitHub."""
    settings = context.settings
    if given:
        for name in given:
            yield from _given(context, name)
        return
    for repository in settings.repositories:
        path = settings.root / repository.path
        if not (repository.github or repository.export) or has_pulls(path):
            yield PlainGit(path, agent_identity_of(context), repository=repository.name or None, main=repository.main)
        else:
            context.tell(f"{path} has no pull requests' heads; what is known of them comes from elsewhere alone")
        if repository.github:
            yield _github(context, repository.name)
        if repository.export:
            yield JsonlExport(settings.root / repository.export)


def _given(context: Context, name: str) -> Iterator[FeedbackSource]:
    named = [r.name for r in context.settings.repositories if r.name]
    if name == GITHUB_SOURCE:
        if not named:
            raise MetaError("no repository in meta.toml has a name", "add it, or say github:owner/name", code=2)
        yield from (_github(context, repository) for repository in named)
        return
    if name.startswith(f"{GITHUB_SOURCE}:"):
        yield _github(context, name.partition(":")[2])
        return
    path = Path(name)
    if not path.exists():
        raise MetaError(f"there is no {name}", "name a clone with pull refs, a JSONL export, or github", code=2)
    yield PlainGit(path, agent_identity_of(context)) if path.is_dir() else JsonlExport(path)


def agent_identity_of(context: Context) -> AgentIdentity:
    """How the agent's pull requests are known."""
    agent = context.settings.agent
    return AgentIdentity(authors=agent.authors, co_authors=agent.co_authors, labels=agent.labels)


def _github(context: Context, repository: str) -> FeedbackSource:
    from feedback.github.github_source import GitHubSource

    clones = {r.name for r in context.settings.repositories if has_pulls(context.settings.root / r.path)}

    def save_cursor(cursor: Cursor) -> None:
        context.store.outcomes.set_cursor(cursor.source, cursor.model_dump_json())

    try:
        return GitHubSource(
            repository,
            agent_identity_of(context),
            context.settings.github.access,
            diffs=repository not in clones,
            save_cursor=save_cursor,
            report=context.tell,
        )
    except FeedbackError as error:
        raise MetaError(str(error), 'write name = "owner/name" in [[repositories]]', code=2) from None


def ingest_feedback(context: Context, given: list[str]) -> list[IngestResult]:
    """Read every source from where the last time ended. Raises `MetaError` when one could not be read, once all others
    have been."""
    results = read_all_sources(context, given)
    if failed := [r.failure for r in results if r.failure]:
        raise MetaError("\n".join(failed))
    return results


def read_all_sources(context: Context, given: list[str]) -> list[IngestResult]:
    """The same; what could not be read stands in the result. One source that fails keeps no other from being read."""
    results = [_read(context, source) for source in open_sources(context, given)]
    if not given and context.settings.github.agent_repository:
        results.append(_proposals(context))
    return results


def _read(context: Context, source: FeedbackSource) -> IngestResult:
    outcomes, result = context.store.outcomes, IngestResult(source.name)
    known = outcomes.cursor(source.name)
    try:
        for outcome in source.outcomes(Cursor.model_validate_json(known) if known else None):
            if changed := outcomes.add_part(outcome, source.name):
                result.changed += 1
                result.kinds[changed.kind.value] += 1
        if source.cursor:
            outcomes.set_cursor(source.name, source.cursor.model_dump_json())
    except FeedbackError as error:
        result.failure = str(error)
    result.problems = [str(p) for p in getattr(source, "problems", [])]
    return result


def _proposals(context: Context) -> IngestResult:
    """What people said of published proposals on the agent's own repository."""
    from meta.forges.github.proposal_feedback import read_proposal_feedback

    result = IngestResult(f"proposals:{context.settings.github.agent_repository}")
    try:
        for proposal in read_proposal_feedback(context):
            result.changed += 1
            result.kinds[f"proposal {proposal.status}"] += 1
            context.tell(f"proposal {proposal.id} is {proposal.status}: {proposal.reason}")
    except FeedbackError as error:
        result.failure = str(error)
    return result
