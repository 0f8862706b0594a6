"""From feedback sources into runs.db: incremental, each outcome durable before the next is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from feedback import AgentIdentity, Cursor, FeedbackError, FeedbackSource, JsonlExport, PlainGit
from meta.context import Context
from meta.errors import MetaError


@dataclass
class Ingested:
    """What one source gave."""

    source: str
    changed: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def sources(context: Context, given: list[str]) -> Iterator[FeedbackSource]:
    """The sources of meta.toml, or those given: a folder is a clone, a file is a JSONL export."""
    settings = context.settings
    identity = AgentIdentity(authors=settings.agent.authors, co_authors=settings.agent.co_authors)
    if given:
        for name in given:
            path = Path(name)
            if not path.exists():
                raise MetaError(f"there is no {name}", "name a clone with pull refs or a JSONL export", code=2)
            yield PlainGit(path, identity) if path.is_dir() else JsonlExport(path)
        return
    for repository in settings.repositories:
        path = settings.root / repository.path
        yield PlainGit(path, identity, repository=repository.name or None, main=repository.main)
        if repository.export:
            yield JsonlExport(settings.root / repository.export)


def ingest(context: Context, given: list[str]) -> list[Ingested]:
    """Read every source from where the last time ended. Raises `MetaError` when one cannot be read at all."""
    store, results = context.store, []
    try:
        for source in sources(context, given):
            known = store.cursor(source.name)
            result = Ingested(source.name)
            for outcome in source.outcomes(Cursor.model_validate_json(known) if known else None):
                if store.add_outcome(outcome):
                    result.changed += 1
                    result.kinds[outcome.kind.value] += 1
            if source.cursor:
                store.set_cursor(source.name, source.cursor.model_dump_json())
            result.problems = [str(p) for p in getattr(source, "problems", [])]
            results.append(result)
    except FeedbackError as error:
        raise MetaError(str(error)) from None
    return results
