"""Read what is new in the sources of feedback into runs.db.

Each outcome is durable before the next is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from feedback.git.plain_git import PlainGit, has_pulls
from feedback.identity import AgentIdentity
from feedback.jsonl import JsonlExport
from feedback.problems import FeedbackError
from feedback.source import Cursor, FeedbackSource
from meta.errors import ExitCode, MetaError
from meta.project import Project
from meta.settings import Settings
from meta.store.outcomes import Outcomes
from meta.store.store import Store

GITHUB_SOURCE = "github"
"""As a source: every repository of meta.toml that has a name. `github:owner/name` is one repository, listed or not."""

KeepCursor = Callable[[Cursor], None]
"""Stores how far a source has been read."""


@dataclass
class IngestResult:
    """What one source gave."""

    source: str
    changed: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    failure: str = ""
    """Why it could not be read, or not to its end; what came before is stored."""


def ingest_feedback(store: Store, project: Project, given: list[str]) -> list[IngestResult]:
    """Read every source.

    Raises `MetaError` for those that failed, once all others have been read.
    """
    results = read_all_sources(store, project, given)
    if failed := [r.failure for r in results if r.failure]:
        raise MetaError("\n".join(failed))
    return results


def read_all_sources(store: Store, project: Project, given: list[str]) -> list[IngestResult]:
    """Read the sources of meta.toml, or those given, from where the last run ended.

    A source that fails says so in its result and keeps no other from being read. Raises `MetaError` for a source that
    there is not.
    """

    def keep(cursor: Cursor) -> None:
        store.outcomes.set_cursor(cursor.source, cursor.model_dump_json())

    results = [_read_source(store.outcomes, source, keep) for source in open_sources(project, given, keep)]
    if not given and project.settings.github.agent_repository:
        results.append(_read_proposals(store, project))
    return results


def open_sources(project: Project, given: list[str], keep: KeepCursor) -> Iterator[FeedbackSource]:
    """Open the sources of meta.toml, or those given.

    A folder is a clone, a file is a JSONL export, and `github` is GitHub. `keep` gets the cursor of a source that is
    read page by page.
    """
    settings = project.settings
    if given:
        for name in given:
            yield from _open_given(project, name, keep)
        return
    for repository in settings.repositories:
        path = settings.root / repository.path
        if not (repository.github or repository.export) or has_pulls(path):
            yield PlainGit(path, agent_identity_of(settings), repository=repository.name or None, main=repository.main)
        else:
            project.report(f"{path} has no refs of pull requests, so all that is known of them comes from elsewhere")
        if repository.github:
            yield _open_github(project, repository.name, keep)
        if repository.export:
            yield JsonlExport(settings.root / repository.export)


def agent_identity_of(settings: Settings) -> AgentIdentity:
    """How to recognise the agent's pull requests."""
    agent = settings.agent
    return AgentIdentity(authors=agent.authors, co_authors=agent.co_authors, labels=agent.labels)


def _open_given(project: Project, name: str, keep: KeepCursor) -> Iterator[FeedbackSource]:
    if name == GITHUB_SOURCE:
        named = [r.name for r in project.settings.repositories if r.name]
        if not named:
            raise MetaError(
                "no repository in meta.toml has a name", "add it, or give github:owner/name", ExitCode.USAGE
            )
        yield from (_open_github(project, repository, keep) for repository in named)
        return
    if name.startswith(f"{GITHUB_SOURCE}:"):
        yield _open_github(project, name.partition(":")[2], keep)
        return
    path = Path(name)
    if not path.exists():
        raise MetaError(
            f"there is no {name}", "give a clone with refs of pull requests, a JSONL export, or github", ExitCode.USAGE
        )
    yield PlainGit(path, agent_identity_of(project.settings)) if path.is_dir() else JsonlExport(path)


def _open_github(project: Project, repository: str, keep: KeepCursor) -> FeedbackSource:
    from feedback.github.github_source import GitHubSource

    settings = project.settings
    clones = {r.name for r in settings.repositories if has_pulls(settings.root / r.path)}
    try:
        return GitHubSource(
            repository,
            agent_identity_of(settings),
            settings.github.access,
            diffs=repository not in clones,
            save_cursor=keep,
            report=project.report,
        )
    except FeedbackError as error:
        raise MetaError(str(error), 'set name = "owner/name" in [[repositories]]', ExitCode.USAGE) from None


def _read_source(outcomes: Outcomes, source: FeedbackSource, keep: KeepCursor) -> IngestResult:
    known, kinds, failure = outcomes.cursor(source.name), Counter[str](), ""
    try:
        for outcome in source.outcomes(Cursor.model_validate_json(known) if known else None):
            if changed := outcomes.add_part(outcome, source.name):
                kinds[changed.kind.value] += 1
        if source.cursor:
            keep(source.cursor)
    except FeedbackError as error:
        failure = str(error)
    return IngestResult(source.name, kinds.total(), kinds, [str(problem) for problem in source.problems], failure)


def _read_proposals(store: Store, project: Project) -> IngestResult:
    """What people said of published proposals on the agent's own repository."""
    from meta.forges.github.proposal_feedback import read_proposal_feedback

    github = project.settings.github
    result = IngestResult(f"proposals:{github.agent_repository}")
    try:
        for proposal in read_proposal_feedback(store, github, project.report):
            result.changed += 1
            result.kinds[f"proposal {proposal.status}"] += 1
            project.report(f"proposal {proposal.id} is {proposal.status}: {proposal.reason}")
    except FeedbackError as error:
        result.failure = str(error)
    return result
