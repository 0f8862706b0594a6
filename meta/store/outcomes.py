"""Outcomes: how the agent's pull requests ended, as each source tells it and reconciled into one record."""

from __future__ import annotations

from collections.abc import Iterator

from feedback.outcome import AGENT_CAUSES, Cause, Outcome, OutcomeEvidence, OutcomeKind
from feedback.reconciliation import reconcile
from meta.errors import ExitCode, MetaError
from meta.records.record import Record
from meta.records.ticket import TicketStatus
from meta.store.database import RunsDatabase
from meta.store.definitions import take_timestamp


class OutcomeCount(Record):
    """How many pull requests ended in the same way, for the same cause."""

    kind: OutcomeKind
    cause: Cause
    n: int


class AgentShare(Record):
    """Pull requests that were closed unmerged, by whose doing it was, and by whom the cause was told.

    Those of unknown cause are counted, not left out.
    """

    rejected: int
    agents: int
    others: int
    unknown: int
    by_rule: int
    by_model: int
    by_person: int


class FeedbackTicket(Record):
    """The newest attempt to turn a pull request that came back into a ticket."""

    key: str
    """owner/name#number"""
    digest: str
    """The digest of the outcome at the time."""
    fix_commit: str
    ticket: str | None
    """The ticket's id; `None` if none could be made."""
    status: TicketStatus
    reason: str


class Outcomes:
    """The tables `feedback`, `feedback_parts`, `cursors` and `feedback_tickets`."""

    def __init__(self, database: RunsDatabase) -> None:
        self._db = database

    def add_part(self, outcome: Outcome, source: str) -> Outcome | None:
        """Keep what a source says, and return the reconciled record if that changed it.

        A cause that a person named is kept; one that the model named is kept as long as what it saw is unchanged.
        """
        part = {"key": outcome.key, "source": source, "record": outcome.model_dump_json()}
        self._db.insert("feedback_parts", part, replace=True)
        rows = self._db.rows("select source, record from feedback_parts where key = ? order by source", outcome.key)
        joined = reconcile({row["source"]: Outcome.model_validate_json(row["record"]) for row in rows})
        known = self.find(outcome.key)
        if known and (known.cause_by == "person" or (known.cause_by == "model" and _still_fits(known, joined))):
            joined = joined.with_cause(known.cause, known.cause_by, known.cause_evidence)
        if known and known.digest == joined.digest:
            return None
        self.save(joined)
        return joined

    def save(self, outcome: Outcome) -> None:
        """Save the reconciled record of a pull request."""
        row = {
            "key": outcome.key,
            "kind": outcome.kind.value,
            "cause": outcome.cause.value,
            "cause_by": outcome.cause_by,
            "version": outcome.version,
            "digest": outcome.digest,
            "seen_at": take_timestamp(),
            "record": outcome.model_dump_json(),
        }
        self._db.insert("feedback", row, replace=True)

    def find(self, key: str) -> Outcome | None:
        """Return the outcome of the pull request `owner/name#number`, if it is known."""
        text = self._db.value("select record from feedback where key = ?", key)
        return Outcome.model_validate_json(text) if text else None

    def named(self, name: str) -> Outcome:
        """Return the outcome that a person calls `owner/name#12`, `#12` or `12`.

        Raises `MetaError` if there is none, or if the number alone is ambiguous.
        """
        repository, _, number = name.rpartition("#")
        rows = self._db.rows("select record from feedback where key = ? or key like ?", name, f"%#{number}")
        found = [Outcome.model_validate_json(row["record"]) for row in rows]
        exact = [o for o in found if o.key == name] or ([] if repository else found)
        if not exact:
            raise MetaError(f"no known pull request is called {name}", "see `meta feedback list`", ExitCode.USAGE)
        if len(exact) > 1:
            raise MetaError(
                f"{name} is ambiguous: {', '.join(o.key for o in exact)}", "give the full name", ExitCode.USAGE
            )
        return exact[0]

    def all(self) -> list[Outcome]:
        """Return every outcome, by key."""
        found = self._db.rows("select record from feedback order by key")
        return [Outcome.model_validate_json(row["record"]) for row in found]

    def without_cause(self) -> Iterator[Outcome]:
        """Yield pull requests that came back for no known cause, newest first."""
        kinds = [kind.value for kind in OutcomeKind if kind.came_back]
        found = self._db.rows(
            f"select key from feedback where cause_by is null and kind in ({', '.join('?' * len(kinds))})"
            " order by json_extract(record, '$.closed_at') desc, key desc",
            *kinds,
        )
        for row in found:
            outcome = self.find(row["key"])
            if outcome:
                yield outcome

    def counts(self) -> list[OutcomeCount]:
        """Count pull requests by kind and cause, with the main cause of each kind first."""
        found = self._db.rows(
            "select kind, cause, count(*) as n from feedback group by kind, cause order by kind, n desc"
        )
        return [OutcomeCount(**row) for row in found]

    def counts_by_kind(self) -> dict[OutcomeKind, int]:
        """Count pull requests by kind, most frequent first."""
        found = self._db.rows("select kind, count(*) as n from feedback group by kind order by n desc")
        return {OutcomeKind(row["kind"]): row["n"] for row in found}

    def agent_share(self) -> AgentShare:
        """Return how many of the rejected pull requests are the agent's doing."""
        found = self._db.rows("select cause, cause_by from feedback where kind = ?", OutcomeKind.REJECTED.value)
        known = [row["cause_by"] for row in found if Cause(row["cause"]) is not Cause.UNKNOWN]
        agents = sum(Cause(row["cause"]) in AGENT_CAUSES for row in found)
        return AgentShare(
            rejected=len(found),
            agents=agents,
            others=len(known) - agents,
            unknown=len(found) - len(known),
            by_rule=known.count("rule"),
            by_model=known.count("model"),
            by_person=known.count("person"),
        )

    # How far each source was read.

    def cursor(self, source: str) -> str | None:
        """Return where reading a source ended last time, in that source's own format."""
        found = self._db.value("select cursor from cursors where source = ?", source)
        return None if found is None else str(found)

    def set_cursor(self, source: str, cursor: str) -> None:
        """Record how far a source was read."""
        self._db.insert("cursors", {"source": source, "cursor": cursor, "at": take_timestamp()}, replace=True)

    # Which of them were tried as tickets.

    def feedback_ticket(self, key: str) -> FeedbackTicket | None:
        """Return the newest attempt to turn this pull request into a ticket, if any."""
        row = self._db.row("select * from feedback_tickets where key = ?", key)
        return FeedbackTicket(**row) if row else None

    def save_feedback_ticket(self, tried: FeedbackTicket) -> None:
        """Record an attempt to turn a pull request into a ticket."""
        self._db.insert("feedback_tickets", tried.model_dump(), replace=True)


def _still_fits(known: Outcome, joined: Outcome) -> bool:
    """Whether the model's cause still holds: no rule names another one, and what the model saw is unchanged."""
    if joined.cause is not Cause.UNKNOWN or joined.kind is not known.kind:
        return False
    return _seen(known) == _seen(joined)


def _seen(outcome: Outcome) -> tuple[object, ...]:
    texts: tuple[OutcomeEvidence, ...] = tuple(e for e in outcome.evidence if e.kind in ("person-commit", "revert"))
    return outcome.words, outcome.revision, texts
