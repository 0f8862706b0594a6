"""What became of the agent's pull requests, in runs.db: what each source says of one, and the record joined from it."""

from __future__ import annotations

from feedback.outcome import Cause, Outcome, OutcomeEvidence
from feedback.reconciliation import reconcile
from meta.errors import MetaError
from meta.store.definitions import take_timestamp
from meta.store.store import Store


def find_named_outcome(store: Store, name: str) -> Outcome:
    """The outcome called `owner/name#12`, or `#12` or `12` where only one has that number. Raises `MetaError`."""
    repository, _, number = name.rpartition("#")
    rows = store.rows("select record from feedback where key = ? or key like ?", name, f"%#{number}")
    found = [Outcome.model_validate_json(row["record"]) for row in rows]
    exact = [o for o in found if o.key == name] or ([] if repository else found)
    if not exact:
        raise MetaError(f"there is no pull request {name}", "see `meta feedback list`", code=2)
    if len(exact) > 1:
        raise MetaError(f"{name} is not clear: {', '.join(o.key for o in exact)}", "give the whole name", code=2)
    return exact[0]


def add_outcome(store: Store, outcome: Outcome, source: str) -> Outcome | None:
    """Keep what a source says; returns the joined record where that changed. What a person said of the cause stays,
    and what the model said as long as the words that it quoted are there."""
    with store.db.conn as connection:
        connection.execute(
            "insert or replace into feedback_parts (key, source, record) values (?, ?, ?)",
            (outcome.key, source, outcome.model_dump_json()),
        )
    rows = store.rows("select source, record from feedback_parts where key = ? order by source", outcome.key)
    joined = reconcile({row["source"]: Outcome.model_validate_json(row["record"]) for row in rows})
    known = find_outcome(store, outcome.key)
    if known and (known.cause_by == "person" or (known.cause_by == "model" and _still_fits(known, joined))):
        joined = joined.with_cause(known.cause, known.cause_by, known.cause_evidence)
    if known and known.digest == joined.digest:
        return None
    save_outcome(store, joined)
    return joined


def save_outcome(store: Store, outcome: Outcome) -> None:
    """Put the joined record in its place."""
    store.write(
        "insert or replace into feedback (key, kind, cause, cause_by, version, digest, seen_at, record)"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        outcome.key,
        outcome.kind.value,
        outcome.cause.value,
        outcome.cause_by,
        outcome.version,
        outcome.digest,
        take_timestamp(),
        outcome.model_dump_json(),
    )


def find_outcome(store: Store, key: str) -> Outcome | None:
    row = store.one("select record from feedback where key = ?", key)
    return Outcome.model_validate_json(row["record"]) if row else None


def _still_fits(known: Outcome, joined: Outcome) -> bool:
    """Whether a model's cause is still about what is there: nothing else is known, and what it saw is unchanged."""
    if joined.cause is not Cause.UNKNOWN or joined.kind is not known.kind:
        return False
    return _seen(known) == _seen(joined)


def _seen(outcome: Outcome) -> tuple[object, ...]:
    texts: tuple[OutcomeEvidence, ...] = tuple(e for e in outcome.evidence if e.kind in ("person-commit", "revert"))
    return outcome.words, outcome.revision, texts
