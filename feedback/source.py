"""The seam: anything that can say what became of the agent's pull requests.

Implementations: `PlainGit` (feedback.git), `JsonlExport` (feedback.jsonl), `GitHubSource` (feedback.github).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from pydantic import Field

from feedback.outcome import FeedbackRecord, Outcome


class Cursor(FeedbackRecord):
    """How far a source has been read. Stored as JSON (`model_dump_json`); only its source understands it."""

    source: str
    """The source's `name`; a cursor of another source is refused."""
    position: str | None = None
    """The state of the source that was read to its end; equal state, nothing to do."""
    seen: Mapping[str, str] = Field(default_factory=dict)
    """Outcome key to fingerprint, for sources that cannot ask for changes only."""


class FeedbackSource(Protocol):
    """Yields outcomes that are new or changed since a cursor."""

    @property
    def name(self) -> str:
        """Stable name of this source, to store its cursor under."""
        ...

    def outcomes(self, since: Cursor | None = None) -> Iterator[Outcome]:
        """Outcomes that are new or changed since `since`, all of them without one.

        The caller makes each outcome durable before it asks for the next. Raises `FeedbackError` when the
        source cannot be read at all.
        """
        ...

    @property
    def cursor(self) -> Cursor | None:
        """How far `outcomes` has come; None before it was started.

        Covers every outcome after which the next was asked for, so it is safe to store at any moment: after a
        kill the outcome in hand is yielded again and nothing is lost.
        """
        ...
