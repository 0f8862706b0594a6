"""Tickets: what can be replayed, where each one stands, and which ones only the gate may use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meta.records.record import Record
from meta.records.ticket import Admission, Ticket, TicketStatus
from meta.store.database import RunsDatabase
from meta.store.definitions import take_timestamp

REMOVED_BY_HAND, QUARANTINED_BY_HAND = "removed by hand", "quarantined by hand"
"""How a ticket's reason begins where a person took it out of use. It stays `quarantined` until a person restores it."""

STANDING = "select id, status, held_out, source, title, reason from tickets"


class TicketStanding(Record):
    """The state of a ticket, without its text."""

    id: str
    status: TicketStatus
    held_out: bool
    source: str
    title: str
    reason: str


class Tickets:
    """The table `tickets`. A new ticket is held out until it moves to the search."""

    def __init__(self, database: RunsDatabase) -> None:
        self._db = database

    def add(self, ticket: Ticket) -> bool:
        """Keep a ticket, and return whether that changed anything.

        A ticket that replaces another one of the same id, or was removed, has to be admitted again.
        """
        text = ticket.model_dump_json()
        known = self._db.row("select record, reason from tickets where id = ?", ticket.id)
        if known and known["record"] == text and not known["reason"].startswith(REMOVED_BY_HAND):
            return False
        self._db.execute(
            "insert into tickets (id, title, status, source, added_at, record) values (?, ?, 'new', ?, ?, ?)"
            " on conflict (id) do update set title = excluded.title, status = 'new', reason = '',"
            " source = excluded.source, record = excluded.record",
            ticket.id,
            ticket.title,
            ticket.source,
            take_timestamp(),
            text,
        )
        return True

    def record_admission(self, ticket: Ticket, admission: Admission) -> None:
        """Record the result of a ticket's admission: admitted, or quarantined with the reason.

        It also replaces the ticket, whose grader may have become smaller.
        """
        result = {"status": admission.status, "reason": admission.reason, "record": ticket.model_dump_json()}
        self._db.update("tickets", ticket.id, result)

    def reset(self) -> None:
        """Make every ticket new, so that it has to be admitted again, except those that a person took out of use."""
        self._db.execute(
            "update tickets set status = 'new', reason = '' where reason not like ? and reason not like ?",
            f"{REMOVED_BY_HAND}%",
            f"{QUARANTINED_BY_HAND}%",
        )

    def remove(self, ids: Iterable[str], reason: str = "") -> None:
        """Take tickets out of use and out of every list. Their replays stay, and nothing makes them again by itself."""
        self._take_out(ids, REMOVED_BY_HAND, reason)

    def quarantine_by_hand(self, ids: Iterable[str], reason: str) -> None:
        """Take tickets out of use for a person's reason, which `reset` leaves alone."""
        self._take_out(ids, QUARANTINED_BY_HAND, reason)

    def restore(self, ids: Iterable[str]) -> None:
        """Make tickets new again, whatever they were."""
        self._db.execute_each(
            "update tickets set status = 'new', reason = '' where id = ?", [(ticket_id,) for ticket_id in ids]
        )

    def find(self, ticket_id: str) -> Ticket | None:
        """Return the ticket with this id, also if it was removed."""
        text = self._db.value("select record from tickets where id = ?", ticket_id)
        return Ticket.model_validate_json(text) if text else None

    def all(self) -> list[Ticket]:
        """Return every ticket, in the order they were added, also those that were removed."""
        return self._read("1")

    def waiting(self) -> list[Ticket]:
        """Return new tickets, which still have to be admitted."""
        return self._read("status = 'new'")

    def admitted(self) -> list[Ticket]:
        """Return all admitted tickets."""
        return self._read("status = 'admitted'")

    def for_search(self) -> list[Ticket]:
        """Return admitted tickets that the proposer may read."""
        return self._read("status = 'admitted' and not held_out")

    def held_out(self) -> list[Ticket]:
        """Return admitted tickets that only the gate may use."""
        return self._read("status = 'admitted' and held_out")

    def sources_held_out(self) -> set[str]:
        """Return the sources of all held-out tickets, whatever their status."""
        return {row["source"] for row in self._db.rows("select distinct source from tickets where held_out")}

    def move_to_search(self, ids: Iterable[str]) -> None:
        """Let the proposer read these tickets; the gate no longer uses them."""
        self._db.execute_each("update tickets set held_out = 0 where id = ?", [(ticket_id,) for ticket_id in ids])

    def count_decision(self, ids: Iterable[str]) -> None:
        """Count one decision of the gate for each of these tickets."""
        self._db.execute_each(
            "update tickets set decisions = decisions + 1 where id = ?", [(ticket_id,) for ticket_id in ids]
        )

    def decisions(self) -> dict[str, int]:
        """Return how many decisions of the gate each ticket has served, by id."""
        return {row["id"]: row["decisions"] for row in self._db.rows("select id, decisions from tickets")}

    def least_decided(self, tickets: Sequence[Ticket], most: int) -> list[Ticket]:
        """Return up to `most` of these tickets, those with the fewest decisions first."""
        served = self.decisions()
        return sorted(tickets, key=lambda ticket: (served.get(ticket.id, 0), ticket.id))[:most]

    def worn_out(self, decisions: int) -> list[str]:
        """Return ids of held-out tickets with at least this many decisions, worst first."""
        found = self._db.rows(
            "select id from tickets where status = 'admitted' and held_out and decisions >= ?"
            " order by decisions desc, id",
            decisions,
        )
        return [row["id"] for row in found]

    def standings(self) -> list[TicketStanding]:
        """Return the state of every ticket that was not removed, in the order they were added."""
        found = self._db.rows(f"{STANDING} where reason not like ? order by added_at, id", f"{REMOVED_BY_HAND}%")
        return [TicketStanding(**row) for row in found]

    def standing(self, ticket_id: str) -> TicketStanding | None:
        """Return the state of one ticket, if there is one with this id."""
        row = self._db.row(f"{STANDING} where id = ?", ticket_id)
        return TicketStanding(**row) if row else None

    def from_source(self, source: str) -> list[TicketStanding]:
        """Return the state of each ticket from one source, such as `pr:12`."""
        return [TicketStanding(**row) for row in self._db.rows(f"{STANDING} where source = ?", source)]

    def _take_out(self, ids: Iterable[str], how: str, reason: str) -> None:
        words = f"{how}: {reason.strip()}" if reason.strip() else how
        with self._db.all_or_nothing():
            for ticket_id in ids:
                self._db.update("tickets", ticket_id, {"status": "quarantined", "reason": words})

    def _read(self, condition: str) -> list[Ticket]:
        found = self._db.rows(f"select record from tickets where {condition} order by added_at, id")
        return [Ticket.model_validate_json(row["record"]) for row in found]
