"""The protocol that every source of feedback follows.

Implementations: `PlainGit` (`feedback.git.plain_git`), `GitHubSource` (`feedback.github.github_source`) and
`JsonlExport` (`feedback.jsonl`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from pydantic import Field

from feedback.outcome import FeedbackRecord, Outcome
from feedback.problems import FeedbackError, Problem


class Cursor(FeedbackRecord):
    """How far a source has been read.

    The caller stores it as JSON; only its source understands it.
    """

    source: str
    """The source's `name`; a source refuses the cursor of another."""
    position: str | None = None
    """The state up to which the source has been read; while it is unchanged there is nothing to do."""
    seen: Mapping[str, str] = Field(default_factory=dict)
    """Fingerprint by outcome key, for sources that cannot ask for changes alone."""


class FeedbackSource(Protocol):
    """Yields the outcomes that are new or have changed since a cursor."""

    @property
    def name(self) -> str:
        """A stable name, `kind:…`, to store the cursor under."""
        ...

    def outcomes(self, since: Cursor | None = None) -> Iterator[Outcome]:
        """Yield outcomes that are new or have changed since a cursor.

        Without a cursor, yields all.

        The caller stores each outcome before it asks for the next. Raises `FeedbackError` if the source cannot be
        read at all.
        """
        ...

    @property
    def cursor(self) -> Cursor | None:
        """How far `outcomes` has got; None before it has started.

        It covers only outcomes that the caller is done with, so it is safe to store at any time: after a kill some are
        yielded again, and none is lost.
        """
        ...

    @property
    def problems(self) -> Sequence[Problem]:
        """What could not be read, or not in full; complete once `outcomes` has ended."""
        ...


def check_cursor(cursor: Cursor | None, name: str) -> None:
    """Raise `FeedbackError` if a cursor belongs to a source with another name."""
    if cursor is not None and cursor.source != name:
        raise FeedbackError(f"This cursor belongs to {cursor.source}, not to {name}. Start without a cursor.")
